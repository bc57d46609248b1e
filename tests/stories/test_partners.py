"""Partners: who am I, several keys, each dead the moment it is deleted, nothing seen of others."""

import re

import pytest

from domain.api_keys import is_whole
from tests.stories.client import Client, a_key, a_person, an_event, is_replay, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
KEY = re.compile(r"mir_sandbox_[0-9A-Za-z]{49}")


def a_new_key(partner: Client) -> tuple[str, Client]:
    """One more key of a partner: its id, and a client that shows it."""
    reply = partner.post("/v1/partners/keys")
    assert reply.status_code == 201, told(reply)
    made = reply.json()
    return made["keyId"], Client(partner.http, made["apiKey"])


def key_ids(partner: Client) -> list[str]:
    return [key["keyId"] for key in partner.get("/v1/partners/keys")["data"]]


def test_a_partner_sees_who_it_is(a_partner: MakePartner) -> None:
    me = a_partner().get("/v1/partners/me")

    assert me["environment"] == "sandbox"
    assert me["slug"] == me["name"].lower().replace(" ", "-")
    assert MOMENT.fullmatch(me["approvedAt"])


def test_the_first_start_prints_a_key_that_opens_the_first_partner(partner: Client) -> None:
    assert partner.get("/partners/me")["slug"] == "first-partner"


# Keys


def test_keys_are_well_formed(partner: Client, a_partner: MakePartner) -> None:
    for key in (partner.key, a_partner().key, a_new_key(a_partner())[1].key):
        assert key is not None
        assert KEY.fullmatch(key)
        assert is_whole(key)


def test_a_new_key_opens_the_same_tenant_at_once(a_partner: MakePartner) -> None:
    partner = a_partner()
    event = partner.submit()

    _, second = a_new_key(partner)

    assert second.get("/v1/partners/me") == partner.get("/v1/partners/me")
    assert [found["id"] for found in second.events()] == [event["id"]]


def test_the_list_of_keys_shows_each_by_its_beginning_only(a_partner: MakePartner) -> None:
    partner = a_partner()
    key_id, second = a_new_key(partner)

    listed = partner.get("/v1/partners/keys")["data"]

    assert [key["keyId"] for key in listed][1:] == [key_id]
    for key, shown in zip(listed, (partner.key, second.key), strict=True):
        assert shown is not None
        assert shown.startswith(key["prefix"])
        assert len(key["prefix"]) < 20
        assert MOMENT.fullmatch(key["madeAt"])
        assert set(key) == {"keyId", "prefix", "madeAt", "lastUsedAt"}


def test_a_reply_that_shows_a_key_is_kept_by_nothing_in_between(a_partner: MakePartner) -> None:
    reply = a_partner().post("/v1/partners/keys")

    assert reply.headers["cache-control"] == "no-store"


def test_a_key_is_shown_this_once(a_partner: MakePartner) -> None:
    partner = a_partner()
    _, second = a_new_key(partner)
    assert second.key is not None

    for path in ("/v1/partners/me", "/v1/partners/keys"):
        assert second.key not in partner.try_get(path).text


def test_a_repeat_of_a_new_key_s_request_has_null_for_the_secret(a_partner: MakePartner) -> None:
    partner, key = a_partner(), a_key()

    first = partner.post("/v1/partners/keys", key=key)
    second = partner.post("/v1/partners/keys", key=key)

    assert (first.status_code, second.status_code) == (201, 201)
    assert is_replay(second)
    assert second.json() == first.json() | {"apiKey": None}
    assert len(key_ids(partner)) == 2


def test_keys_without_an_idempotency_key_are_never_repeats(a_partner: MakePartner) -> None:
    partner = a_partner()

    made = {a_new_key(partner)[0] for _ in range(3)}

    assert len(made) == 3


def test_a_deleted_key_is_401_at_its_next_request(a_partner: MakePartner) -> None:
    partner = a_partner()
    key_id, second = a_new_key(partner)
    assert second.get("/v1/partners/me")

    deleted = partner.delete(f"/v1/partners/keys/{key_id}")

    assert deleted.status_code == 200
    assert deleted.json()["keyId"] == key_id
    assert refusal(second.try_get("/v1/partners/me")) == (401, "UNAUTHENTICATED")
    assert key_id not in key_ids(partner)


