"""The spawn policy: whether agents may spawn, how deep, how many, and with whose leave."""

import pytest

from domain.credential import CREDENTIAL
from domain.refusals import (
    InvalidAgentState,
    ParentNotActive,
    SpawnDepthExceeded,
    SpawnDisabled,
    SpawnLimitExceeded,
    Unauthenticated,
)
from domain.registry import RevokeAgent, SuspendAgent
from domain.spawning import (
    ApproveAgent,
    RejectAgent,
    SpawnPolicy,
    spawn_policy_of,
)
from tests.builders import (
    TENANT,
    History,
    a_spawn,
    a_spawn_policy,
    a_turn,
    an_agent,
    an_agents_key,
)
from tests.domain.forest import (
    CHILD,
    FOREST,
    GRANDCHILD,
    OTHER_ROOT,
    ROOT,
    caller,
    statuses_in,
)


def test_agents_may_not_spawn_until_their_partner_lets_them() -> None:
    history = History(an_agent(agent_id=ROOT))

    assert spawn_policy_of(TENANT, history.known()) == SpawnPolicy(enabled=False, max_depth=5)
    with pytest.raises(SpawnDisabled):
        history.do(a_spawn(ROOT))
    history.do(a_spawn_policy())
    history.do(a_spawn(ROOT))


def test_a_policy_is_answered_as_it_is_in_force() -> None:
    history = History()
    policy = SpawnPolicy(enabled=True, max_depth=1, max_children=2, max_descendants=3)

    reply = history.do(a_spawn_policy(max_depth=1, max_children=2, max_descendants=3))

    assert reply == policy == spawn_policy_of(TENANT, history.known())


def test_a_policy_that_is_in_force_is_not_set_again() -> None:
    assert History(a_spawn_policy()).decide(a_spawn_policy()).changes == ()
    assert History().decide(a_spawn_policy(enabled=False)).changes == ()


@pytest.mark.parametrize("tenant", ["sandbox/bolt", "production/acme"])
def test_a_policy_is_of_one_tenant(tenant: str) -> None:
    root = an_agent(tenant=tenant)

    with pytest.raises(SpawnDisabled):
        History(a_spawn_policy(TENANT), root).do(a_spawn(root.id, tenant=tenant))


def test_a_policy_leaves_the_agents_that_exist_alone() -> None:
    history = History(*FOREST, a_spawn_policy(enabled=False, max_depth=0))

    assert statuses_in(history, CHILD, GRANDCHILD) == ["ACTIVE", "ACTIVE"]
    assert caller(history, GRANDCHILD).tenant == TENANT


# Room


def test_the_greatest_depth_is_allowed_and_none_below_it() -> None:
    history = History(*FOREST, a_spawn_policy(max_depth=3))
    deepest = a_spawn(GRANDCHILD)

    assert history.do(deepest).agent.depth == 3
    with pytest.raises(SpawnDepthExceeded, match=r"depth 4.* allows 3"):
        history.do(a_spawn(deepest.id))


def test_an_agent_has_so_many_children_and_no_more() -> None:
    history = History(*FOREST, a_spawn_policy(max_children=3))

    history.do(a_spawn(ROOT))

    with pytest.raises(SpawnLimitExceeded, match="3 children"):
        history.do(a_spawn(ROOT))
    history.do(a_spawn(CHILD))


def test_a_root_has_so_many_descendants_and_no_more_at_any_depth() -> None:
    history = History(*FOREST, a_spawn_policy(max_descendants=4))

    history.do(a_spawn(GRANDCHILD))

    for parent_id in (ROOT, CHILD, GRANDCHILD):
        with pytest.raises(SpawnLimitExceeded, match="4 descendants"):
            history.do(a_spawn(parent_id))
    history.do(a_spawn(OTHER_ROOT))


def test_the_revoked_and_the_rejected_leave_room_and_the_suspended_and_the_pending_do_not() -> None:
    history = History(*FOREST, a_spawn_policy(max_children=2, approval_from_depth=1))
    pending = a_spawn(ROOT)

    history.do(a_turn(SuspendAgent, CHILD))
    with pytest.raises(SpawnLimitExceeded):
        history.do(pending)
    history.do(a_turn(RevokeAgent, CHILD))
    history.do(pending)
    with pytest.raises(SpawnLimitExceeded):
        history.do(a_spawn(ROOT))
    history.do(a_turn(RejectAgent, pending.id))
    history.do(a_spawn(ROOT))


# Approval


def test_from_some_depth_on_a_child_waits_for_approval_and_its_key_opens_nothing() -> None:
    history = History(*FOREST, a_spawn_policy(approval_from_depth=2))
    above, below = a_spawn(ROOT), a_spawn(CHILD)

    assert history.do(above).agent.status == "ACTIVE"
    assert history.do(below).agent.status == "PENDING_APPROVAL"
    with pytest.raises(Unauthenticated):
        caller(history, below.id)

    history.do(a_turn(ApproveAgent, below.id))

    assert caller(history, below.id).tenant == TENANT


def test_whoever_waits_goes_on_waiting_when_the_policy_changes() -> None:
    pending = a_spawn(ROOT)
    history = History(*FOREST, a_spawn_policy(approval_from_depth=1), pending)

    history.do(a_spawn_policy(enabled=False))

    assert statuses_in(history, pending.id) == ["PENDING_APPROVAL"]
    assert history.do(a_turn(ApproveAgent, pending.id)).agent.status == "ACTIVE"


def test_a_rejected_child_is_revoked_for_good() -> None:
    pending = a_spawn(ROOT)
    history = History(*FOREST, a_spawn_policy(approval_from_depth=1), pending)

    reply = history.do(a_turn(RejectAgent, pending.id))

    assert (reply.agent.status, reply.agent.key) == ("REVOKED", None)
    assert (CREDENTIAL.name, an_agents_key(pending.id).lookup) not in history.rows
    with pytest.raises(InvalidAgentState):
        history.do(a_turn(ApproveAgent, pending.id))


@pytest.mark.parametrize(
    ("turn", "turned", "named"),
    [
        (SuspendAgent, CHILD, "Child is SUSPENDED"),
        (RevokeAgent, CHILD, "Child is REVOKED"),
        (SuspendAgent, ROOT, "Root is SUSPENDED"),
    ],
)
def test_a_child_is_approved_only_where_its_parent_may_spawn(
    turn: type[SuspendAgent], turned: str, named: str
) -> None:
    pending = a_spawn(CHILD)
    history = History(*FOREST, a_spawn_policy(approval_from_depth=1), pending)

    history.do(a_turn(turn, turned))

    with pytest.raises(ParentNotActive, match=named):
        history.do(a_turn(ApproveAgent, pending.id))
