"""Policy: the default table over all tiers, what a decision shows, and that it is recorded."""

from typing import Any

import pytest

from tests.stories.client import Client, a_person, an_actor, an_evaluation, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told

# The contract's own words: action, required tier, risk.
ACTIONS = [
    ("checkout.complete", 0, "LOW"),
    ("profile.update", 0, "LOW"),
    ("message.send_bulk", 1, "MEDIUM"),
    ("listing.create", 1, "MEDIUM"),
    ("payout.request", 1, "MEDIUM"),
    ("job.accept", 1, "MEDIUM"),
    ("agent.spawn", 1, "MEDIUM"),
    ("credential.rotate", 2, "HIGH"),
    ("data.export_pii", 2, "HIGH"),
    ("finance.approve_payment", 2, "HIGH"),
    ("api.create_key", 2, "HIGH"),
    ("iam.grant_role", 2, "HIGH"),
    ("iam.grant_admin", 3, "CRITICAL"),
    ("data.delete_bulk", 3, "CRITICAL"),
    ("infra.deploy_production", 3, "CRITICAL"),
]
HISTORIES = {0: (3, 0), 1: (10, 14), 2: (50, 30), 3: (200, 90)}
"""For each tier, events and days that reach it."""


def expected(tier: int, required: int, risk: str) -> str:
    """The contract's rule for somebody without claims."""
    if tier >= required:
        return "ALLOW"
    if tier == required - 1:
        return "STEP_UP" if risk in {"HIGH", "CRITICAL"} else "LIMIT"
    return "DENY"


@pytest.fixture(scope="module")
def people(partner: Client) -> dict[int, str]:
    """Somebody of each tier."""
    found = {tier: a_person() for tier in HISTORIES}
    for tier, (events, days) in HISTORIES.items():
        partner.has_history(found[tier], events, days=days)
    return found


# The table


@pytest.mark.parametrize(("action", "required", "risk"), ACTIONS)
@pytest.mark.parametrize("tier", HISTORIES)
def test_the_default_table_over_tiers(  # noqa: PLR0917
    partner: Client, people: dict[int, str], tier: int, action: str, required: int, risk: str
) -> None:
    found = partner.evaluate(people[tier], action)

    assert found["decision"] == expected(tier, required, risk)
    assert (found["tier"], found["requiredTier"]) == (tier, required)
    assert found["claimStatus"] == "clean"
    assert ("limits" in found) == (found["decision"] == "LIMIT")


def test_the_actions_are_listed_with_tier_and_risk(partner: Client) -> None:
    found = partner.get("/v1/policy/actions")

    shown = [(one["action"], one["requiredTier"], one["risk"]) for one in found["actions"]]
    assert sorted(shown) == sorted(ACTIONS)
    assert found["policyVersion"] >= 1


@pytest.mark.parametrize(("action", "required", "risk"), ACTIONS)
def test_each_action_has_a_page(partner: Client, action: str, required: int, risk: str) -> None:
    found = partner.get(f"/v1/policy/actions/{action}")

    assert (found["action"], found["requiredTier"], found["risk"]) == (action, required, risk)


def test_a_limit_says_which_and_it_is_the_action_s_own(partner: Client) -> None:
    listed = partner.get("/v1/policy/actions/payout.request")["limits"]

    assert partner.evaluate(a_person(), "payout.request")["limits"] == listed


@pytest.mark.parametrize(
    "action", ["", "no.such", "data.export_pii ", "DATA.EXPORT_PII", "x" * 999]
)
def test_an_unknown_action_is_refused_with_a_hint_at_the_list(partner: Client, action: str) -> None:
    with partner.storing_nothing():
        reply = partner.post("/v1/policy/evaluate", an_evaluation(action=action))

    assert refusal(reply) == (400, "UNKNOWN_ACTION")
    assert "GET /v1/policy/actions" in reply.json()["hint"]


# The reply


def test_an_unknown_actor_is_tier_0_and_clean(partner: Client) -> None:
    person = a_person()

    found = partner.evaluate(person, "checkout.complete")

    assert found["actor"] == {"type": "human", "id": person}
    assert (found["tier"], found["claimStatus"], found["decision"]) == (0, "clean", "ALLOW")


def test_a_decision_shows_all_that_it_says(partner: Client) -> None:
    reply = partner.post("/v1/policy/evaluate", an_evaluation())

    assert set(reply.json()) == {
        "decision",
        "action",
        "actor",
        "tier",
        "requiredTier",
        "claimStatus",
        "whyRec",
        "reasons",
        "decision_correlation_id",
        "evaluatedAt",
        "policyVersion",
        "position",
    }
    assert reply.status_code == 200


@pytest.mark.parametrize("kind", ["human", "service"])
def test_an_actor_is_shown_as_it_was_named(partner: Client, kind: str) -> None:
    actor = an_actor(a_person(), kind)

    reply = partner.post("/v1/policy/evaluate", {"actor": actor, "action": "job.accept"})

    assert reply.json()["actor"] == actor


def test_the_reason_s_sentence_is_fixed(partner: Client, people: dict[int, str]) -> None:
    by_reason: dict[str, set[str]] = {}
    for person in people.values():
        for action in ("checkout.complete", "payout.request", "iam.grant_admin"):
            found = partner.evaluate(person, action)
            by_reason.setdefault(found["reasons"][0], set()).add(found["whyRec"])

    assert set(by_reason) == {"TIER_MET", "TIER_ONE_BELOW", "TIER_FAR_BELOW"}
    assert all(len(sentences) == 1 for sentences in by_reason.values())


