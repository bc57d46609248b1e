"""An agent: what its stream makes of it, and when it may act."""

from typing import get_args

import msgspec
import pytest

from domain.agent import (
    AGENT,
    Agent,
    Approved,
    Ended,
    KeyRotated,
    Line,
    Made,
    Reactivated,
    Registered,
    Rejected,
    Revoked,
    RightsSet,
    Spawned,
    Status,
    Suspended,
    agent_of,
    find_agent,
    must_be_in_force,
    rights_in_force,
    suspended_in,
)
from domain.events import Event
from domain.refusals import AgentSuspended, AncestorSuspended, NotFound, Unauthenticated
from domain.rights import Rights
from tests.builders import (
    FREE,
    NOW,
    TENANT,
    WORKING,
    History,
    a_participation,
    a_spawn,
    a_spawn_policy,
    an_agent,
    an_entry,
    an_id,
    an_issued_key,
)

KEY, ANOTHER_KEY = an_issued_key("a key"), an_issued_key("another key")
READING = Rights(preset="reader", allowed_event_types=("gig.started",))
MADE = Spawned(
    name="Scout",
    type="AI_AGENT",
    rights=WORKING,
    require_idempotency=True,
    authorized_by="a human",
    key=KEY,
    path=("root", "parent"),
)
REGISTERED = Registered(
    name="Scout", type="AI_AGENT", rights=WORKING, require_idempotency=True, key=KEY
)
PENDING = msgspec.structs.replace(MADE, pending=True)


def after(*events: Event) -> Agent:
    """The agent whose stream holds these."""
    agent: Agent | None = None
    for version, event in enumerate(events, start=1):
        agent = AGENT.evolve(agent, an_entry(event, stream="agent-scout", version=version))
    assert agent is not None
    return agent


def a_line(*statuses: Status) -> Line:
    """Agents of some statuses, each the parent of the next."""
    agent = after(REGISTERED)
    return [
        (f"agent {depth}", msgspec.structs.replace(agent, status=status, name=f"Number {depth}"))
        for depth, status in enumerate(statuses)
    ]


# What its stream makes of it


def test_an_agent_is_as_it_was_made() -> None:
    assert after(MADE) == Agent(
        tenant=TENANT,
        name="Scout",
        type="AI_AGENT",
        rights=WORKING,
        require_idempotency=True,
        status="ACTIVE",
        path=("root", "parent"),
        authorized_by="a human",
        created_by="partner:acme",
        created_at=NOW,
        key=KEY,
    )


def test_an_agent_stands_below_its_ancestors() -> None:
    agent = after(MADE)

    assert (agent.parent_id, agent.depth) == ("parent", 2)


def test_a_registered_agent_is_a_root() -> None:
    agent = after(REGISTERED)

    assert (agent.path, agent.parent_id, agent.depth) == ((), None, 0)


def test_a_human_answers_for_an_agent_or_its_partner_does() -> None:
    assert (after(MADE).accountable, after(REGISTERED).accountable) == ("HUMAN", "PARTNER")


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ((MADE,), "ACTIVE"),
        ((PENDING,), "PENDING_APPROVAL"),
        ((PENDING, Approved()), "ACTIVE"),
        ((PENDING, Rejected(key=KEY, path=())), "REVOKED"),
        ((MADE, Suspended()), "SUSPENDED"),
        ((MADE, Suspended(), Reactivated()), "ACTIVE"),
        ((MADE, Revoked(key=KEY)), "REVOKED"),
        ((MADE, Suspended(), Revoked(key=KEY)), "REVOKED"),
    ],
)
def test_an_agents_status_is_what_last_became_of_it(
    events: tuple[Event, ...], status: Status
) -> None:
    assert after(*events).status == status


def test_every_status_is_one_of_the_contracts() -> None:
    assert get_args(Status) == ("PENDING_APPROVAL", "ACTIVE", "SUSPENDED", "REVOKED")


@pytest.mark.parametrize("end", [Revoked(key=KEY), Rejected(key=KEY, path=())])
def test_the_hash_of_the_key_of_an_agent_that_is_ended_is_nulled(end: Ended) -> None:
    assert after(MADE, end).key is None


def test_the_last_rights_of_an_agent_that_is_ended_stay() -> None:
    assert after(MADE, RightsSet(rights=READING), Revoked(key=KEY)).rights == READING


def test_an_agent_has_the_key_that_it_was_given_last() -> None:
    assert after(MADE, KeyRotated(key=ANOTHER_KEY, replaced=KEY)).key == ANOTHER_KEY


