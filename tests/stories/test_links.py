"""Links over HTTP: two partners' entities become one, share standing and claims, and part."""

from typing import Any

import pytest

from tests.stories.client import Client, a_key, a_person, is_replay, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told


def offered(client: Client, person: str) -> str:
    """The code of an offer."""
    reply = client.post("/v1/links", {"userExternalId": person})
    assert reply.status_code == 201, told(reply)
    return str(reply.json()["linkCode"])


def redeemed(client: Client, code: str, person: str) -> dict[str, Any]:
    """The link that a code makes."""
    reply = client.post("/v1/links/redeem", {"linkCode": code, "userExternalId": person})
    assert reply.status_code == 200, told(reply)
    link: dict[str, Any] = reply.json()
    return link


def name_of(client: Client) -> str:
    """The partner's name."""
    return str(client.get("/v1/partners/me")["name"])


@pytest.fixture
def pair(a_partner: MakePartner) -> tuple[Client, Client]:
    """Two partners."""
    return a_partner(), a_partner()


def test_a_code_joins_two_partners_entities(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    person, same_person = a_person(), a_person()

    link = redeemed(theirs, offered(ours, person), same_person)

    assert link == {"linked": True, "partners": [name_of(ours)]}
    status = ours.get("/v1/links/status", userExternalId=person)
    assert status == {"linked": True, "partners": [name_of(theirs)]}


def test_the_linked_share_standing_and_their_events_stay_their_own(
    pair: tuple[Client, Client],
) -> None:
    ours, theirs = pair
    person, same_person = a_person(), a_person()
    ours.has_history(person, 30, days=40)
    theirs.has_history(same_person, 20, days=31)

    redeemed(theirs, offered(ours, person), same_person)
    found = theirs.standing(same_person)

    assert found["tier"] == 2
    assert found["signals"]["eventCount"] == 50
    assert found["signals"]["tierQualifiedPartnerCount"] == 2
    assert found["ownSignals"]["eventCount"] == 20
    assert len(theirs.events(userExternalId=same_person)) == 20


def test_too_few_sources_do_not_raise_the_tier(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    person, same_person = a_person(), a_person()
    ours.has_history(person, 9, days=40)
    theirs.has_history(same_person, 45, days=31)

    redeemed(theirs, offered(ours, person), same_person)

    assert ours.standing(person)["tier"] == 1
    assert theirs.standing(same_person)["tier"] == 1


def test_the_linked_share_claims_with_the_issuers_name(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    person, same_person = a_person(), a_person()
    claim = ours.post(
        "/v1/claims", {"userExternalId": person, "claimType": "fraud", "reference": "case-9"}
    ).json()

    redeemed(theirs, offered(ours, person), same_person)
    (shown,) = theirs.get("/v1/claims", userExternalId=same_person)["data"]

    assert shown["id"] == claim["id"]
    assert shown["issuer"] == name_of(ours)
    assert shown["reference"] is None
    assert shown["entityId"] is None
    assert theirs.evaluate(same_person)["claimStatus"] == "flagged"


def test_a_linked_partner_may_contest_and_may_not_settle(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    person = a_person()
    claim = ours.post("/v1/claims", {"userExternalId": person, "claimType": "fraud"}).json()
    redeemed(theirs, offered(ours, person), a_person())

    contested = theirs.post(f"/v1/claims/{claim['id']}/contest", {"reasonCode": "NOT_ME"})
    dismissed = theirs.post(f"/v1/claims/{claim['id']}/dismiss")

    assert contested.json()["status"] == "CONTESTED"
    assert refusal(dismissed) == (404, "NOT_FOUND")


def test_leaving_takes_oneself_out_at_once(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    person, same_person = a_person(), a_person()
    ours.has_history(person, 10, days=20)
    redeemed(theirs, offered(ours, person), same_person)
    assert theirs.standing(same_person)["signals"]["eventCount"] == 10

    reply = theirs.delete(f"/v1/links?userExternalId={same_person}")

    assert reply.json() == {"linked": False, "partners": []}
    assert theirs.standing(same_person)["signals"]["eventCount"] == 0
    assert ours.get("/v1/links/status", userExternalId=person)["linked"] is False


def test_whoever_left_can_be_linked_again(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    person, same_person = a_person(), a_person()
    redeemed(theirs, offered(ours, person), same_person)
    theirs.delete(f"/v1/links?userExternalId={same_person}")

    link = redeemed(ours, offered(theirs, same_person), person)

    assert link["partners"] == [name_of(theirs)]


def test_a_code_is_used_once(pair: tuple[Client, Client], a_partner: MakePartner) -> None:
    ours, theirs = pair
    code = offered(ours, a_person())
    redeemed(theirs, code, a_person())

    body = {"linkCode": code, "userExternalId": a_person()}
    again = a_partner().post("/v1/links/redeem", body)

    assert refusal(again) == (404, "LINK_CODE_INVALID")


def test_a_wrong_code_and_a_used_one_look_the_same(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    used = offered(ours, a_person())
    redeemed(theirs, used, a_person())

    replies = [
        theirs.post("/v1/links/redeem", {"linkCode": code, "userExternalId": a_person()})
        for code in (used, "lnk_WRONG")
    ]

    assert replies[0].content == replies[1].content


def test_a_partner_cannot_link_with_itself(partner: Client) -> None:
    body = {"linkCode": offered(partner, a_person()), "userExternalId": a_person()}

    assert refusal(partner.post("/v1/links/redeem", body)) == (409, "LINK_EXISTS")


def test_a_group_holds_one_entity_a_partner(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    person = a_person()
    redeemed(theirs, offered(ours, person), a_person())

    body = {"linkCode": offered(ours, person), "userExternalId": a_person()}

    assert refusal(theirs.post("/v1/links/redeem", body)) == (409, "LINK_EXISTS")


def test_three_partners_share_one_group(
    pair: tuple[Client, Client], a_partner: MakePartner
) -> None:
    ours, theirs = pair
    third, person = a_partner(), a_person()
    redeemed(theirs, offered(ours, person), a_person())

    link = redeemed(third, offered(ours, person), a_person())

    assert link["partners"] == sorted([name_of(ours), name_of(theirs)])


def test_a_replay_of_an_offer_does_not_show_its_code_again(partner: Client) -> None:
    body, key = {"userExternalId": a_person()}, a_key()

    first = partner.post("/v1/links", body, key=key)
    again = partner.post("/v1/links", body, key=key)

    assert first.json()["linkCode"].startswith("lnk_")
    assert again.json()["linkCode"] is None
    assert is_replay(again)


def test_leaving_without_a_link_finds_nothing(partner: Client) -> None:
    reply = partner.delete(f"/v1/links?userExternalId={a_person()}")

    assert refusal(reply) == (404, "NOT_FOUND")


def test_a_link_can_be_seen_as_it_was(pair: tuple[Client, Client]) -> None:
    ours, theirs = pair
    person, same_person = a_person(), a_person()
    ours.has_history(person, 3)
    before = ours.head()
    redeemed(theirs, offered(ours, person), same_person)
    linked = ours.head()
    theirs.delete(f"/v1/links?userExternalId={same_person}")

    counts = [
        theirs.standing(same_person, **query)["signals"]["eventCount"]
        for query in ({"asOf": linked}, {"asOf": before}, {})
    ]

    assert counts == [3, 0, 0]
