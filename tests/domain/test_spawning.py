"""Spawning: a child is of its parent's kind and has no more than it."""

from typing import Any, get_args

import pytest

from domain.agent import Status
from domain.credential import CREDENTIAL
from domain.refusals import (
    AgentAllowlistRequired,
    AgentIdempotencyRequired,
    AgentPresetForbidden,
    InvalidEventType,
    InvalidField,
    InvalidName,
    NotFound,
    ParentNotActive,
    Refusal,
    SpawnEscalation,
)
from domain.registry import RevokeAgent, SuspendAgent
from domain.rights import Rights
from tests.builders import (
    FREE,
    History,
    a_change_of_rights,
    a_spawn,
    a_spawn_policy,
    a_turn,
    an_agent,
)
from tests.domain.forest import (
    CHILD,
    FOREST,
    GRANDCHILD,
    OTHER_ROOT,
    ROOT,
    agent_in,
    caller,
    with_an_agent,
)

# The child


def test_a_child_takes_the_commands_id_and_stands_below_its_parent() -> None:
    history, command = History(*FOREST), a_spawn(CHILD, "Scout")

    reply = history.do(command)

    assert reply.agent_id == command.id
    assert reply.agent == agent_in(history, command.id)
    assert (reply.agent.name, reply.agent.status) == ("Scout", "ACTIVE")
    assert reply.agent.path == (ROOT, CHILD)


def test_a_child_is_of_its_parents_tenant_and_kind_and_its_human_answers_for_it() -> None:
    root = an_agent(human="alice", agent_type="SERVICE_ACCOUNT", require_idempotency=True)
    history = History(a_spawn_policy(), root)

    child = history.do(a_spawn(root.id)).agent

    parent = agent_in(history, root.id)
    for inherited in ("tenant", "type", "rights", "require_idempotency", "authorized_by"):
        assert getattr(child, inherited) == getattr(parent, inherited)
    assert child.accountable == "HUMAN"


def test_a_child_inherits_what_its_parent_may_do_and_not_what_it_was_given() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, preset="reader", rate=5))

    reply = history.do(a_spawn(CHILD))

    assert agent_in(history, CHILD).rights.preset == "operator"
    assert (reply.agent.rights.preset, reply.agent.rights.rate_limit_per_minute) == ("reader", 5)
    assert reply.rights == reply.agent.rights


def test_a_child_may_have_less_than_its_parent() -> None:
    history = History(*FOREST)

    reply = history.do(a_spawn(ROOT, preset="reporter", allowed=("gig.started",), rate=1))

    assert reply.agent.rights == Rights(
        preset="reporter", allowed_event_types=("gig.started",), rate_limit_per_minute=1
    )


def test_a_child_that_is_to_report_nothing_is_not_given_what_its_parent_may_report() -> None:
    history = History(*FOREST)

    with pytest.raises(AgentAllowlistRequired):
        history.do(a_spawn(ROOT, allowed=()))
    assert history.do(a_spawn(OTHER_ROOT, allowed=())).rights.allowed_event_types == ()


def test_a_childs_key_opens_its_partners_environment_for_the_child() -> None:
    history, command = History(*FOREST), a_spawn(CHILD)

    history.do(command)

    credential = history.known().get(CREDENTIAL, command.key.lookup)
    assert credential is not None
    assert (credential.agent_id, credential.path) == (command.id, (ROOT, CHILD))
    assert caller(history, command.key).id == f"agent:{command.id}"


@pytest.mark.parametrize("parent_id", [ROOT, "nobody"])
def test_nobody_spawns_from_an_agent_of_another_tenant(parent_id: str) -> None:
    history = History(*FOREST, a_spawn_policy("sandbox/bolt"))

    with pytest.raises(NotFound):
        history.do(a_spawn(parent_id, tenant="sandbox/bolt"))


def test_a_childs_name_can_be_printed() -> None:
    with pytest.raises(InvalidName):
        History(*FOREST).do(a_spawn(ROOT, "two\nlines"))


# No more than its parent

