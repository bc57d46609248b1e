"""An agent: a program with an identity of its own, that a partner or another agent made.
Stream ``agent-{id}``.

It carries the path of its ancestors from the day it is made, by their ids, so who it comes from
never changes. What it may do is put together when it does it (``domain/rights.py``).
"""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.known import Known
from domain.partner import IssuedKey
from domain.refusals import AgentSuspended, AncestorSuspended, NotFound, Unauthenticated
from domain.rights import AgentType, Rights, meet

CATEGORY = "agent"

Status = Literal["PENDING_APPROVAL", "ACTIVE", "SUSPENDED", "REVOKED"]
Accountable = Literal["HUMAN", "PARTNER"]


# Events


class Made(Event, frozen=True, kw_only=True):
    """An agent begins. ``authorized_by`` is the entity of the human who answers for it, None when
    the partner does.
    """

    name: str
    type: AgentType
    rights: Rights
    require_idempotency: bool
    authorized_by: str | None = None
    key: IssuedKey

    @property
    def path(self) -> tuple[str, ...]:
        """Its ancestors' ids, from the root down to the parent."""
        return ()

    @property
    def pending(self) -> bool:
        """Whether it does nothing until it is approved."""
        return False


@stored("agent.registered.v1")
class Registered(Made, frozen=True, kw_only=True):
    """A partner made it; it is the root of those that come from it."""


@stored("agent.spawned.v1")
class Spawned(Made, frozen=True, kw_only=True):
    """It comes from another agent."""

    path: tuple[str, ...]
    pending: bool = False


@stored("agent.approved.v1")
class Approved(Event, frozen=True, kw_only=True):
    """The partner lets a pending agent begin."""

    changes_authority = True


@stored("agent.rights_set.v1")
class RightsSet(Event, frozen=True, kw_only=True):
    """The agent has these rights from now on, within its ancestors'."""

    changes_authority = True

    rights: Rights


@stored("agent.key_rotated.v1")
class KeyRotated(Event, frozen=True, kw_only=True):
    """Another key is the agent's; the one before opens nothing any more."""

    changes_authority = True

    key: IssuedKey
    replaced: IssuedKey
    path: tuple[str, ...] = ()


@stored("agent.suspended.v1")
class Suspended(Event, frozen=True, kw_only=True):
    """The agent, and whatever comes from it, does nothing until it is reactivated."""

    changes_authority = True


@stored("agent.reactivated.v1")
class Reactivated(Event, frozen=True, kw_only=True):
    """The agent goes on."""

    changes_authority = True


class Ended(Event, frozen=True, kw_only=True):
    """The agent does nothing any more, and its key is nobody's."""

    changes_authority = True

    key: IssuedKey
    path: tuple[str, ...] = ()

    @property
    def ended_with_it(self) -> int:
        """How many others end with it, all below the end of its path."""
        return 0


@stored("agent.rejected.v1")
class Rejected(Ended, frozen=True, kw_only=True):
    """The partner does not let a pending agent begin."""

    path: tuple[str, ...]


@stored("agent.revoked.v1")
class Revoked(Ended, frozen=True, kw_only=True):
    """The partner ends it for good. Of those who end together only the first has a path."""

    ended_with_it: int = 0


# State


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent as it stands. ``rights`` are its own; ``key`` is None once it is revoked."""

    tenant: str
    name: str
    type: AgentType
    rights: Rights
    require_idempotency: bool
    status: Status
    path: tuple[str, ...]
    authorized_by: str | None
    created_by: str
    created_at: Instant
    key: IssuedKey | None

    @property
    def accountable(self) -> Accountable:
        """Who answers for it."""
        return "PARTNER" if self.authorized_by is None else "HUMAN"

    @property
    def is_listed(self) -> bool:
        """Whether it is a marketplace agent, which a member made and holds the uid of."""
        return self.created_by.startswith("member:")

    @property
    def depth(self) -> int:
        """How many ancestors it has."""
        return len(self.path)

    @property
    def parent_id(self) -> str | None:
        """From which agent it comes, None for a root."""
        return self.path[-1] if self.path else None


def begun(made: Made, tenant: str, created_by: str, created_at: Instant) -> Agent:
    """The agent as it was made."""
    return Agent(
        tenant=tenant,
        name=made.name,
        type=made.type,
        rights=made.rights,
        require_idempotency=made.require_idempotency,
        status="PENDING_APPROVAL" if made.pending else "ACTIVE",
        path=made.path,
        authorized_by=made.authorized_by,
        created_by=created_by,
        created_at=created_at,
        key=made.key,
    )


def evolve(agent: Agent | None, entry: Entry) -> Agent | None:
    """The agent after one more entry of its stream."""
    changed: dict[str, Any] = {}
    match entry.data:
        case Made() as made:
            return begun(made, entry.tenant or "", entry.principal, entry.recorded_at)
        case Approved() | Reactivated():
            changed["status"] = "ACTIVE"
        case RightsSet(rights=rights):
            changed["rights"] = rights
        case KeyRotated(key=key):
            changed["key"] = key
        case Suspended():
            changed["status"] = "SUSPENDED"
        case Ended():
            changed.update(status="REVOKED", key=None)
    return None if agent is None else msgspec.structs.replace(agent, **changed)


AGENT = Fold(
    name="agent",
    state=Agent,
    events=(
        Registered,
        Spawned,
        Approved,
        RightsSet,
        KeyRotated,
        Suspended,
        Reactivated,
        Rejected,
        Revoked,
    ),
    evolve=evolve,
    category=CATEGORY,
)


# Rights in force

Line = Sequence[tuple[str, Agent]]
"""An agent after its ancestors, the root first, each with its id."""


def line_of(agent_id: str, path: Sequence[str], known: Known) -> Line:
    """An agent and its ancestors. Raises NotFound when it is not known."""
    found = [(one, known.get(AGENT, one)) for one in (*path, agent_id)]
    line = [(one, agent) for one, agent in found if agent is not None]
    if len(line) < len(found):
        raise NotFound
    return line


def find_agent(agent_id: str | None, tenant: str, known: Known) -> Line:
    """A tenant's agent and its ancestors; nobody when the id is none of its agents'."""
    agent = None if agent_id is None else known.get(AGENT, agent_id)
    if agent_id is None or agent is None or agent.tenant != tenant:
        return ()
    return line_of(agent_id, agent.path, known)


def agent_of(agent_id: str, tenant: str, known: Known) -> Line:
    """A tenant's agent and its ancestors. Raises NotFound for another's, too."""
    line = find_agent(agent_id, tenant, known)
    if not line:
        raise NotFound
    return line


def rights_in_force(line: Line) -> Rights:
    """What the last of a line may do: the meet of the whole line's own rights."""
    first, *others = (agent.rights for _, agent in line)
    return meet(first, *others)


def suspended_in(line: Line) -> tuple[str, Agent] | None:
    """The first of a line that is suspended, from the root down."""
    return next((one for one in line if one[1].status == "SUSPENDED"), None)


def must_be_in_force(line: Line) -> None:
    """Raise unless the last of a line may act: Unauthenticated, AgentSuspended, AncestorSuspended.

    A revoked ancestor stops nobody: its last rights still bound those below it.
    """
    _, agent = line[-1]
    if agent.status in ("PENDING_APPROVAL", "REVOKED"):
        raise Unauthenticated
    if agent.status == "SUSPENDED":
        raise AgentSuspended
    ancestor = suspended_in(line[:-1])
    if ancestor is not None:
        raise AncestorSuspended(ancestor=ancestor[1].name, ancestor_id=ancestor[0])
