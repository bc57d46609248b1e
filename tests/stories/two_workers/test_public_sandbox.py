"""The public sandbox: a key for anybody, that destroys and changes nothing for the others."""

import pytest

from tests.interfaces.serving import Served
from tests.stories.agents import an_agent
from tests.stories.client import Client, a_person, refusal
from tests.stories.document import told


@pytest.fixture
def anybody(nobody: Client) -> Client:
    return Client(nobody.http, nobody.get("/v1/partners/public-sandbox")["apiKey"])


def test_anybody_may_have_its_key(anybody: Client, server: Served) -> None:
    assert anybody.key is not None
    assert anybody.key in server.messages()
    assert anybody.get("/v1/partners/me")["slug"] == "public-sandbox"


def test_anybody_may_report_ask_and_claim(anybody: Client) -> None:
    person = a_person()
    anybody.submit(userExternalId=person)
    claim = {"userExternalId": person, "claimType": "fraud"}

    filed = anybody.post("/v1/claims", claim)

    assert filed.status_code == 201, told(filed)
    assert anybody.evaluate(person)["claimStatus"] == "flagged"
    assert anybody.get(f"/v1/claims/{filed.json()['id']}")["status"] == "OPEN"


def test_nobody_may_destroy_or_change_anything_for_the_others(anybody: Client) -> None:
    person = a_person()
    anybody.submit(userExternalId=person)
    filed = anybody.post("/v1/claims", {"userExternalId": person, "claimType": "fraud"}).json()
    claim = f"/v1/claims/{filed['id']}"
    who = {"userExternalId": person}
    action = {"requiredTier": 0, "risk": "LOW"}

    with anybody.storing_nothing():
        replies = [
            anybody.post("/v1/entities/erase", who),
            anybody.put("/v1/policy/actions/data.export_pii", action),
            anybody.post(f"{claim}/contest", {"reasonCode": "NOT_ME"}),
            *(anybody.post(f"{claim}/{move}") for move in ("uphold", "dismiss", "withdraw")),
            anybody.post("/v1/links", who),
            anybody.post("/v1/links/redeem", who | {"linkCode": "lnk_1"}),
            anybody.delete(f"/v1/links?userExternalId={person}"),
            anybody.post("/v1/partners/keys"),
            anybody.try_get("/v1/partners/keys"),
            anybody.post("/v1/partners/promote", {"url": "https://acme.example"}),
            anybody.post("/v1/agents", an_agent()),
            anybody.try_get("/v1/agents"),
            anybody.put("/v1/spawn-policy", {"enabled": True}),
        ]

    assert [refusal(reply) for reply in replies] == [(403, "FORBIDDEN")] * len(replies)
