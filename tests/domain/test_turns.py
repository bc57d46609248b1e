"""How agents are stopped, woken and ended."""

from itertools import product
from typing import get_args

import pytest

from domain.agent import Revoked, Status, Suspended
from domain.credential import CREDENTIAL
from domain.refusals import (
    AgentSuspended,
    AncestorSuspended,
    InvalidAgentState,
    NotFound,
    Unauthenticated,
)
from domain.registry import ReactivateAgent, RevokeAgent, SuspendAgent
from domain.spawning import ApproveAgent, RejectAgent
from tests.builders import (
    TENANT,
    History,
    Turn,
    a_change_of_rights,
    a_rotation,
    a_spawn,
    a_spawn_policy,
    a_turn,
    an_agents_key,
    an_issued_key,
)
from tests.domain.forest import (
    CHILD,
    FOREST,
    GRANDCHILD,
    ROOT,
    SIBLING,
    agent_in,
    caller,
    rights_of,
    statuses_in,
    with_an_agent,
)

STATUSES: tuple[Status, ...] = get_args(Status)
MOVES: dict[tuple[Turn, Status], Status] = {
    (SuspendAgent, "ACTIVE"): "SUSPENDED",
    (ReactivateAgent, "SUSPENDED"): "ACTIVE",
    (RevokeAgent, "PENDING_APPROVAL"): "REVOKED",
    (RevokeAgent, "ACTIVE"): "REVOKED",
    (RevokeAgent, "SUSPENDED"): "REVOKED",
    (ApproveAgent, "PENDING_APPROVAL"): "ACTIVE",
    (RejectAgent, "PENDING_APPROVAL"): "REVOKED",
}
TURNS: tuple[Turn, ...] = (SuspendAgent, ReactivateAgent, RevokeAgent, ApproveAgent, RejectAgent)


@pytest.mark.parametrize(("turn", "status"), [*product(TURNS, STATUSES)])
def test_an_agent_turns_where_it_may_and_nowhere_else(turn: Turn, status: Status) -> None:
    history, agent_id = with_an_agent(status)

    if (turn, status) in MOVES:
        reply = history.do(a_turn(turn, agent_id))
        assert reply.agent == agent_in(history, agent_id)
        assert reply.agent.status == MOVES[turn, status]
    else:
        with pytest.raises(InvalidAgentState, match=status):
            history.do(a_turn(turn, agent_id))
        assert statuses_in(history, agent_id) == [status]


@pytest.mark.parametrize("agent_id", [CHILD, "nobody"])
@pytest.mark.parametrize("tenant", ["sandbox/bolt", "production/acme"])
def test_an_agent_of_another_tenant_is_not_there(tenant: str, agent_id: str) -> None:
    history = History(*FOREST)

    for turn in TURNS:
        with pytest.raises(NotFound):
            history.do(a_turn(turn, agent_id, tenant=tenant))
    with pytest.raises(NotFound):
        history.do(a_change_of_rights(agent_id, tenant=tenant, rate=1))
    with pytest.raises(NotFound):
        history.do(a_rotation(agent_id, an_issued_key("another"), tenant=tenant))


@pytest.mark.parametrize("turn", [RevokeAgent, RejectAgent])
def test_the_key_of_an_agent_that_is_ended_is_nobodys(turn: Turn) -> None:
    history, agent_id = with_an_agent("PENDING_APPROVAL")

    history.do(a_turn(turn, agent_id))

    assert agent_in(history, agent_id).key is None
    assert (CREDENTIAL.name, an_agents_key(agent_id).lookup) not in history.rows


def test_an_agent_is_reactivated_only_where_nothing_above_is_suspended() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, ROOT), a_turn(SuspendAgent, GRANDCHILD))

    with pytest.raises(InvalidAgentState, match=f"below the suspended Root \\({ROOT}\\)"):
        history.do(a_turn(ReactivateAgent, GRANDCHILD))
    history.do(a_turn(ReactivateAgent, ROOT))
    history.do(a_turn(ReactivateAgent, GRANDCHILD))

    assert caller(history, GRANDCHILD).tenant == TENANT


def test_an_agent_below_a_revoked_one_is_reactivated() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, CHILD), a_turn(RevokeAgent, ROOT))

    history.do(a_turn(ReactivateAgent, CHILD))

    assert caller(history, CHILD).tenant == TENANT


