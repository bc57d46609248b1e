"""Claims over HTTP: filed, contested, settled; seen in decisions, never in the tier."""

from typing import Any

import pytest

from domain.claim import CLAIM_TYPES
from tests.stories.client import Client, a_key, a_person, is_replay, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told


def filed(client: Client, person: str, **fields: Any) -> dict[str, Any]:
    """A claim that must be taken."""
    body = {"userExternalId": person, "claimType": "fraud", **fields}
    reply = client.post("/v1/claims", body, key=a_key())
    assert reply.status_code == 201, told(reply)
    claim: dict[str, Any] = reply.json()
    return claim


def moved(client: Client, claim: dict[str, Any], move: str, **body: object) -> str:
    """The status of a claim after a move that must be taken."""
    reply = client.post(f"/v1/claims/{claim['id']}/{move}", body or None)
    assert reply.status_code == 200, told(reply)
    return str(reply.json()["status"])


@pytest.mark.parametrize("kind", CLAIM_TYPES)
def test_each_kind_is_taken_by_its_name_and_by_its_bare_word(partner: Client, kind: str) -> None:
    person = a_person()

    by_name = filed(partner, person, claimType=kind)
    by_word = filed(partner, person, claimType=kind.removeprefix("claim."))

    assert by_name["claimType"] == by_word["claimType"] == kind
    assert by_name["status"] == "OPEN"
    assert by_name["userExternalId"] == person


def test_an_unknown_kind_is_refused_and_the_hint_names_them(partner: Client) -> None:
    with partner.storing_nothing():
        reply = partner.post("/v1/claims", {"userExternalId": a_person(), "claimType": "gossip"})

    assert refusal(reply) == (400, "INVALID_CLAIM_TYPE")
    assert all(kind in reply.json()["hint"] for kind in CLAIM_TYPES)


def test_a_claim_on_somebody_unknown_makes_them_known(partner: Client) -> None:
    person = a_person()
    assert refusal(partner.try_get("/v1/resolve", userExternalId=person)) == (404, "NOT_FOUND")

    filed(partner, person)

    assert partner.get("/v1/resolve", userExternalId=person)["claimStatus"] == "flagged"


def test_claims_flag_an_actor_and_leave_the_tier_alone(partner: Client) -> None:
    person = a_person()
    partner.has_history(person, 10, days=20)
    before = partner.evaluate(person, "message.send_bulk")

    filed(partner, person)
    after = partner.evaluate(person, "message.send_bulk")

    assert (before["decision"], before["claimStatus"], before["tier"]) == ("ALLOW", "clean", 1)
    assert (after["decision"], after["claimStatus"], after["tier"]) == ("STEP_UP", "flagged", 1)
    assert after["reasons"] == ["CLAIM_FLAGGED"]


def test_the_status_of_claims_follows_each_of_them(partner: Client) -> None:
    person = a_person()

    def status() -> object:
        return partner.get("/v1/resolve", userExternalId=person)["claimStatus"]

    first, second = filed(partner, person), filed(partner, person, claimType="abuse")
    assert status() == "flagged"
    assert moved(partner, first, "contest", reasonCode="NOT_ME") == "CONTESTED"
    assert status() == "flagged"
    assert moved(partner, second, "contest", reasonCode="INCORRECT") == "CONTESTED"
    assert status() == "contested"
    assert moved(partner, first, "uphold") == "UPHELD"
    assert status() == "flagged"
    assert moved(partner, second, "dismiss") == "DISMISSED"
    assert moved(partner, first, "withdraw") == "WITHDRAWN"
    assert status() == "clean"
    assert partner.standing(person)["claims"] == {"summary": "NONE_RECORDED", "recordedCount": 2}


@pytest.mark.parametrize("move", ["uphold", "dismiss"])
def test_an_open_claim_cannot_be_settled_before_it_is_contested(partner: Client, move: str) -> None:
    claim = filed(partner, a_person())

    reply = partner.post(f"/v1/claims/{claim['id']}/{move}")

    assert refusal(reply) == (409, "INVALID_CLAIM_STATE")