@pytest.mark.parametrize(
    "resource",
    [
        None,
        {},
        {"type": "report"},
        {"id": "r-1"},
        {"type": "a.b:c", "id": "x" * 256, "amount": 0.5},
    ],
)
def test_a_resource_is_taken_whole_or_in_part(
    partner: Client, resource: dict[str, Any] | None
) -> None:
    reply = partner.post("/v1/policy/evaluate", an_evaluation(resource=resource))

    assert reply.status_code == 200, told(reply)


# Debug


def test_debug_adds_the_signals_and_the_rule(partner: Client, people: dict[int, str]) -> None:
    found = partner.evaluate(people[2], "iam.grant_admin", debug="true")

    debug = found["debug"]
    assert debug["mirSignals"] == partner.standing(people[2])["signals"]
    assert debug["rule"] == found["reasons"][0] == "TIER_ONE_BELOW"
    assert debug["ownTier"] == 2
    assert debug["crossPlatformTier"] is None
    assert debug["claims"]


@pytest.mark.parametrize(
    ("query", "header", "shown"),
    [
        ("true", None, True),
        ("false", None, False),
        (None, "true", True),
        (None, "TRUE", True),
        (None, "false", False),
        (None, "yes", False),
        ("false", "true", True),
        (None, None, False),
    ],
)
def test_debug_is_asked_for_by_query_or_header(
    partner: Client, query: str | None, header: str | None, shown: bool
) -> None:
    reply = partner.post(
        "/v1/policy/evaluate",
        an_evaluation(),
        headers={} if header is None else {"x-policy-debug": header},
        **({} if query is None else {"debug": query}),
    )

    assert ("debug" in reply.json()) is shown


def test_a_debug_that_is_no_truth_value_is_refused(partner: Client) -> None:
    reply = partner.post("/v1/policy/evaluate", an_evaluation(), debug="perhaps")

    assert refusal(reply) == (400, "INVALID_FIELD")


# Recording


def test_a_decision_is_recorded_before_it_is_answered(partner: Client) -> None:
    before = partner.head()

    reply = partner.post("/v1/policy/evaluate", an_evaluation())

    assert reply.json()["position"] == before
    assert int(reply.headers["x-log-position"]) == before + 1 == partner.head()


def test_a_decision_sees_the_event_just_before_it(partner: Client) -> None:
    person = a_person()
    for count in range(1, 6):
        event = partner.submit(userExternalId=person)

        found = partner.evaluate(person, debug="true")

        assert found["position"] == event["position"]
        assert found["debug"]["mirSignals"]["eventCount"] == count


def test_each_decision_has_an_id_of_its_own(partner: Client) -> None:
    person = a_person()

    ids = {partner.evaluate(person)["decision_correlation_id"] for _ in range(5)}

    assert len(ids) == 5


def test_a_decision_adds_nothing_to_the_actor_s_history(
    partner: Client, people: dict[int, str]
) -> None:
    before = partner.standing(people[1])["signals"]
    partner.evaluate(people[1])

    assert partner.standing(people[1])["signals"] == before


def test_the_same_state_gives_the_same_decision(partner: Client, people: dict[int, str]) -> None:
    changing = {"decision_correlation_id", "evaluatedAt", "position"}

    replies = [partner.evaluate(people[1], debug="true") for _ in range(3)]

    kept = [{name: reply[name] for name in set(reply) - changing} for reply in replies]
    assert kept[0] == kept[1] == kept[2]


# As of


def test_as_of_then_nothing_is_recorded_and_there_is_no_id(
    partner: Client, people: dict[int, str]
) -> None:
    head = partner.head()

    with partner.storing_nothing():
        found = partner.evaluate(people[3], "iam.grant_admin", asOf=head)

    assert "decision_correlation_id" not in found
    assert (found["decision"], found["position"]) == ("ALLOW", head)


def test_as_of_then_the_decision_is_that_of_then(a_partner: MakePartner) -> None:
    partner = a_partner()
    person = a_person()
    partner.has_history(person, 10, days=14)
    reached = partner.head()

    then = partner.evaluate(person, "payout.request", asOf=reached - 1, debug="true")

    assert (then["decision"], then["tier"]) == ("LIMIT", 0)
    assert then["debug"]["mirSignals"]["eventCount"] == 9
    assert partner.evaluate(person, "payout.request", asOf=reached)["decision"] == "ALLOW"


def test_as_of_a_position_the_reply_is_the_same_for_ever(
    partner: Client, people: dict[int, str]
) -> None:
    head = partner.head()
    first = partner.evaluate(people[2], asOf=head)
    partner.submit(userExternalId=people[2])

    assert partner.evaluate(people[2], asOf=head) == first


@pytest.mark.parametrize("as_of", ["0", "999999999999", "then"])
def test_as_of_a_place_that_the_log_has_not_is_refused(partner: Client, as_of: str) -> None:
    reply = partner.post("/v1/policy/evaluate", an_evaluation(), asOf=as_of)

    assert refusal(reply) == (400, "INVALID_AS_OF")


def test_as_of_then_an_unknown_action_is_refused_too(partner: Client) -> None:
    reply = partner.post("/v1/policy/evaluate", an_evaluation(action="no.such"), asOf=1)

    assert refusal(reply) == (400, "UNKNOWN_ACTION")