MORE: dict[str, dict[str, Any]] = {
    "preset": {"preset": "admin"},
    "allowedEventTypes": {"allowed": ("gig.started", "signal.positive")},
    "rateLimitPerMinute": {"rate": 61},
    "type": {"agent_type": "SERVICE_ACCOUNT"},
    "requireIdempotency": {"require_idempotency": False},
}
"""What a child of the first root cannot have, by the name of what exceeds."""


@pytest.mark.parametrize("what", MORE)
def test_a_child_that_is_to_have_more_than_its_parent_is_refused_and_told_what(what: str) -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, rate=60))

    with pytest.raises(SpawnEscalation, match=rf": {what}\.$"):
        history.do(a_spawn(ROOT, **MORE[what]))


def test_all_that_exceeds_is_named() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, rate=60))
    everything = {name: value for more in MORE.values() for name, value in more.items()}

    with pytest.raises(SpawnEscalation, match=f": {', '.join(MORE)}"):
        history.do(a_spawn(ROOT, **everything))


def test_a_child_has_no_more_than_any_of_its_ancestors() -> None:
    history = History(*FOREST, a_change_of_rights(ROOT, preset="reader"))

    with pytest.raises(SpawnEscalation, match="preset"):
        history.do(a_spawn(GRANDCHILD, preset="reporter"))


def test_a_rate_that_lets_nothing_through_is_not_taken_for_the_parents() -> None:
    with pytest.raises(InvalidField, match="rateLimitPerMinute"):
        History(*FOREST).do(a_spawn(ROOT, rate=0))


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"preset": "operator"}, AgentAllowlistRequired),
        ({"allowed": ("gig.started",)}, AgentPresetForbidden),
        ({"preset": "operator", "allowed": ("no.such",)}, InvalidEventType),
        (
            {"preset": "operator", "allowed": ("gig.started",), "require_idempotency": False},
            AgentIdempotencyRequired,
        ),
    ],
)
def test_what_a_type_demands_is_demanded_of_the_child_itself(
    asked: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        History(*FOREST).do(a_spawn(OTHER_ROOT, agent_type="AI_AGENT", **asked))


def test_a_service_account_may_have_a_child_of_either_type() -> None:
    history = History(*FOREST)

    other = history.do(
        a_spawn(OTHER_ROOT, agent_type="AI_AGENT", preset="operator", allowed=("gig.started",))
    )
    same = history.do(a_spawn(OTHER_ROOT, agent_type="SERVICE_ACCOUNT"))

    assert (other.agent.type, other.agent.require_idempotency) == ("AI_AGENT", True)
    assert (same.agent.type, same.agent.require_idempotency) == ("SERVICE_ACCOUNT", False)
    assert same.agent.rights == FREE


def test_what_a_parent_must_do_its_child_must() -> None:
    root = an_agent(agent_type="SERVICE_ACCOUNT", rights=FREE, require_idempotency=True)
    history = History(a_spawn_policy(), root)

    assert history.do(a_spawn(root.id)).agent.require_idempotency
    with pytest.raises(SpawnEscalation, match="requireIdempotency"):
        history.do(a_spawn(root.id, require_idempotency=False))


# Who spawns


@pytest.mark.parametrize("status", get_args(Status))
def test_only_an_active_agent_spawns(status: Status) -> None:
    history, parent_id = with_an_agent(status)

    if status == "ACTIVE":
        history.do(a_spawn(parent_id))
    else:
        with pytest.raises(ParentNotActive, match=f"is {status}"):
            history.do(a_spawn(parent_id))


def test_nobody_spawns_below_a_suspended_agent_who_is_named() -> None:
    history = History(*FOREST, a_turn(SuspendAgent, ROOT))

    with pytest.raises(ParentNotActive, match="Root is SUSPENDED"):
        history.do(a_spawn(GRANDCHILD))


def test_an_agent_below_a_revoked_one_spawns_within_its_last_rights() -> None:
    history = History(*FOREST, a_change_of_rights(CHILD, rate=7), a_turn(RevokeAgent, CHILD))

    reply = history.do(a_spawn(GRANDCHILD))

    assert reply.agent.rights.rate_limit_per_minute == 7
    assert reply.agent.path == (ROOT, CHILD, GRANDCHILD)