def test_a_suspension_stops_whoever_comes_from_an_agent_and_changes_none_of_them() -> None:
    history = History(*FOREST)

    outcome = history.decide(a_turn(SuspendAgent, CHILD))
    history.do(a_turn(SuspendAgent, CHILD))

    assert [change.event for change in outcome.changes] == [Suspended()]
    assert statuses_in(history, ROOT, CHILD, GRANDCHILD) == ["ACTIVE", "SUSPENDED", "ACTIVE"]
    with pytest.raises(AncestorSuspended):
        caller(history, GRANDCHILD)
    assert caller(history, SIBLING).tenant == TENANT


def test_whoever_was_stopped_with_an_ancestor_wakes_with_it() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, ROOT))

    history.do(a_turn(ReactivateAgent, ROOT))

    assert caller(history, GRANDCHILD).tenant == TENANT


def test_whoever_is_suspended_by_themselves_stays_so_when_an_ancestor_wakes() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, GRANDCHILD), a_turn(SuspendAgent, ROOT))

    history.do(a_turn(ReactivateAgent, ROOT))

    with pytest.raises(AgentSuspended):
        caller(history, GRANDCHILD)


# Revoking


def test_whoever_comes_from_a_revoked_agent_goes_on() -> None:
    history = History(*FOREST)

    outcome = history.decide(a_turn(RevokeAgent, CHILD))
    history.do(a_turn(RevokeAgent, CHILD))

    assert [type(change.event) for change in outcome.changes] == [Revoked]
    assert caller(history, GRANDCHILD).tenant == TENANT
    with pytest.raises(Unauthenticated):
        caller(history, CHILD)


def test_the_last_rights_of_a_revoked_agent_still_bound_those_below_it() -> None:
    history = History(*FOREST, a_change_of_rights(CHILD, preset="reader", rate=7))

    history.do(a_turn(RevokeAgent, CHILD))

    rights = rights_of(history, GRANDCHILD)
    assert (rights.preset, rights.rate_limit_per_minute) == ("reader", 7)
    assert caller(history, GRANDCHILD).permissions == rights.permissions


def test_revoking_a_suspended_agent_wakes_nobody() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, ROOT))

    history.do(a_turn(RevokeAgent, ROOT))

    assert statuses_in(history, CHILD, SIBLING, GRANDCHILD) == ["SUSPENDED", "SUSPENDED", "ACTIVE"]
    with pytest.raises(AgentSuspended):
        caller(history, CHILD)
    with pytest.raises(AncestorSuspended):
        caller(history, GRANDCHILD)


def test_revoking_an_agent_below_a_suspended_one_suspends_its_children() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, ROOT))

    history.do(a_turn(RevokeAgent, CHILD))
    history.do(a_turn(ReactivateAgent, ROOT))

    assert statuses_in(history, CHILD, GRANDCHILD, SIBLING) == ["REVOKED", "SUSPENDED", "ACTIVE"]


def test_revoking_a_suspended_agent_wakes_nobody_below_a_child_that_was_revoked_before() -> None:
    history = History(*FOREST, a_turn(RevokeAgent, CHILD), a_turn(SuspendAgent, ROOT))

    history.do(a_turn(RevokeAgent, ROOT))

    assert statuses_in(history, CHILD, GRANDCHILD) == ["REVOKED", "SUSPENDED"]


def test_what_a_revocation_stops_is_of_the_same_transaction() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, ROOT))

    changes = history.decide(a_turn(RevokeAgent, ROOT)).changes

    revoked = Revoked(key=an_agents_key(ROOT))
    assert [(change.stream, change.event) for change in changes] == [
        (f"agent-{ROOT}", revoked),
        (f"agent-{CHILD}", Suspended()),
        (f"agent-{SIBLING}", Suspended()),
    ]


def test_a_revocation_leaves_pending_and_suspended_children_as_they_are() -> None:
    pending = a_spawn(ROOT)
    history = History(*FOREST, a_spawn_policy(approval_from_depth=1), pending)
    history.do(a_turn(SuspendAgent, SIBLING))
    history.do(a_turn(SuspendAgent, ROOT))

    history.do(a_turn(RevokeAgent, ROOT))

    assert statuses_in(history, pending.id, SIBLING) == ["PENDING_APPROVAL", "SUSPENDED"]
