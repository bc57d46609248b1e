"""Policy of agents: one that is not in force is denied, whatever its history, for ever the same."""

from typing import get_args

import pytest

from domain.agent import Status
from domain.command import Command
from domain.policy import NOT_IN_FORCE, WHY, Decision, Reason, Recommendation, Reconsider
from domain.registry import RevokeAgent, SuspendAgent
from tests.builders import (
    TENANT,
    History,
    a_claim,
    a_participation,
    a_spawn,
    a_spawn_policy,
    a_turn,
    an_evaluation,
    days_ago,
)
from tests.domain.forest import CHILD, FOREST, GRANDCHILD, ROOT

PENDING = "a pending child"
STOPS: dict[Reason, list[Command[object]]] = {
    "AGENT_SUSPENDED": [a_turn(SuspendAgent, CHILD)],
    "AGENT_REVOKED": [a_turn(RevokeAgent, CHILD)],
}


def with_a_history(*given: Command[object], agent_id: str = CHILD) -> History:
    """The forest, of which one has just reached tier 1, and what was done then."""
    reported = [
        a_participation(agent_id, occurred_at=days_ago(14), backfill=True) for _ in range(10)
    ]
    return History(*FOREST, *reported, *given)


def judged(history: History, agent_id: str = CHILD, *, tenant: str = TENANT) -> Recommendation:
    return history.do(
        an_evaluation(agent_id, tenant=tenant, action="payout.request", actor_type="service")
    )


def verdict(history: History, agent_id: str = CHILD) -> tuple[Decision, tuple[Reason, ...], int]:
    event = judged(history, agent_id).event
    return event.decision, event.reasons, event.tier


def test_an_agent_in_force_is_judged_by_its_history() -> None:
    assert verdict(with_a_history()) == ("ALLOW", ("TIER_MET",), 1)
    assert verdict(with_a_history(), GRANDCHILD) == ("LIMIT", ("TIER_ONE_BELOW",), 0)


@pytest.mark.parametrize("reason", STOPS)
def test_an_agent_that_is_not_in_force_is_denied_and_its_tier_shown_unchanged(
    reason: Reason,
) -> None:
    assert verdict(with_a_history(*STOPS[reason])) == ("DENY", (reason,), 1)


def test_an_agent_that_waits_for_approval_is_denied() -> None:
    pending = a_spawn(ROOT, agent_id=PENDING)
    history = with_a_history(a_spawn_policy(approval_from_depth=1), pending, agent_id=PENDING)

    assert verdict(history, PENDING) == ("DENY", ("AGENT_PENDING",), 1)


def test_an_agent_below_a_suspended_one_is_denied() -> None:
    history = with_a_history(a_turn(SuspendAgent, ROOT))

    assert verdict(history) == ("DENY", ("AGENT_SUSPENDED",), 1)


def test_an_agent_below_a_revoked_one_is_judged_by_its_history() -> None:
    assert verdict(with_a_history(a_turn(RevokeAgent, ROOT))) == ("ALLOW", ("TIER_MET",), 1)


def test_why_an_agent_itself_is_not_in_force_comes_before_what_is_above_it() -> None:
    history = with_a_history(a_turn(RevokeAgent, CHILD), a_turn(SuspendAgent, ROOT))

    assert verdict(history) == ("DENY", ("AGENT_REVOKED",), 1)


def test_every_status_but_active_has_its_reason_and_each_its_sentence() -> None:
    assert set(NOT_IN_FORCE) == set(get_args(Status)) - {"ACTIVE"}
    assert set(NOT_IN_FORCE.values()) <= set(WHY)


def test_a_denial_shows_all_else_as_it_would_have_been() -> None:
    allowed = judged(with_a_history()).event
    denied = judged(with_a_history(*STOPS["AGENT_SUSPENDED"], a_claim(CHILD))).event

    for field in ("tier", "required_tier", "risk", "action", "agent_id", "policy_version"):
        assert getattr(denied, field) == getattr(allowed, field)
    assert (denied.claim_status, denied.limits) == ("flagged", None)


def test_a_service_that_is_no_agent_is_judged_by_its_history() -> None:
    event = judged(with_a_history(), "a service").event

    assert (event.agent_id, event.decision) == (None, "LIMIT")


def test_a_human_under_an_agents_id_is_not_the_agent() -> None:
    history = with_a_history(*STOPS["AGENT_REVOKED"])

    event = history.do(an_evaluation(CHILD, action="payout.request")).event

    assert (event.agent_id, event.decision) == (None, "ALLOW")


@pytest.mark.parametrize("tenant", ["sandbox/bolt", "production/acme"])
def test_an_agent_of_another_tenant_is_a_service_like_any_other(tenant: str) -> None:
    history = with_a_history(*STOPS["AGENT_REVOKED"])

    event = judged(history, tenant=tenant).event

    assert (event.agent_id, event.decision) == (None, "LIMIT")


@pytest.mark.parametrize("reason", STOPS)
def test_a_denial_of_an_agent_computed_again_on_what_it_saw_is_the_same(reason: Reason) -> None:
    history = with_a_history(*STOPS[reason])
    given = history.decide(
        an_evaluation(CHILD, action="payout.request", actor_type="service")
    ).reply

    again = history.decide(Reconsider(tenant=TENANT, recorded=given.event)).reply

    assert again == given.event
    assert (again.agent_id, again.decision) == (CHILD, "DENY")
