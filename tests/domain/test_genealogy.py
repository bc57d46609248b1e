"""Genealogy: who is below whom, and what is known to go wrong where lineage is kept otherwise."""

import pytest

from domain.agent import Revoked
from domain.fold import AnyFold
from domain.genealogy import (
    GENEALOGY,
    OFFSPRING,
    Kin,
    children_of,
    descendants_of,
    lineage,
    offspring_of,
)
from domain.known import NO_ROW, RANGE, Known
from domain.refusals import (
    AgentEventTypeNotAllowed,
    AncestorSuspended,
    Forbidden,
    SpawnEscalation,
)
from domain.registry import ReactivateAgent, RevokeAgent, SuspendAgent
from domain.rights import GUARDRAILS, OPERATOR, READER, REPORTER
from domain.spawning import RejectAgent
from tests.builders import (
    TENANT,
    History,
    a_change_of_rights,
    a_kill,
    a_participation,
    a_rotation,
    a_spawn,
    a_spawn_policy,
    a_turn,
    an_agent,
    an_agents_key,
    an_entry,
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
    line_in,
    rights_of,
    statuses_in,
)


def loaded(history: History, *ranges: str) -> Known:
    """All that is known, some ranges of the genealogy among it."""
    known = history.known()
    known.rows |= {(GENEALOGY.name + RANGE, prefix): NO_ROW for prefix in ranges}
    return known


def children(history: History, agent_id: str) -> list[str]:
    return children_of(agent_id, loaded(history, f"{agent_id}/"))


def descendants(history: History, agent_id: str) -> list[str]:
    path = agent_in(history, agent_id).path
    known = loaded(history, lineage(TENANT, *path, agent_id, ""))
    return descendants_of(agent_id, path, TENANT, known)


def counted(history: History, agent_id: str) -> tuple[int, int]:
    offspring = offspring_of(agent_id, history.known())
    return offspring.children, offspring.descendants


# Who is below whom


def test_children_are_those_who_come_from_an_agent_directly() -> None:
    history = History(*FOREST)

    assert children(history, ROOT) == [CHILD, SIBLING]
    assert children(history, CHILD) == [GRANDCHILD]
    assert children(history, GRANDCHILD) == []


def test_descendants_are_all_who_come_from_an_agent_each_parent_before_its_children() -> None:
    history = History(*FOREST)

    assert descendants(history, ROOT) == [CHILD, GRANDCHILD, SIBLING]
    assert descendants(history, CHILD) == [GRANDCHILD]
    assert descendants(history, OTHER_ROOT) == []


def test_whoever_is_ended_stays_where_they_stood() -> None:
    history = History(*FOREST)

    history.do(a_kill(ROOT))

    assert descendants(history, ROOT) == [CHILD, GRANDCHILD, SIBLING]


def test_an_agents_place_begins_with_the_place_of_each_of_its_ancestors() -> None:
    history = History(*FOREST)

    places = [key for fold, key in history.rows if fold == GENEALOGY.name]

    assert lineage(TENANT, ROOT) == f"{TENANT}/{ROOT}"
    assert {f"{TENANT}/{ROOT}/{CHILD}/{GRANDCHILD}", f"{CHILD}/{GRANDCHILD}"} <= set(places)
    assert history.known().get(GENEALOGY, f"{CHILD}/{GRANDCHILD}") == Kin(TENANT, GRANDCHILD)


def test_the_genealogy_of_one_tenant_is_no_others() -> None:
    theirs = an_agent(tenant="sandbox/bolt")
    history = History(*FOREST, theirs)

    known = loaded(history, f"{TENANT}/")

    assert theirs.id not in [kin.agent_id for kin in known.within(GENEALOGY, f"{TENANT}/")]


@pytest.mark.parametrize("fold", [GENEALOGY, OFFSPRING], ids=lambda fold: fold.name)
def test_folds_of_genealogy_leave_other_events_alone(fold: AnyFold) -> None:
    history = History(a_participation())

    assert fold.keys(history.entries[0]) == ()


# How many come from whom


def test_an_agent_counts_its_children_and_a_root_all_who_come_from_it() -> None:
    history = History(*FOREST)

    assert counted(history, ROOT) == (2, 3)
    assert counted(history, CHILD) == (1, 0)
    assert counted(history, OTHER_ROOT) == counted(history, GRANDCHILD) == (0, 0)


@pytest.mark.parametrize("turn", [RevokeAgent, RejectAgent])
def test_whoever_is_ended_is_counted_no_more(turn: type[RevokeAgent]) -> None:
    pending = a_spawn(CHILD)
    history = History(*FOREST, a_spawn_policy(approval_from_depth=1), pending)
    assert (counted(history, ROOT), counted(history, CHILD)) == ((2, 4), (2, 0))

    history.do(a_turn(turn, pending.id))

    assert (counted(history, ROOT), counted(history, CHILD)) == ((2, 3), (1, 0))


def test_whoever_is_stopped_is_counted_as_before() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, CHILD), a_rotation(CHILD, an_issued_key("k")))

    assert counted(history, ROOT) == (2, 3)