def test_a_deleted_key_gets_no_replay_of_what_it_did(a_partner: MakePartner) -> None:
    partner = a_partner()
    key_id, second = a_new_key(partner)
    event, key = an_event(), a_key()
    assert second.post("/v1/events", event, key=key).status_code == 201

    partner.delete(f"/v1/partners/keys/{key_id}")

    assert refusal(second.post("/v1/events", event, key=key)) == (401, "UNAUTHENTICATED")
    assert refusal(second.post("/v1/events", event)) == (401, "UNAUTHENTICATED")


def test_a_key_may_delete_itself_when_there_is_another(a_partner: MakePartner) -> None:
    partner = a_partner()
    key_id, second = a_new_key(partner)

    assert second.delete(f"/v1/partners/keys/{key_id}").status_code == 200
    assert refusal(second.delete(f"/v1/partners/keys/{key_id}")) == (401, "UNAUTHENTICATED")


def test_a_key_is_deleted_once(a_partner: MakePartner) -> None:
    partner = a_partner()
    key_id, _ = a_new_key(partner)
    partner.delete(f"/v1/partners/keys/{key_id}")

    assert refusal(partner.delete(f"/v1/partners/keys/{key_id}")) == (404, "NOT_FOUND")


def test_the_last_key_stays(a_partner: MakePartner) -> None:
    partner = a_partner()
    (only,) = key_ids(partner)

    reply = partner.delete(f"/v1/partners/keys/{only}")

    assert refusal(reply) == (409, "LAST_KEY")
    assert partner.get("/v1/partners/me")


def test_the_first_key_goes_once_there_is_a_second(a_partner: MakePartner) -> None:
    partner = a_partner()
    (first,) = key_ids(partner)
    _, second = a_new_key(partner)

    assert partner.delete(f"/v1/partners/keys/{first}").status_code == 200
    assert refusal(partner.try_get("/v1/partners/me")) == (401, "UNAUTHENTICATED")
    assert second.get("/v1/partners/me")


def test_a_tenant_holds_20_keys_at_most(a_partner: MakePartner) -> None:
    partner = a_partner()
    for _ in range(19):
        a_new_key(partner)

    assert refusal(partner.post("/v1/partners/keys")) == (409, "TOO_MANY_KEYS")


@pytest.mark.parametrize("key_id", ["1", "%00", "..", "x" * 1_000, "caf%C3%A9"])
def test_a_key_that_nobody_holds_is_404(partner: Client, key_id: str) -> None:
    reply = partner.delete(f"/v1/partners/keys/{key_id}")

    assert refusal(reply) == (404, "NOT_FOUND")


# Others


def test_another_partner_s_key_is_as_unknown_as_none(a_partner: MakePartner) -> None:
    mine, other = a_partner(), a_partner()
    theirs, _ = a_new_key(other)

    reply = mine.delete(f"/v1/partners/keys/{theirs}")

    assert refusal(reply) == (404, "NOT_FOUND")
    assert reply.content == mine.delete("/v1/partners/keys/none").content
    assert theirs in key_ids(other)


def test_a_second_partner_sees_nothing_of_the_first_s_people(a_partner: MakePartner) -> None:
    mine, other = a_partner(), a_partner()
    person = a_person()
    mine.has_history(person, 12, days=20)

    assert other.events() == []
    assert other.events(userExternalId=person) == []
    assert other.standing(person)["tier"] == 0
    assert other.standing(person)["signals"]["eventCount"] == 0
    assert other.evaluate(person, "job.accept")["decision"] == "LIMIT"
    for reply in (
        other.try_get("/v1/resolve", userExternalId=person),
        other.post("/v1/entities/erase", {"userExternalId": person}),
    ):
        assert refusal(reply) == (404, "NOT_FOUND")
        assert reply.content == other.try_get("/v1/resolve", userExternalId=a_person()).content
    assert mine.standing(person)["tier"] == 1


def test_one_external_id_of_two_partners_is_two_people(a_partner: MakePartner) -> None:
    mine, other = a_partner(), a_partner()
    person = a_person()

    first, second = mine.submit(userExternalId=person), other.submit(userExternalId=person)

    assert first["entityId"] != second["entityId"]
    assert mine.standing(person)["signals"]["eventCount"] == 1


def test_as_of_a_position_of_another_s_event_shows_nothing_of_it(a_partner: MakePartner) -> None:
    mine, other = a_partner(), a_partner()
    person = a_person()
    position = mine.submit(userExternalId=person)["position"]

    assert other.standing(person, asOf=position)["signals"]["eventCount"] == 0
    assert refusal(other.try_get("/v1/resolve", userExternalId=person, asOf=position))[0] == 404
