"""The timeline over HTTP: how a person's history came about."""

from datetime import timedelta

from tests.stories.client import Client, a_person, ago, refusal


def test_it_counts_events_a_day_and_says_when_tiers_were_reached(partner: Client) -> None:
    person = a_person()
    partner.has_history(person, 10, days=31)

    found = partner.get("/v1/entities/timeline", userExternalId=person)

    assert sum(day["events"] for day in found["days"]) == 10
    assert sum(day["backfilled"] for day in found["days"]) == 1
    assert found["days"][0]["date"] == ago(timedelta(days=31, minutes=1))[:10]
    assert [step["tier"] for step in found["tiers"]] == [1]
    assert found["claims"] == []


def test_it_shows_each_move_of_a_claim(partner: Client) -> None:
    person = a_person()
    claim = partner.post("/v1/claims", {"userExternalId": person, "claimType": "abuse"}).json()
    partner.post(f"/v1/claims/{claim['id']}/contest", {"reasonCode": "OTHER"})
    partner.post(f"/v1/claims/{claim['id']}/dismiss")

    found = partner.get("/v1/entities/timeline", userExternalId=person)

    assert [step["status"] for step in found["claims"]] == ["OPEN", "CONTESTED", "DISMISSED"]
    assert {step["claimId"] for step in found["claims"]} == {claim["id"]}


def test_nobody_known_has_none(partner: Client) -> None:
    reply = partner.try_get("/v1/entities/timeline", userExternalId=a_person())

    assert refusal(reply) == (404, "NOT_FOUND")
