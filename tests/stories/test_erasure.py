"""Erasure: the person becomes nobody, for good; the history stays, nobody's."""

import psycopg

from tests.stories.client import Client, a_key, a_person, an_event, is_replay, refusal
from tests.stories.conftest import MakePartner


def erased(partner: Client, person: str) -> dict[str, object]:
    reply = partner.post("/v1/entities/erase", {"userExternalId": person})
    assert reply.status_code == 200
    done: dict[str, object] = reply.json()
    return done


def test_an_erasure_says_which_entity_and_when(partner: Client) -> None:
    person = a_person()
    event = partner.submit(userExternalId=person)

    done = erased(partner, person)

    assert set(done) == {"entityId", "erasedAt", "position"}
    assert done["entityId"] == event["entityId"]
    assert done["position"] == partner.head()


def test_an_erasure_of_somebody_linked_says_one_position(a_partner: MakePartner) -> None:
    ours, theirs, person = a_partner(), a_partner(), a_person()
    code = ours.post("/v1/links", {"userExternalId": person}).json()["linkCode"]
    theirs.post("/v1/links/redeem", {"linkCode": code, "userExternalId": a_person()})

    reply = ours.post("/v1/entities/erase", {"userExternalId": person})

    assert reply.json()["position"] == int(reply.headers["x-log-position"]) == ours.head()


def test_afterwards_the_person_is_unknown(partner: Client) -> None:
    person = a_person()
    partner.has_history(person, 12, days=20)
    assert partner.standing(person)["tier"] == 1

    erased(partner, person)

    assert partner.standing(person)["tier"] == 0
    assert partner.standing(person)["signals"]["eventCount"] == 0
    assert partner.evaluate(person, "payout.request")["tier"] == 0
    assert partner.events(userExternalId=person) == []
    assert refusal(partner.try_get("/v1/resolve", userExternalId=person)) == (404, "NOT_FOUND")


def test_the_past_knows_the_person_no_more_either(partner: Client) -> None:
    person = a_person()
    position = partner.submit(userExternalId=person)["position"]

    erased(partner, person)

    assert partner.standing(person, asOf=position)["signals"]["eventCount"] == 0


def test_the_history_stays_under_its_entity(a_partner: MakePartner) -> None:
    partner = a_partner()
    person = a_person()
    sent = [partner.submit(userExternalId=person) for _ in range(3)]

    erased(partner, person)

    found = partner.events()
    assert [event["id"] for event in found] == [event["id"] for event in sent][::-1]
    assert {event["entityId"] for event in found} == {sent[0]["entityId"]}
    assert {event["userExternalId"] for event in found} == {None}


def test_somebody_is_erased_once(partner: Client) -> None:
    person = a_person()
    partner.submit(userExternalId=person)
    erased(partner, person)

    reply = partner.post("/v1/entities/erase", {"userExternalId": person})

    assert refusal(reply) == (404, "NOT_FOUND")


def test_nobody_cannot_be_erased_and_nothing_is_recorded(partner: Client) -> None:
    with partner.storing_nothing():
        reply = partner.post("/v1/entities/erase", {"userExternalId": a_person()})

    assert refusal(reply) == (404, "NOT_FOUND")


def test_an_event_after_an_erasure_begins_a_new_entity(partner: Client) -> None:
    person = a_person()
    before = partner.submit(userExternalId=person)
    erased(partner, person)

    after = partner.submit(userExternalId=person)

    assert after["entityId"] != before["entityId"]
    assert partner.standing(person)["signals"]["eventCount"] == 1
    assert [event["id"] for event in partner.events(userExternalId=person)] == [after["id"]]


def test_the_replies_kept_for_the_person_s_events_are_gone(partner: Client) -> None:
    person = a_person()
    event, key = an_event(userExternalId=person), a_key()
    first = partner.post("/v1/events", event, key=key)
    automatic = partner.post("/v1/events", event)

    erased(partner, person)

    for again in (partner.post("/v1/events", event, key=key), partner.post("/v1/events", event)):
        assert not is_replay(again)
        assert again.json()["id"] not in {first.json()["id"], automatic.json()["id"]}


def test_others_are_not_touched(partner: Client) -> None:
    person, other = a_person(), a_person()
    partner.submit(userExternalId=person)
    event, key = an_event(userExternalId=other), a_key()
    partner.post("/v1/events", event, key=key)

    erased(partner, person)

    assert partner.standing(other)["signals"]["eventCount"] == 1
    assert is_replay(partner.post("/v1/events", event, key=key))


def test_no_table_leads_from_the_person_to_the_entity_any_more(
    partner: Client, log_url: str
) -> None:
    person = a_person()
    entity_id = partner.submit(userExternalId=person)["entityId"]
    ways = "select count(*) from subject where entity_id = %s"
    with psycopg.connect(log_url, autocommit=True) as connection:
        assert connection.execute(ways, [entity_id]).fetchone() == (1,)

        erased(partner, person)

        assert connection.execute(ways, [entity_id]).fetchone() == (0,)