def test_another_partner_sees_nothing_of_a_claim(partner: Client, a_partner: MakePartner) -> None:
    claim, other = filed(partner, a_person()), a_partner()

    missing = other.try_get("/v1/claims/no-such-claim")
    foreign = other.try_get(f"/v1/claims/{claim['id']}")
    moves = [other.post(f"/v1/claims/{claim['id']}/{move}") for move in ("uphold", "withdraw")]
    contest = other.post(f"/v1/claims/{claim['id']}/contest", {"reasonCode": "OTHER"})

    assert refusal(missing) == (404, "NOT_FOUND")
    assert foreign.content == missing.content
    assert {reply.content for reply in (*moves, contest)} == {missing.content}
    assert other.get("/v1/claims")["data"] == []


def test_a_repeat_without_a_key_is_a_replay_and_another_reference_is_not(partner: Client) -> None:
    body = {"userExternalId": a_person(), "claimType": "abuse", "reference": "case-1"}

    first, again = partner.post("/v1/claims", body), partner.post("/v1/claims", body)
    other = partner.post("/v1/claims", {**body, "reference": "case-2"})

    assert is_replay(again)
    assert again.headers["x-idempotency-auto"] == "true"
    assert again.content == first.content
    assert not is_replay(other)


def test_the_bare_word_and_the_full_name_of_a_kind_are_one_for_a_repeat(partner: Client) -> None:
    body = {"userExternalId": a_person(), "claimType": "fraud"}

    first = partner.post("/v1/claims", body)
    again = partner.post("/v1/claims", {**body, "claimType": "claim.fraud"})

    assert is_replay(again)
    assert again.content == first.content


def test_a_move_with_a_key_is_done_once(partner: Client) -> None:
    claim, key = filed(partner, a_person()), a_key()

    first = partner.post(f"/v1/claims/{claim['id']}/withdraw", key=key)
    again = partner.post(f"/v1/claims/{claim['id']}/withdraw", key=key)

    assert first.json()["status"] == again.json()["status"] == "WITHDRAWN"
    assert is_replay(again)


def test_lists_go_page_by_page_newest_first(a_partner: MakePartner) -> None:
    client, person = a_partner(), a_person()
    claims = [filed(client, person, reference=f"case-{number}") for number in range(5)]

    first = client.get("/v1/claims", limit=3)
    filed(client, person)
    rest = client.get("/v1/claims", limit=3, cursor=first["pagination"]["cursor"])

    listed = [claim["reference"] for claim in first["data"] + rest["data"]]
    assert listed == [claim["reference"] for claim in reversed(claims)]
    assert rest["pagination"] == {"cursor": None, "hasMore": False}


def test_lists_are_of_one_person_or_one_status_if_wanted(a_partner: MakePartner) -> None:
    client, person = a_partner(), a_person()
    claim, open_claim = filed(client, person), filed(client, a_person())
    moved(client, claim, "withdraw")

    def ids(**query: Any) -> list[str]:
        return [one["id"] for one in client.get("/v1/claims", **query)["data"]]

    assert ids(status="WITHDRAWN") == [claim["id"]]
    assert ids(status="OPEN") == [open_claim["id"]]
    assert ids(userExternalId=person) == [claim["id"]]
    assert ids(userExternalId=person, status="OPEN") == []


def test_a_claim_can_be_seen_as_it_was(partner: Client) -> None:
    person = a_person()
    claim = filed(partner, person)
    then = partner.head()
    moved(partner, claim, "withdraw")

    was = partner.get(f"/v1/claims/{claim['id']}", asOf=then)
    against = partner.get("/v1/claims", userExternalId=person, asOf=then)["data"]

    assert was["status"] == "OPEN"
    assert [one["status"] for one in against] == ["OPEN"]
    assert partner.standing(person, asOf=then)["claims"]["summary"] == "FLAGGED"


@pytest.mark.parametrize("reference", ["", "x" * 65, "two words", "naïve", "tab\t"])
def test_a_reference_is_short_visible_ascii(partner: Client, reference: str) -> None:
    body = {"userExternalId": a_person(), "claimType": "abuse", "reference": reference}

    assert refusal(partner.post("/v1/claims", body)) == (400, "INVALID_FIELD")
