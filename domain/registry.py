"""The registry: how a partner makes agents, says what they may do, stops them and ends them."""

from collections.abc import Iterator
from typing import Any

import msgspec

from domain.agent import (
    AGENT,
    CATEGORY,
    Agent,
    KeyRotated,
    Line,
    Reactivated,
    Registered,
    Revoked,
    RightsSet,
    Status,
    Suspended,
    agent_of,
    begun,
    rights_in_force,
    suspended_in,
)
from domain.command import Change, Outcome, Subject
from domain.credential import CREDENTIAL
from domain.events import Event
from domain.genealogy import GENEALOGY, children_of, lineage
from domain.instants import Instant
from domain.job_end import lose
from domain.known import SUBJECT, Key, Known
from domain.names import check_name
from domain.partner import IssuedKey
from domain.refusals import InvalidAgentState, SpawnEscalation, UidIsRotatedByDeveloper
from domain.rights import AgentType, Preset, Rights, check, requires_idempotency


class ShownAgent(msgspec.Struct, frozen=True):
    """The reply: an agent as it now stands, with its rights in force."""

    agent_id: str
    agent: Agent
    rights: Rights


def shown(line: Line) -> ShownAgent:
    """The last of a line, as a reply."""
    agent_id, agent = line[-1]
    return ShownAgent(agent_id, agent, rights_in_force(line))


class RegisterAgent(msgspec.Struct, frozen=True, kw_only=True):
    """Give a program an identity of its own. The agent takes the command's ``id``.

    ``human`` is the lookup of the person who answers for it; one who is unknown becomes known, as
    ``human_id``. Raises InvalidName, InvalidEventType, InvalidField, AgentPresetForbidden and
    AgentAllowlistRequired.
    """

    id: str
    tenant: str
    created_by: str
    name: str
    type: AgentType
    rights: Rights
    require_idempotency: bool | None
    human: str | None
    human_id: str
    key: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        rows = (
            (GENEALOGY.name, lineage(self.tenant, self.id)),
            (CREDENTIAL.name, self.key.lookup),
        )
        return rows if self.human is None else (*rows, (SUBJECT, self.human))

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        check_name(self.name)
        check(self.type, self.rights)
        authorized_by = None if self.human is None else known.entity(self.human)
        met: tuple[Subject, ...] = ()
        if self.human is not None and authorized_by is None:
            authorized_by = self.human_id
            met = (Subject(self.human, self.human_id),)
        registered = Registered(
            name=self.name,
            type=self.type,
            rights=self.rights,
            require_idempotency=requires_idempotency(self.type, wanted=self.require_idempotency),
            authorized_by=authorized_by,
            key=self.key,
        )
        agent = begun(registered, self.tenant, self.created_by, now)
        return Outcome(
            shown([(self.id, agent)]),
            (Change(f"{CATEGORY}-{self.id}", registered, begins=True),),
            subjects=met,
        )


class SetRights(msgspec.Struct, frozen=True, kw_only=True):
    """Say what an agent may do, within what its parent may. What is UNSET stays as it is.

    Raises NotFound, InvalidAgentState, SpawnEscalation, and what ``check`` does.
    """

    id: str
    tenant: str
    agent_id: str
    preset: Preset | msgspec.UnsetType = msgspec.UNSET
    allowed_event_types: tuple[str, ...] | msgspec.UnsetType | None = msgspec.UNSET
    rate_limit_per_minute: int | msgspec.UnsetType | None = msgspec.UNSET

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AGENT.name, self.agent_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        line = agent_of(self.agent_id, self.tenant, known)
        _, agent = line[-1]
        must_not_be_revoked(agent, "changed")
        wanted = {
            "preset": self.preset,
            "allowed_event_types": self.allowed_event_types,
            "rate_limit_per_minute": self.rate_limit_per_minute,
        }
        given = {name: value for name, value in wanted.items() if value is not msgspec.UNSET}
        rights = msgspec.structs.replace(agent.rights, **given)
        check(agent.type, rights)
        if agent.path:
            # An ancestor may have been narrowed since: what stays as it is, is not judged again.
            bound = rights_in_force(line[:-1])
            must_not_exceed(msgspec.structs.replace(bound, **given), bound)
        if rights == agent.rights:
            return Outcome(shown(line))
        return turned(line, RightsSet(rights=rights), rights=rights)


