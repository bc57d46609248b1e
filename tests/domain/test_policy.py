"""Policy: one recommendation for every tier, claim status and action, for ever the same."""

from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.action import DEFAULT_ACTIONS, Action, Risk
from domain.claim import ClaimStatus
from domain.policy import (
    FROM_CLAIMS,
    ONE_TIER_BELOW,
    STRICTNESS,
    WHY,
    Decided,
    Decision,
    EvaluateMany,
    Reason,
    Recommendation,
    Reconsider,
    Verdict,
    judge,
)
from domain.refusals import UnknownAction
from tests.builders import (
    NOW,
    TENANT,
    History,
    a_bulk_evaluation,
    a_participation,
    an_erasure,
    an_evaluation,
    days_ago,
)

RISKS: tuple[Risk, ...] = get_args(Risk)
CLAIM_STATUSES: tuple[ClaimStatus, ...] = get_args(ClaimStatus)
TIERS = (0, 1, 2, 3)
LIMITS = {"maxPerDay": 3}

Case = tuple[int, Risk, int, ClaimStatus]
"""Required tier, risk, tier, claim status."""

EVERY_CASE: list[Case] = list(product(TIERS, RISKS, TIERS, CLAIM_STATUSES))


def judged(case: Case) -> Verdict:
    required_tier, risk, tier, claim_status = case
    return judge(Action("an.action", required_tier, risk, LIMITS), tier, claim_status)


def from_tier(required_tier: int, risk: Risk, tier: int) -> Decision:
    if tier >= required_tier:
        return "ALLOW"
    if tier == required_tier - 1:
        return "STEP_UP" if risk in ("HIGH", "CRITICAL") else "LIMIT"
    return "DENY"


def from_claims(risk: Risk, claim_status: ClaimStatus) -> Decision:
    by_risk: dict[ClaimStatus, tuple[Decision, Decision, Decision, Decision]] = {
        "clean": ("ALLOW", "ALLOW", "ALLOW", "ALLOW"),
        "flagged": ("ALLOW", "STEP_UP", "DENY", "DENY"),
        "contested": ("ALLOW", "STEP_UP", "STEP_UP", "DENY"),
    }
    return by_risk[claim_status][RISKS.index(risk)]


def expected_reasons(case: Case) -> tuple[str, ...]:
    required_tier, risk, tier, claim_status = case
    by_tier, by_claims = from_tier(required_tier, risk, tier), from_claims(risk, claim_status)
    short = {"ALLOW": "TIER_MET", "DENY": "TIER_FAR_BELOW"}.get(by_tier, "TIER_ONE_BELOW")
    claim = f"CLAIM_{claim_status.upper()}"
    if by_claims == "ALLOW":
        return (short,)
    if by_tier == "ALLOW":
        return (claim,)
    if STRICTNESS[by_claims] > STRICTNESS[by_tier]:
        return (claim, short)
    return (short, claim)


def with_tier(tier: int, person: str = "alice") -> History:
    """A history in which somebody has just the tier."""
    events, days = {0: (0, 0), 1: (10, 14), 2: (50, 30), 3: (200, 90)}[tier]
    return History(
        *(a_participation(person, occurred_at=days_ago(days), backfill=True) for _ in range(events))
    )


# The rule


def test_the_strictness_is_the_contracts() -> None:
    assert sorted(STRICTNESS, key=STRICTNESS.__getitem__) == ["ALLOW", "STEP_UP", "LIMIT", "DENY"]


def test_the_stricter_of_tier_and_claims_decides() -> None:
    decided = {case: judged(case).decision for case in EVERY_CASE}

    assert decided == {
        (required, risk, tier, claim_status): max(
            from_tier(required, risk, tier),
            from_claims(risk, claim_status),
            key=STRICTNESS.__getitem__,
        )
        for required, risk, tier, claim_status in EVERY_CASE
    }


def test_the_reasons_are_those_that_kept_from_allowing_the_deciding_one_first() -> None:
    reasons = {case: judged(case).reasons for case in EVERY_CASE}

    assert reasons == {case: expected_reasons(case) for case in EVERY_CASE}


def test_limits_are_given_with_limit_and_with_nothing_else() -> None:
    verdicts = [judged(case) for case in EVERY_CASE]

    assert {(verdict.decision == "LIMIT", verdict.limits == LIMITS) for verdict in verdicts} == {
        (True, True),
        (False, False),
    }
    assert {verdict.limits is None for verdict in verdicts if verdict.decision != "LIMIT"} == {True}