def test_whoever_is_killed_is_counted_no_more() -> None:
    history = History(*FOREST)

    history.do(a_kill(CHILD))

    assert counted(history, ROOT) == (1, 1)


def test_those_below_a_revoked_agent_that_are_killed_are_counted_no_more() -> None:
    history = History(*FOREST, a_spawn(CHILD), a_turn(RevokeAgent, CHILD))

    history.do(a_kill(CHILD))

    assert counted(history, ROOT) == (1, 1)


def test_a_root_that_is_ended_was_nobodys_child() -> None:
    history = History(*FOREST)
    ended = Revoked(key=an_agents_key(OTHER_ROOT))

    assert OFFSPRING.keys(an_entry(ended, stream=f"agent-{OTHER_ROOT}")) == ()
    history.do(a_turn(RevokeAgent, OTHER_ROOT))
    assert counted(history, ROOT) == (2, 3)


# What is known to go wrong elsewhere


def test_lineage_follows_ids_when_a_name_is_reused() -> None:
    namesake = an_agent("Root")
    history = History(*FOREST, a_turn(RevokeAgent, ROOT), namesake)
    child = history.do(a_spawn(namesake.id, "Child"))

    history.do(a_turn(SuspendAgent, namesake.id))

    assert [agent_id for agent_id, _ in line_in(history, child.agent_id)] == [
        namesake.id,
        child.agent_id,
    ]
    assert [agent_id for agent_id, _ in line_in(history, GRANDCHILD)] == [ROOT, CHILD, GRANDCHILD]
    assert descendants(history, namesake.id) == [child.agent_id]
    assert caller(history, GRANDCHILD).tenant == TENANT


def test_a_kill_in_the_middle_leaves_depths_as_they_were() -> None:
    history = History(*FOREST)

    history.do(a_kill(CHILD))

    depths = {one: agent_in(history, one).depth for one in (ROOT, SIBLING, CHILD, GRANDCHILD)}
    assert depths == {ROOT: 0, SIBLING: 1, CHILD: 1, GRANDCHILD: 2}
    assert history.do(a_spawn(SIBLING)).agent.depth == 2


def test_a_revocation_in_the_middle_leaves_depths_as_they_were() -> None:
    history = History(*FOREST)

    history.do(a_turn(RevokeAgent, CHILD))

    assert (agent_in(history, GRANDCHILD).depth, agent_in(history, GRANDCHILD).parent_id) == (
        2,
        CHILD,
    )
    assert history.do(a_spawn(GRANDCHILD)).agent.depth == 3


def test_an_ancestors_refusal_is_inherited() -> None:
    history = History(*FOREST)

    history.do(a_change_of_rights(ROOT, preset="reader", allowed=("gig.started",)))

    grandchild = caller(history, GRANDCHILD)
    with pytest.raises(Forbidden, match="events:write"):
        grandchild.must("events:write")
    with pytest.raises(AgentEventTypeNotAllowed, match=r"gig\.completed"):
        grandchild.must(None, "gig.completed")
    grandchild.must("events:read", "gig.started")


def test_an_ancestors_suspension_is_inherited_and_it_is_named() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, ROOT))

    with pytest.raises(AncestorSuspended) as refused:
        caller(history, GRANDCHILD)

    assert refused.value.hint is not None
    assert f"Root ({ROOT})" in refused.value.hint


def test_rights_are_not_a_stale_snapshot() -> None:
    history = History(*FOREST)

    for preset, permissions in (("reader", READER), ("reporter", REPORTER), ("operator", OPERATOR)):
        history.do(a_change_of_rights(ROOT, preset=preset))  # type: ignore[arg-type]
        assert caller(history, GRANDCHILD).permissions == permissions
        assert rights_of(history, GRANDCHILD).preset == preset
        assert agent_in(history, GRANDCHILD).rights.preset == "operator"


def test_a_child_of_another_type_sheds_no_guardrail() -> None:
    history = History(*FOREST)
    with pytest.raises(SpawnEscalation, match="type"):
        history.do(a_spawn(ROOT, agent_type="SERVICE_ACCOUNT"))

    command = a_spawn(
        OTHER_ROOT, agent_type="AI_AGENT", preset="operator", allowed=("gig.started",)
    )
    history.do(command)

    agent = caller(history, command.key).agent
    assert agent is not None
    assert agent.guardrails == GUARDRAILS["AI_AGENT"]
    assert agent.require_idempotency
    with pytest.raises(SpawnEscalation, match="type"):
        history.do(a_spawn(command.id, agent_type="SERVICE_ACCOUNT"))


def test_nothing_stopped_wakes_by_a_revocation_above_it() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, ROOT), a_turn(RevokeAgent, ROOT))

    history.do(a_turn(RevokeAgent, CHILD))

    assert statuses_in(history, GRANDCHILD, SIBLING) == ["SUSPENDED", "SUSPENDED"]
    history.do(a_turn(ReactivateAgent, GRANDCHILD))
    assert caller(history, GRANDCHILD).tenant == TENANT