class RotateKey(msgspec.Struct, frozen=True, kw_only=True):
    """Give an agent another key; the one before is dead at once. Raises NotFound,
    InvalidAgentState, UidIsRotatedByDeveloper.
    """

    id: str
    tenant: str
    agent_id: str
    key: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AGENT.name, self.agent_id), (CREDENTIAL.name, self.key.lookup))

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        line = agent_of(self.agent_id, self.tenant, known)
        _, agent = line[-1]
        if agent.is_listed:
            raise UidIsRotatedByDeveloper
        replaced = must_not_be_revoked(agent, "given another key")
        rotated = KeyRotated(key=self.key, replaced=replaced, path=agent.path)
        return turned(line, rotated, key=self.key)


class SuspendAgent(msgspec.Struct, frozen=True, kw_only=True):
    """Stop an agent and whatever comes from it, at once. Raises NotFound, InvalidAgentState."""

    id: str
    tenant: str
    agent_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AGENT.name, self.agent_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        line = agent_of(self.agent_id, self.tenant, known)
        must_be(line, "ACTIVE", "suspended")
        return turned(line, Suspended(), status="SUSPENDED")


class ReactivateAgent(msgspec.Struct, frozen=True, kw_only=True):
    """Let a suspended agent go on, where nothing that it comes from is suspended.

    Raises NotFound, InvalidAgentState.
    """

    id: str
    tenant: str
    agent_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AGENT.name, self.agent_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        line = agent_of(self.agent_id, self.tenant, known)
        must_be(line, "SUSPENDED", "reactivated")
        ancestor = suspended_in(line[:-1])
        if ancestor is not None:
            status = f"below the suspended {ancestor[1].name} ({ancestor[0]})"
            raise InvalidAgentState(status=status, wanted="reactivated")
        return turned(line, Reactivated(), status="ACTIVE")


class RevokeAgent(msgspec.Struct, frozen=True, kw_only=True):
    """End an agent for good. Those that come from it go on, within its last rights; but if it was
    stopped, by itself or by an ancestor, the next below it are suspended, so that nothing stopped
    wakes. The jobs that it has in hand lose it.

    Raises NotFound, InvalidAgentState.
    """

    id: str
    tenant: str
    agent_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AGENT.name, self.agent_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        line = agent_of(self.agent_id, self.tenant, known)
        _, agent = line[-1]
        key = must_not_be_revoked(agent, "revoked")
        outcome = turned(line, Revoked(key=key, path=agent.path), status="REVOKED", key=None)
        after = lose(self.agent_id, known, now) if agent.is_listed else []
        if suspended_in(line) is not None:
            after += [
                Change(f"{CATEGORY}-{one}", Suspended())
                for one, agent in next_below(self.agent_id, known)
                if agent.status == "ACTIVE"
            ]
        return msgspec.structs.replace(outcome, changes=(*outcome.changes, *after))


def next_below(agent_id: str, known: Known) -> Iterator[tuple[str, Agent]]:
    """The children of an agent; in the place of one that is revoked already, those next below it,
    whom it does not stop.
    """
    for child_id in children_of(agent_id, known):
        child = known.get(AGENT, child_id)
        if child is not None and child.status == "REVOKED":
            yield from next_below(child_id, known)
        elif child is not None:
            yield child_id, child


def turned(line: Line, event: Event, **changed: Any) -> Outcome[ShownAgent]:
    """The last of a line after an event, which changed so much of it."""
    *ancestors, (agent_id, agent) = line
    after = msgspec.structs.replace(agent, **changed)
    return Outcome(
        shown([*ancestors, (agent_id, after)]), (Change(f"{CATEGORY}-{agent_id}", event),)
    )


def must_be(line: Line, status: Status, wanted: str) -> None:
    """Raise InvalidAgentState unless the last of a line has a status."""
    _, agent = line[-1]
    if agent.status != status:
        raise InvalidAgentState(status=agent.status, wanted=wanted)


def must_not_be_revoked(agent: Agent, wanted: str) -> IssuedKey:
    """An agent's key. Raises InvalidAgentState when it has none any more."""
    if agent.key is None:
        raise InvalidAgentState(status=agent.status, wanted=wanted)
    return agent.key


def must_not_exceed(rights: Rights, bound: Rights, *more: str) -> None:
    """Raise SpawnEscalation, naming what goes beyond a bound, and what more was found to."""
    exceeding = (*rights.exceeding(bound), *more)
    if exceeding:
        raise SpawnEscalation(exceeding=", ".join(exceeding))