def test_an_agent_has_the_rights_that_were_set_last() -> None:
    assert after(MADE, RightsSet(rights=READING), RightsSet(rights=FREE)).rights == FREE


def test_nothing_else_changes_what_an_agent_is() -> None:
    before = after(MADE)

    for event in (Suspended(), Reactivated(), RightsSet(rights=FREE), Revoked(key=KEY)):
        changed = after(MADE, event)
        for field in ("tenant", "name", "type", "path", "authorized_by", "created_at"):
            assert getattr(changed, field) == getattr(before, field)


@pytest.mark.parametrize("event", AGENT.events, ids=lambda event: event.stored_name)
def test_an_event_of_an_agent_that_is_not_there_is_passed_over(event: type[Event]) -> None:
    if not issubclass(event, Made):
        passed_over: Event = msgspec.convert(
            {"key": KEY, "replaced": KEY, "rights": WORKING, "path": ()}, event
        )
        assert AGENT.evolve(None, an_entry(passed_over, stream="agent-scout")) is None


def test_every_change_of_an_agent_is_a_change_of_authority() -> None:
    """Its making is none: nobody was identified by its key before."""
    assert {event for event in AGENT.events if not event.changes_authority} == {
        Registered,
        Spawned,
    }


# Its line


def test_a_line_is_an_agent_after_its_ancestors_the_root_first() -> None:
    root, child, grandchild = an_id(), an_id(), an_id()
    history = History(
        a_spawn_policy(),
        an_agent(agent_id=root),
        a_spawn(root, agent_id=child),
        a_spawn(child, agent_id=grandchild),
    )

    line = find_agent(grandchild, TENANT, history.known())

    assert [agent_id for agent_id, _ in line] == [root, child, grandchild]


@pytest.mark.parametrize("tenant", ["sandbox/bolt", "production/acme"])
def test_an_agent_of_another_tenant_is_not_found(tenant: str) -> None:
    command = an_agent()
    known = History(command).known()

    assert find_agent(command.id, tenant, known) == ()
    with pytest.raises(NotFound):
        agent_of(command.id, tenant, known)


@pytest.mark.parametrize("agent_id", [None, "", "nobody"])
def test_nobody_is_found_under_another_id(agent_id: str | None) -> None:
    assert find_agent(agent_id, TENANT, History(an_agent()).known()) == ()


def test_an_entity_is_no_agent() -> None:
    history = History(a_participation("alice"))
    (entity_id,) = (key for fold, key in history.rows if fold == "entity")

    assert find_agent(entity_id, TENANT, history.known()) == ()


# When it may act


def test_the_first_that_is_suspended_is_named_from_the_root_down() -> None:
    line = a_line("ACTIVE", "SUSPENDED", "REVOKED", "SUSPENDED")

    assert suspended_in(line) == line[1]
    assert suspended_in(line[:1]) is None


@pytest.mark.parametrize("ancestors", [(), ("ACTIVE",), ("ACTIVE", "REVOKED"), ("REVOKED",)])
def test_an_active_agent_acts_though_an_ancestor_is_revoked(ancestors: tuple[Status, ...]) -> None:
    must_be_in_force(a_line(*ancestors, "ACTIVE"))


@pytest.mark.parametrize("status", ["PENDING_APPROVAL", "REVOKED"])
@pytest.mark.parametrize("above", ["ACTIVE", "SUSPENDED"])
def test_an_agent_that_is_pending_or_revoked_is_nobody(above: Status, status: Status) -> None:
    with pytest.raises(Unauthenticated):
        must_be_in_force(a_line(above, status))


@pytest.mark.parametrize("above", ["ACTIVE", "SUSPENDED"])
def test_a_suspended_agent_is_told_so(above: Status) -> None:
    with pytest.raises(AgentSuspended):
        must_be_in_force(a_line(above, "SUSPENDED"))


@pytest.mark.parametrize("between", ["ACTIVE", "REVOKED", "SUSPENDED"])
def test_an_agent_below_a_suspended_one_is_told_which(between: Status) -> None:
    with pytest.raises(AncestorSuspended) as refused:
        must_be_in_force(a_line("ACTIVE", "SUSPENDED", between, "ACTIVE"))

    assert refused.value.hint is not None
    assert "Number 1 (agent 1)" in refused.value.hint


def test_rights_in_force_are_the_meet_of_the_whole_line() -> None:
    (root, first), (child, second) = a_line("ACTIVE", "REVOKED")
    line = [
        (root, msgspec.structs.replace(first, rights=READING)),
        (child, msgspec.structs.replace(second, rights=WORKING)),
    ]

    assert rights_in_force(line) == READING
    assert rights_in_force(line[1:]) == WORKING
