"""A tenant's own actions: set, shown, in force at once, tried out before; and policy's health."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stories.client import Client, a_person, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told

STRICT = {"requiredTier": 3, "risk": "CRITICAL"}
LAX = {"requiredTier": 0, "risk": "LOW"}


@pytest.fixture
def somebody(a_partner: MakePartner) -> Client:
    """A partner with a table of its own."""
    return a_partner()


def put(client: Client, action: str, body: object, **query: Any) -> dict[str, Any]:
    """An action that must be taken."""
    reply = client.put(f"/v1/policy/actions/{action}", body, **query)
    assert reply.status_code == 200, told(reply)
    found: dict[str, Any] = reply.json()
    return found


def test_an_action_that_was_set_is_shown_and_in_force_at_once(somebody: Client) -> None:
    before = somebody.get("/v1/policy/actions")["policyVersion"]
    assert somebody.evaluate(a_person(), "checkout.complete")["decision"] == "ALLOW"

    reply = somebody.put("/v1/policy/actions/checkout.complete", STRICT)

    assert reply.json() == {
        "action": "checkout.complete",
        **STRICT,
        "limits": None,
        "policyVersion": before + 1,
    }
    assert int(reply.headers["x-log-position"]) == somebody.head()
    found = somebody.evaluate(a_person(), "checkout.complete")
    assert (found["decision"], found["requiredTier"]) == ("DENY", 3)
    assert found["policyVersion"] == before + 1
    table = somebody.get("/v1/policy/actions")
    assert table["policyVersion"] == before + 1
    shown = {one["action"]: one for one in table["actions"]}
    assert shown["checkout.complete"] == somebody.get("/v1/policy/actions/checkout.complete")
    assert shown["checkout.complete"]["risk"] == "CRITICAL"


def test_an_action_of_one_s_own_is_limited_as_it_says(somebody: Client) -> None:
    assert somebody.try_get("/v1/policy/actions/report.publish").status_code == 404
    limits = {"maxPerDay": 3}

    put(somebody, "report.publish", {"requiredTier": 1, "risk": "MEDIUM", "limits": limits})

    found = somebody.evaluate(a_person(), "report.publish")
    assert (found["decision"], found["limits"]) == ("LIMIT", limits)
    assert somebody.get("/v1/policy/actions/report.publish")["limits"] == limits


def test_a_whole_number_may_be_spelled_with_a_point(somebody: Client) -> None:
    wanted = {"requiredTier": 2.0, "risk": "LOW", "limits": {"maxPerDay": 3.0}}

    found = put(somebody, "report.publish", wanted)

    assert json.dumps([found["requiredTier"], found["limits"]]) == '[2, {"maxPerDay": 3}]'


def test_setting_it_to_what_it_is_writes_nothing(somebody: Client) -> None:
    done = put(somebody, "report.publish", STRICT)

    with somebody.storing_nothing():
        again = put(somebody, "report.publish", STRICT)

    assert again == done


def test_every_change_has_a_version_of_its_own_whoever_is_first(somebody: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(
            pool.map(lambda number: put(somebody, f"own.number_{number}", STRICT), range(16))
        )

    first = min(one["policyVersion"] for one in done)
    assert sorted(one["policyVersion"] for one in done) == list(range(first, first + 16))


def test_another_tenant_s_table_stays_as_it_is(somebody: Client, a_partner: MakePartner) -> None:
    other = a_partner()

    put(somebody, "report.publish", STRICT)
    put(somebody, "checkout.complete", STRICT)

    assert other.try_get("/v1/policy/actions/report.publish").status_code == 404
    assert other.evaluate(a_person(), "checkout.complete")["decision"] == "ALLOW"
    assert other.get("/v1/policy/health")["actions"] == 15


@pytest.mark.parametrize(
    "action", ["one", "A.b", "a..b", "a-b.c", "a.b%20", "a.b%0A", f"a.{'b' * 63}"]
)
@pytest.mark.parametrize("query", [{}, {"dryRun": True}])
def test_a_name_that_is_none_is_refused(
    somebody: Client, action: str, query: dict[str, bool]
) -> None:
    with somebody.storing_nothing():
        reply = somebody.put(f"/v1/policy/actions/{action}", STRICT, **query)

    assert refusal(reply) == (400, "INVALID_FIELD")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "MISSING_FIELD"),
        ({"risk": "LOW"}, "MISSING_FIELD"),
        ({"requiredTier": 1}, "MISSING_FIELD"),
        ({"requiredTier": 4, "risk": "LOW"}, "INVALID_FIELD"),
        ({"requiredTier": -1, "risk": "LOW"}, "INVALID_FIELD"),
        ({"requiredTier": True, "risk": "LOW"}, "INVALID_FIELD"),
        ({"requiredTier": "1", "risk": "LOW"}, "INVALID_FIELD"),
        ({"requiredTier": 1, "risk": "low"}, "INVALID_FIELD"),
        (LAX | {"limits": {}}, "INVALID_FIELD"),
        (LAX | {"limits": {"max": -1}}, "INVALID_FIELD"),
        (LAX | {"limits": {"max": 1.5}}, "INVALID_FIELD"),
        (LAX | {"limits": {"no name": 1}}, "INVALID_FIELD"),
        (LAX | {"limits": {f"max{number}": 1 for number in range(9)}}, "INVALID_FIELD"),
        (LAX | {"action": "a.b"}, "UNKNOWN_FIELD"),
    ],
)
def test_a_body_that_is_no_action_is_refused(
    somebody: Client, body: dict[str, object], code: str
) -> None:
    with somebody.storing_nothing():
        assert refusal(somebody.put("/v1/policy/actions/a.b", body)) == (400, code)


def test_there_are_200_actions_of_one_s_own_at_most(somebody: Client) -> None:
    for number in range(200):
        put(somebody, f"own.number_{number}", STRICT)

    reply = somebody.put("/v1/policy/actions/one.more", STRICT)

    assert refusal(reply) == (409, "TOO_MANY_ACTIONS")
    assert put(somebody, "own.number_0", LAX)["policyVersion"] > 200
    assert somebody.get("/v1/policy/health")["actions"] == 215
    assert somebody.evaluate(a_person(), "own.number_199")["decision"] == "DENY"


# Dry run


def test_a_dry_run_changes_nothing_and_tells_which_decisions_would_flip(somebody: Client) -> None:
    newcomer, regular = a_person(), a_person()
    somebody.has_history(regular, 10, days=14)
    given = [
        somebody.evaluate(person, action)
        for action in ("payout.request", "job.accept")
        for person in (newcomer, regular)
    ]
    table = somebody.get("/v1/policy/actions")

    with somebody.storing_nothing():
        found = put(somebody, "payout.request", {"requiredTier": 2, "risk": "HIGH"}, dryRun=True)

    assert found == {
        "dryRun": True,
        "action": "payout.request",
        "checked": 2,
        "flipped": 2,
        "flips": [
            {
                "decision_correlation_id": given[1]["decision_correlation_id"],
                "recorded": "ALLOW",
                "wouldBe": "STEP_UP",
            },
            {
                "decision_correlation_id": given[0]["decision_correlation_id"],
                "recorded": "LIMIT",
                "wouldBe": "DENY",
            },
        ],
    }
    assert somebody.get("/v1/policy/actions") == table


def test_a_dry_run_judges_the_claims_that_each_decision_saw(somebody: Client) -> None:
    person = a_person()
    somebody.evaluate(person, "checkout.complete")
    filed = somebody.post("/v1/claims", {"userExternalId": person, "claimType": "fraud"})
    assert filed.status_code == 201, told(filed)
    flagged = somebody.evaluate(person, "checkout.complete")
    assert (flagged["decision"], flagged["claimStatus"]) == ("ALLOW", "flagged")

    found = put(somebody, "checkout.complete", {"requiredTier": 0, "risk": "HIGH"}, dryRun=True)

    assert (found["checked"], found["flipped"]) == (2, 1)
    assert found["flips"] == [
        {
            "decision_correlation_id": flagged["decision_correlation_id"],
            "recorded": "ALLOW",
            "wouldBe": "DENY",
        }
    ]


def test_what_would_stay_as_it_is_flips_nothing(somebody: Client) -> None:
    somebody.evaluate(a_person(), "checkout.complete")

    same = put(somebody, "checkout.complete", LAX, dryRun=True)
    never_judged = put(somebody, "report.publish", STRICT, dryRun=True)

    assert (same["checked"], same["flipped"], same["flips"]) == (1, 0, [])
    assert (never_judged["checked"], never_judged["flips"]) == (0, [])


def test_a_dry_run_sees_no_other_tenant_s_decisions(
    somebody: Client, a_partner: MakePartner
) -> None:
    a_partner().evaluate(a_person(), "checkout.complete")

    assert put(somebody, "checkout.complete", STRICT, dryRun=True)["checked"] == 0


def test_a_dry_run_lists_1000_flips_at_most_and_counts_them_all(somebody: Client) -> None:
    evaluation = {"actor": {"type": "human", "id": a_person()}, "action": "checkout.complete"}
    for _ in range(11):
        reply = somebody.post("/v1/policy/evaluate/bulk", {"evaluations": [evaluation] * 100})
        assert reply.status_code == 200, told(reply)
    (newest,) = somebody.get("/v1/decisions", limit=1)["data"]

    found = put(somebody, "checkout.complete", STRICT, dryRun=True)

    assert (found["checked"], found["flipped"], len(found["flips"])) == (1100, 1100, 1000)
    assert found["flips"][0]["decision_correlation_id"] == newest["decision_correlation_id"]
    assert len({flip["decision_correlation_id"] for flip in found["flips"]}) == 1000


# Health


def test_health_tells_version_actions_and_position(somebody: Client) -> None:
    before = somebody.get("/v1/policy/health")
    put(somebody, "report.publish", STRICT)

    after = somebody.get("/v1/policy/health")

    assert before == {
        "status": "ok",
        "policyVersion": before["policyVersion"],
        "actions": 15,
        "position": before["position"],
    }
    assert (after["actions"], after["policyVersion"]) == (16, before["policyVersion"] + 1)
    assert after["position"] == somebody.head()