@pytest.mark.parametrize(("risk", "claim_status"), [*product(RISKS, CLAIM_STATUSES)])
def test_a_higher_tier_is_never_judged_more_strictly(risk: Risk, claim_status: ClaimStatus) -> None:
    for required in TIERS:
        action = Action("an.action", required, risk, LIMITS)
        strictness = [STRICTNESS[judge(action, tier, claim_status).decision] for tier in TIERS]
        assert strictness == sorted(strictness, reverse=True)


@given(
    st.integers(-5, 50), st.integers(0, 50), st.sampled_from(RISKS), st.sampled_from(CLAIM_STATUSES)
)
def test_any_number_of_tiers_is_judged(
    tier: int, required: int, risk: Risk, claim_status: ClaimStatus
) -> None:
    verdict = judge(Action("an.action", required, risk), tier, claim_status)

    assert verdict.decision in STRICTNESS
    assert set(WHY).issuperset(verdict.reasons)


def test_the_tables_have_a_row_for_every_risk_and_claim_status() -> None:
    assert set(ONE_TIER_BELOW) == set(RISKS)
    assert set(FROM_CLAIMS) == set(product(CLAIM_STATUSES, RISKS))


# Words and actions


def test_each_reason_has_its_one_fixed_sentence() -> None:
    assert WHY == {
        "TIER_MET": "The recorded history is as deep as this action asks for.",
        "TIER_ONE_BELOW": "The recorded history is one tier short of what this action asks for.",
        "TIER_FAR_BELOW": "The recorded history is far short of what this action asks for.",
        "CLAIM_FLAGGED": "An active claim is recorded, and this action is sensitive to claims.",
        "CLAIM_CONTESTED": (
            "A contested claim is recorded, and this action is sensitive to claims."
        ),
        "AGENT_SUSPENDED": "The agent, or one that it comes from, is suspended.",
        "AGENT_REVOKED": "The agent is revoked.",
        "AGENT_PENDING": "The agent is not approved yet.",
    }
    assert set(WHY) == set(get_args(Reason))


def test_the_default_actions_are_the_contracts() -> None:
    assert {
        name: (action.required_tier, action.risk) for name, action in DEFAULT_ACTIONS.items()
    } == {
        "checkout.complete": (0, "LOW"),
        "profile.update": (0, "LOW"),
        "message.send_bulk": (1, "MEDIUM"),
        "listing.create": (1, "MEDIUM"),
        "payout.request": (1, "MEDIUM"),
        "job.accept": (1, "MEDIUM"),
        "agent.spawn": (1, "MEDIUM"),
        "credential.rotate": (2, "HIGH"),
        "data.export_pii": (2, "HIGH"),
        "finance.approve_payment": (2, "HIGH"),
        "api.create_key": (2, "HIGH"),
        "iam.grant_role": (2, "HIGH"),
        "iam.grant_admin": (3, "CRITICAL"),
        "data.delete_bulk": (3, "CRITICAL"),
        "infra.deploy_production": (3, "CRITICAL"),
    }


@pytest.mark.parametrize("action", [*DEFAULT_ACTIONS.values()], ids=lambda action: action.name)
def test_an_action_that_can_be_limited_says_its_limits(action: Action) -> None:
    limited = any(
        judge(action, tier, claim_status).decision == "LIMIT"
        for tier, claim_status in product(TIERS, CLAIM_STATUSES)
    )

    assert (action.limits is not None) == limited


# Evaluating


@pytest.mark.parametrize(
    ("tier", "action", "decision"),
    [
        (0, "checkout.complete", "ALLOW"),
        (0, "payout.request", "LIMIT"),
        (1, "payout.request", "ALLOW"),
        (0, "data.export_pii", "DENY"),
        (1, "data.export_pii", "STEP_UP"),
        (2, "data.export_pii", "ALLOW"),
        (1, "iam.grant_admin", "DENY"),
        (2, "iam.grant_admin", "STEP_UP"),
        (3, "iam.grant_admin", "ALLOW"),
    ],
)
def test_an_action_is_judged_by_the_history(tier: int, action: str, decision: str) -> None:
    reply = with_tier(tier).do(an_evaluation(action=action))

    assert (reply.event.decision, reply.event.tier) == (decision, tier)


def test_an_unknown_actor_is_tier_0_and_clean() -> None:
    reply = History().do(an_evaluation("nobody", action="data.export_pii"))

    assert reply.event.entity_id is None
    assert (reply.event.tier, reply.event.claim_status) == (0, "clean")
    assert reply.event.decision == "DENY"


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(UnknownAction, match=r"coffee\.make"):
        History(a_participation()).do(an_evaluation(action="coffee.make"))


