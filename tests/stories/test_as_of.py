"""The past over HTTP: claims, actions, spawn policy, decisions and bulk evaluations, as of then."""

from datetime import timedelta
from typing import Any

import pytest

from tests.stories.agents import lets_spawn
from tests.stories.client import Client, a_person, ago, an_actor, an_evaluation, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told

PLACES_THAT_ARE_NONE = ["0", "999999999999", "yesterday", "", "1.5"]


@pytest.fixture
def owner(a_partner: MakePartner) -> Client:
    """A partner of whom nothing is known yet."""
    return a_partner()


def filed(partner: Client, person: str) -> dict[str, Any]:
    reply = partner.post("/v1/claims", {"userExternalId": person, "claimType": "fraud"})
    assert reply.status_code == 201, told(reply)
    claim: dict[str, Any] = reply.json()
    return claim


def listed(partner: Client, **query: Any) -> list[tuple[str, str]]:
    """The claims on a page, each with how it stands."""
    return [(one["id"], one["status"]) for one in partner.get("/v1/claims", **query)["data"]]


# Claims


def test_a_partner_s_claims_then_are_those_that_it_had_filed_as_they_stood(owner: Client) -> None:
    first = filed(owner, a_person())
    then = owner.head()
    owner.post(f"/v1/claims/{first['id']}/withdraw")
    second = filed(owner, a_person())

    assert listed(owner) == [(second["id"], "OPEN"), (first["id"], "WITHDRAWN")]
    assert listed(owner, asOf=then) == [(first["id"], "OPEN")]
    assert listed(owner, asOf=then, status="OPEN") == [(first["id"], "OPEN")]
    assert listed(owner, asOf=then, status="WITHDRAWN") == []
    assert listed(owner, asOf=owner.head(), status="WITHDRAWN") == [(first["id"], "WITHDRAWN")]


def test_claims_then_go_page_by_page_while_others_are_filed(owner: Client) -> None:
    claims = [filed(owner, a_person())["id"] for _ in range(5)]
    then = owner.head()
    first = owner.get("/v1/claims", asOf=then, limit=3)
    filed(owner, a_person())
    owner.post(f"/v1/claims/{claims[0]}/withdraw")
    rest = owner.get("/v1/claims", asOf=then, limit=3, cursor=first["pagination"]["cursor"])

    shown = [one["id"] for one in first["data"] + rest["data"]]
    assert shown == claims[::-1]
    assert {one["status"] for one in rest["data"]} == {"OPEN"}
    assert rest["pagination"] == {"cursor": None, "hasMore": False}


def test_another_partner_s_claims_are_not_shown_then_either(
    owner: Client, a_partner: MakePartner
) -> None:
    filed(owner, a_person())

    assert listed(a_partner(), asOf=owner.head()) == []


# Policy


def test_actions_then_are_what_policy_asked_for_then(owner: Client) -> None:
    before = owner.get("/v1/policy/actions")
    then = owner.head()
    owner.put("/v1/policy/actions/payout.request", {"requiredTier": 3, "risk": "LOW"})
    owner.put("/v1/policy/actions/report.read", {"requiredTier": 0, "risk": "LOW"})

    assert owner.get("/v1/policy/actions", asOf=then) == before
    assert owner.get("/v1/policy/actions/payout.request", asOf=then)["requiredTier"] == 1
    assert owner.get("/v1/policy/actions/payout.request")["requiredTier"] == 3
    unknown = owner.try_get("/v1/policy/actions/report.read", asOf=then)
    assert refusal(unknown) == (404, "NOT_FOUND")


def test_the_spawn_policy_then_is_that_of_then(owner: Client) -> None:
    then = owner.head()
    lets_spawn(owner, maxDepth=3)
    set_at = owner.head()

    assert owner.get("/v1/spawn-policy", asOf=then)["enabled"] is False
    assert owner.get("/v1/spawn-policy", asOf=set_at)["maxDepth"] == 3
    assert owner.get("/v1/spawn-policy", asOf=ago(timedelta(days=-1)))["maxDepth"] == 3


def test_many_are_judged_as_they_were_and_nothing_is_recorded(owner: Client) -> None:
    person = a_person()
    owner.has_history(person, 10, days=20)
    then = owner.head()
    filed(owner, person)
    body = {"evaluations": [{"actor": an_actor(person), "action": "payout.request"}, {}]}

    with owner.storing_nothing():
        given = owner.post("/v1/policy/evaluate/bulk", body, asOf=then).json()

    judged, refused = given["results"]
    assert (judged["decision"], judged["position"]) == ("ALLOW", then)
    assert "decision_correlation_id" not in judged
    assert refused["status"] == "error"
    alone = owner.evaluate(person, "payout.request", asOf=then)
    assert {name: judged[name] for name in alone} == alone
    assert owner.evaluate(person, "payout.request")["decision"] == "STEP_UP"


# Decisions


def test_decisions_then_are_those_that_had_been_given(owner: Client) -> None:
    person = a_person()
    owner.submit(userExternalId=person)
    first = owner.evaluate(person)["decision_correlation_id"]
    then = owner.head()
    second = owner.evaluate(person)["decision_correlation_id"]

    queries: list[dict[str, Any]] = [{}, {"userExternalId": person}, {"action": "data.export_pii"}]
    for query in queries:
        found = owner.get("/v1/decisions", asOf=then, **query)["data"]
        assert [one["decision_correlation_id"] for one in found] == [first], query
    assert owner.get(f"/v1/decisions/{first}", asOf=then) == owner.get(f"/v1/decisions/{first}")
    assert refusal(owner.try_get(f"/v1/decisions/{second}", asOf=then)) == (404, "NOT_FOUND")


def test_an_action_that_was_not_known_yet_is_unknown_then(owner: Client) -> None:
    then = owner.head()
    owner.put("/v1/policy/actions/report.read", {"requiredTier": 0, "risk": "LOW"})

    assert owner.get("/v1/decisions", action="report.read")["data"] == []
    reply = owner.try_get("/v1/decisions", action="report.read", asOf=then)
    assert refusal(reply) == (400, "UNKNOWN_ACTION")


# No such place

LISTS = (
    "/v1/claims",
    "/v1/decisions",
    "/v1/policy/actions",
    "/v1/policy/actions/payout.request",
    "/v1/spawn-policy",
)


@pytest.mark.parametrize("as_of", PLACES_THAT_ARE_NONE)
def test_a_place_that_the_log_has_not_is_refused(owner: Client, as_of: str) -> None:
    many = {"evaluations": [an_evaluation()]}
    with owner.storing_nothing():
        replies = [
            *(owner.try_get(path, asOf=as_of) for path in LISTS),
            owner.post("/v1/policy/evaluate/bulk", many, asOf=as_of),
        ]

    assert [refusal(reply) for reply in replies] == [(400, "INVALID_AS_OF")] * len(replies)
