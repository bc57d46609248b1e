"""The kill switch: an agent and all who come from it, at once, for good, and nobody else."""

import pytest

from domain.agent import AGENT, Revoked
from domain.credential import CREDENTIAL
from domain.refusals import InvalidAgentState, NotFound, ParentNotActive, Unauthenticated
from domain.registry import ReactivateAgent, RevokeAgent, SuspendAgent
from domain.spawning import ApproveAgent
from tests.builders import (
    TENANT,
    History,
    a_kill,
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
    OTHER_ROOT,
    ROOT,
    SIBLING,
    agent_in,
    caller,
    statuses_in,
)

PENDING = "a pending child"


def a_mixed_forest() -> History:
    """The forest with a grandchild that is suspended and a child of the root that is pending."""
    return History(
        *FOREST,
        a_turn(SuspendAgent, GRANDCHILD),
        a_spawn_policy(approval_from_depth=1),
        a_spawn(ROOT, agent_id=PENDING),
    )


def test_an_agent_and_all_who_come_from_it_are_ended_whatever_their_status() -> None:
    history = a_mixed_forest()

    history.do(a_kill(ROOT))

    killed = (ROOT, CHILD, GRANDCHILD, SIBLING, PENDING)
    assert statuses_in(history, *killed) == ["REVOKED"] * 5
    for agent_id in killed:
        assert agent_in(history, agent_id).key is None
        assert (CREDENTIAL.name, an_agents_key(agent_id).lookup) not in history.rows
        with pytest.raises(Unauthenticated):
            caller(history, agent_id)


def test_nobody_else_is_ended() -> None:
    history = a_mixed_forest()

    history.do(a_kill(CHILD))

    assert statuses_in(history, CHILD, GRANDCHILD) == ["REVOKED", "REVOKED"]
    assert statuses_in(history, ROOT, SIBLING, OTHER_ROOT) == ["ACTIVE"] * 3
    assert statuses_in(history, PENDING) == ["PENDING_APPROVAL"]
    for agent_id in (ROOT, SIBLING, OTHER_ROOT):
        assert caller(history, agent_id).tenant == TENANT


def test_there_is_one_event_an_agent_each_parent_before_its_children() -> None:
    history = a_mixed_forest()

    changes = history.decide(a_kill(ROOT)).changes

    streams = [change.stream for change in changes]
    assert {type(change.event) for change in changes} == {Revoked}
    assert sorted(streams) == sorted(
        f"agent-{one}" for one in (ROOT, CHILD, GRANDCHILD, SIBLING, PENDING)
    )
    assert streams[0] == f"agent-{ROOT}"
    assert streams.index(f"agent-{CHILD}") < streams.index(f"agent-{GRANDCHILD}")


def test_the_first_tells_for_all_where_they_stood_and_how_many_they_are() -> None:
    history = a_mixed_forest()

    first, second = (change.event for change in history.decide(a_kill(CHILD)).changes)

    assert first == Revoked(key=an_agents_key(CHILD), path=(ROOT,), ended_with_it=1)
    assert second == Revoked(key=an_agents_key(GRANDCHILD))


def test_a_kill_tells_who_was_ended_and_how_each_stood() -> None:
    reply = a_mixed_forest().do(a_kill(ROOT))

    assert {agent_id: agent.status for agent_id, agent in reply} == {
        ROOT: "ACTIVE",
        CHILD: "ACTIVE",
        GRANDCHILD: "SUSPENDED",
        SIBLING: "ACTIVE",
        PENDING: "PENDING_APPROVAL",
    }


def test_a_preview_tells_the_same_and_changes_nothing() -> None:
    history = a_mixed_forest()

    looked = history.decide(a_kill(ROOT, preview=True))

    assert looked.changes == ()
    assert looked.reply == history.decide(a_kill(ROOT)).reply


def test_a_second_kill_ends_nobody() -> None:
    history = History(*FOREST, a_kill(CHILD))

    outcome = history.decide(a_kill(CHILD))

    assert (outcome.reply, outcome.changes) == ((), ())


def test_those_who_were_ended_before_are_not_ended_again() -> None:
    history = History(*FOREST, a_kill(CHILD))

    reply = history.do(a_kill(ROOT))

    assert [agent_id for agent_id, _ in reply] == [ROOT, SIBLING]


def test_those_below_a_revoked_agent_are_ended_by_killing_it() -> None:
    history = History(*FOREST, a_turn(RevokeAgent, ROOT), a_turn(RevokeAgent, CHILD))

    history.do(a_kill(ROOT))

    assert statuses_in(history, GRANDCHILD, SIBLING) == ["REVOKED", "REVOKED"]


def test_an_agent_that_was_ended_does_nothing_any_more() -> None:
    history = a_mixed_forest()
    history.do(a_kill(ROOT))

    for turn in (SuspendAgent, ReactivateAgent, RevokeAgent):
        with pytest.raises(InvalidAgentState):
            history.do(a_turn(turn, GRANDCHILD))
    with pytest.raises(InvalidAgentState):
        history.do(a_turn(ApproveAgent, PENDING))
    with pytest.raises(InvalidAgentState):
        history.do(a_rotation(CHILD, an_issued_key("another")))
    with pytest.raises(ParentNotActive):
        history.do(a_spawn(SIBLING))


def test_a_child_that_was_spawned_just_before_is_ended_too() -> None:
    last = a_spawn(GRANDCHILD)
    history = History(*FOREST, last)

    history.do(a_kill(ROOT))

    assert statuses_in(history, last.id) == ["REVOKED"]


def test_a_key_that_was_rotated_is_dead_with_its_agent() -> None:
    key = an_issued_key("another")
    history = History(*FOREST, a_rotation(GRANDCHILD, key))

    history.do(a_kill(ROOT))

    for one in (key, an_agents_key(GRANDCHILD)):
        with pytest.raises(Unauthenticated):
            caller(history, one)


def test_a_kill_leaves_room_for_as_many() -> None:
    history = History(*FOREST, a_spawn_policy(max_descendants=3))

    history.do(a_kill(CHILD))

    history.do(a_spawn(ROOT))
    history.do(a_spawn(ROOT))
    assert len([key for fold, key in history.rows if fold == AGENT.name]) == 7


@pytest.mark.parametrize("agent_id", [ROOT, "nobody"])
def test_nobody_kills_an_agent_of_another_tenant(agent_id: str) -> None:
    with pytest.raises(NotFound):
        History(*FOREST).do(a_kill(agent_id, tenant="sandbox/bolt"))