def test_a_decision_is_recorded_under_its_own_id_in_a_stream_of_its_own() -> None:
    command = an_evaluation()

    outcome = with_tier(1).decide(command)

    (change,) = outcome.changes
    assert (change.stream, change.begins) == (f"decision-{command.id}", True)
    assert change.event == outcome.reply.event
    assert outcome.reply.id == command.id


def test_a_question_records_nothing_and_has_no_id() -> None:
    outcome = with_tier(1).decide(an_evaluation(records=False))

    assert outcome.changes == ()
    assert outcome.reply.id is None


def test_a_question_and_a_command_give_the_same_verdict() -> None:
    history = with_tier(1)

    asked = history.decide(an_evaluation(records=False)).reply.event
    told = history.decide(an_evaluation(records=True)).reply.event

    assert asked == told


def test_a_decision_remembers_the_position_that_it_saw() -> None:
    history = with_tier(1)

    assert history.do(an_evaluation()).event.seen_position == 10
    assert history.do(an_evaluation()).event.seen_position == 11


def test_a_decision_remembers_all_that_it_was_decided_on() -> None:
    history = with_tier(1)

    reply = history.do(an_evaluation(action="data.export_pii", actor_type="service"))

    assert reply.evaluated_at == NOW
    assert reply.event == Decided(
        actor_type="service",
        entity_id=reply.event.entity_id,
        action="data.export_pii",
        decision="STEP_UP",
        tier=1,
        required_tier=2,
        risk="HIGH",
        claim_status="clean",
        reasons=("TIER_ONE_BELOW",),
        policy_version=1,
        seen_position=10,
    )
    assert reply.event.entity_id is not None


# Evaluating several


def judged_together(history: History, command: EvaluateMany) -> list[Recommendation]:
    """The recommendations of several, none of which is refused."""
    given = history.decide(command).reply
    found = [one for one in given if isinstance(one, Recommendation)]
    assert len(found) == len(given)
    return found


def test_several_are_judged_on_one_state_each_in_a_stream_of_its_own() -> None:
    history = with_tier(1)
    evaluations = [an_evaluation(action=action) for action in ("payout.request", "job.accept")]

    changes = history.decide(a_bulk_evaluation(*evaluations)).changes
    given = judged_together(history, a_bulk_evaluation(*evaluations))

    assert [change.stream for change in changes] == [f"decision-{one.id}" for one in evaluations]
    assert [change.id for change in changes] == [one.id for one in evaluations]
    assert [one.id for one in given] == [one.id for one in evaluations]
    assert {one.event.seen_position for one in given} == {10}


def test_one_that_is_refused_is_refused_alone_in_its_place() -> None:
    evaluations = [
        an_evaluation(action=action) for action in ("payout.request", "no.such", "job.accept")
    ]

    outcome = with_tier(1).decide(a_bulk_evaluation(*evaluations))

    kinds = [type(one) for one in outcome.reply]
    assert kinds == [Recommendation, UnknownAction, Recommendation]
    assert [change.id for change in outcome.changes] == [evaluations[0].id, evaluations[2].id]


def test_several_are_judged_as_each_would_be_alone() -> None:
    history = with_tier(1)
    evaluations = [an_evaluation(action=action) for action in DEFAULT_ACTIONS]

    together = judged_together(history, a_bulk_evaluation(*evaluations))

    assert together == [history.decide(one).reply for one in evaluations]


# Computing again


def test_a_decision_computed_again_on_what_it_saw_is_the_same() -> None:
    history = with_tier(1)
    given = history.decide(an_evaluation()).reply

    again = history.decide(Reconsider(tenant=TENANT, recorded=given.event)).reply

    assert again == given.event


def test_a_decision_on_somebody_erased_since_is_computed_again_of_their_entity() -> None:
    history = with_tier(1)
    given = history.do(an_evaluation())
    history.do(an_erasure())

    again = history.decide(Reconsider(tenant=TENANT, recorded=given.event)).reply

    assert (again.tier, again.decision) == (given.event.tier, given.event.decision)
    assert again.entity_id == given.event.entity_id


def test_a_decision_computed_again_records_nothing() -> None:
    history = with_tier(1)
    given = history.decide(an_evaluation()).reply

    assert history.decide(Reconsider(tenant=TENANT, recorded=given.event)).changes == ()
