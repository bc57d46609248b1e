"""Spawning: how agents make others of their kind, and how all who come from one are ended.

Nothing escalates: a child has at most what its parent has when it is made, and never does more than
all of its ancestors may when it acts. Stream ``spawning-{tenant}`` holds a partner's own bounds.
"""

from collections.abc import Iterator, Sequence

import msgspec

from domain.agent import (
    AGENT,
    Agent,
    Approved,
    Line,
    Rejected,
    Revoked,
    Spawned,
    agent_of,
    begun,
    rights_in_force,
    suspended_in,
)
from domain.agent import CATEGORY as AGENT_CATEGORY
from domain.command import Change, Outcome
from domain.credential import CREDENTIAL
from domain.events import Event, stored
from domain.fold import Fold
from domain.genealogy import GENEALOGY, OFFSPRING, descendants_of, lineage, offspring_of
from domain.instants import Instant
from domain.job_end import lose
from domain.known import Key, Known
from domain.names import check_name
from domain.partner import IssuedKey
from domain.refusals import (
    ParentNotActive,
    SpawnDepthExceeded,
    SpawnDisabled,
    SpawnLimitExceeded,
)
from domain.registry import ShownAgent, must_be, must_not_be_revoked, must_not_exceed, shown, turned
from domain.rights import AgentType, Preset, Rights, check, requires_idempotency

CATEGORY = "spawning"
DEPTH_AT_MOST = 32
CHILDREN_AT_MOST = 10_000
DESCENDANTS_AT_MOST = 100_000


# Policy


class SpawnPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a tenant's agents may spawn, how deep, and how many: children of one agent, and
    descendants of one root, the revoked not counted. From ``approval_from_depth`` on the partner
    approves each.
    """

    enabled: bool = False
    max_depth: int = 5
    max_children: int = 100
    max_descendants: int = 1_000
    approval_from_depth: int | None = None


@stored("spawning.policy_set.v1")
class PolicySet(Event, frozen=True, kw_only=True):
    """The tenant's agents may spawn within these bounds, from now on."""

    policy: SpawnPolicy


SPAWN_POLICY = Fold(
    name="spawn_policy",
    state=SpawnPolicy,
    events=(PolicySet,),
    evolve=lambda policy, entry: entry.data.policy if isinstance(entry.data, PolicySet) else policy,
    category=CATEGORY,
)


def spawn_policy_of(tenant: str, known: Known) -> SpawnPolicy:
    """A tenant's spawn policy; where none was set, agents may not spawn."""
    return known.get(SPAWN_POLICY, tenant) or SpawnPolicy()


class SetSpawnPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Say whether a tenant's agents may spawn. Setting what is in force changes nothing."""

    id: str
    tenant: str
    policy: SpawnPolicy

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SPAWN_POLICY.name, self.tenant),)

    def decide(self, known: Known, now: Instant) -> Outcome[SpawnPolicy]:
        if spawn_policy_of(self.tenant, known) == self.policy:
            return Outcome(self.policy)
        event = PolicySet(policy=self.policy)
        return Outcome(self.policy, (Change(f"{CATEGORY}-{self.tenant}", event),))


# Commands


class Spawn(msgspec.Struct, frozen=True, kw_only=True):
    """Make an agent that comes from another. It takes the command's ``id``; what is None it
    inherits.

    Raises NotFound, SpawnDisabled, ParentNotActive, SpawnDepthExceeded, SpawnLimitExceeded,
    SpawnEscalation, InvalidName, and what ``check`` does.
    """

    id: str
    tenant: str
    created_by: str
    parent_id: str
    name: str
    type: AgentType | None = None
    preset: Preset | None = None
    allowed_event_types: tuple[str, ...] | None = None
    rate_limit_per_minute: int | None = None
    require_idempotency: bool | None = None
    key: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return (
            (AGENT.name, self.parent_id),
            (SPAWN_POLICY.name, self.tenant),
            (OFFSPRING.name, self.parent_id),
            (CREDENTIAL.name, self.key.lookup),
            (GENEALOGY.name, f"{self.parent_id}/{self.id}"),
        )

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        check_name(self.name)
        line = agent_of(self.parent_id, self.tenant, known)
        _, parent = line[-1]
        path = (*parent.path, self.parent_id)
        policy = spawn_policy_of(self.tenant, known)
        check_room(policy, line, known)
        bound = rights_in_force(line)
        agent_type = self.type or parent.type
        rights = Rights(
            preset=self.preset or bound.preset,
            allowed_event_types=(
                bound.allowed_event_types
                if self.allowed_event_types is None
                else self.allowed_event_types
            ),
            rate_limit_per_minute=(
                bound.rate_limit_per_minute
                if self.rate_limit_per_minute is None
                else self.rate_limit_per_minute
            ),
        )
        must_not_exceed(rights, bound, *self._loosened(parent, agent_type))
        check(agent_type, rights)
        wanted = parent.require_idempotency or self.require_idempotency
        spawned = Spawned(
            name=self.name,
            type=agent_type,
            rights=rights,
            require_idempotency=requires_idempotency(agent_type, wanted=wanted),
            authorized_by=parent.authorized_by,
            key=self.key,
            path=path,
            pending=policy.approval_from_depth is not None
            and len(path) >= policy.approval_from_depth,
        )
        agent = begun(spawned, self.tenant, self.created_by, now)
        # All rows that the spawn touches are asked for at once.
        known.row(GENEALOGY.name, lineage(self.tenant, *path, self.id))
        return Outcome(
            shown([*line, (self.id, agent)]),
            (Change(f"{AGENT_CATEGORY}-{self.id}", spawned, begins=True),),
        )

    def _loosened(self, parent: Agent, agent_type: AgentType) -> tuple[str, ...]:
        """What of a child is freer than its parent, beside its rights."""
        is_freer = parent.type == "AI_AGENT" and agent_type != "AI_AGENT"
        unnamed = parent.require_idempotency and self.require_idempotency is False
        return (*(("type",) if is_freer else ()), *(("requireIdempotency",) if unnamed else ()))


def check_room(policy: SpawnPolicy, line: Line, known: Known) -> None:
    """Hold a spawn by the last of a line against a policy.

    Raises SpawnDisabled, ParentNotActive, SpawnDepthExceeded and SpawnLimitExceeded.
    """
    (root_id, _), (parent_id, parent) = line[0], line[-1]
    # Both are asked for before either is looked at.
    children, descendants = (
        offspring_of(parent_id, known).children,
        offspring_of(root_id, known).descendants,
    )
    if not policy.enabled:
        raise SpawnDisabled
    must_be_alive(line)
    depth = parent.depth + 1
    if depth > policy.max_depth:
        raise SpawnDepthExceeded(depth=depth, limit=policy.max_depth)
    if children >= policy.max_children:
        raise SpawnLimitExceeded(limit=policy.max_children, what="children of an agent")
    if descendants >= policy.max_descendants:
        raise SpawnLimitExceeded(limit=policy.max_descendants, what="descendants of a root")


def must_be_alive(line: Line) -> None:
    """Raise ParentNotActive unless the last of a line is active and nothing above is suspended."""
    _, parent = line[-1]
    if parent.status != "ACTIVE":
        raise ParentNotActive(ancestor=parent.name, status=parent.status)
    ancestor = suspended_in(line)
    if ancestor is not None:
        raise ParentNotActive(ancestor=ancestor[1].name, status="SUSPENDED")


class ApproveAgent(msgspec.Struct, frozen=True, kw_only=True):
    """Let a pending agent begin, where its parent is active.

    Raises NotFound, InvalidAgentState, ParentNotActive.
    """

    id: str
    tenant: str
    agent_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AGENT.name, self.agent_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        line = agent_of(self.agent_id, self.tenant, known)
        must_be(line, "PENDING_APPROVAL", "approved")
        must_be_alive(line[:-1])
        return turned(line, Approved(), status="ACTIVE")


class RejectAgent(msgspec.Struct, frozen=True, kw_only=True):
    """Do not let a pending agent begin; it is revoked. Raises NotFound, InvalidAgentState."""

    id: str
    tenant: str
    agent_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AGENT.name, self.agent_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownAgent]:
        line = agent_of(self.agent_id, self.tenant, known)
        must_be(line, "PENDING_APPROVAL", "rejected")
        _, agent = line[-1]
        key = must_not_be_revoked(agent, "rejected")
        rejected = Rejected(key=key, path=agent.path)
        return turned(line, rejected, status="REVOKED", key=None)


class RevokeDescendants(msgspec.Struct, frozen=True, kw_only=True):
    """The kill switch: end an agent and all who come from it, pending ones too, at once and for
    good; the jobs that it has in hand lose it. The reply are those who were ended, as they were,
    each parent before its children.

    With ``preview`` it is a question. Raises NotFound.
    """

    id: str
    tenant: str
    agent_id: str
    preview: bool = False

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AGENT.name, self.agent_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[tuple[tuple[str, Agent], ...]]:
        line = agent_of(self.agent_id, self.tenant, known)
        _, agent = line[-1]
        below = descendants_of(self.agent_id, agent.path, self.tenant, known)
        all_of_them = [(one, known.get(AGENT, one)) for one in (self.agent_id, *below)]
        living = [(one, each) for one, each in all_of_them if each is not None and each.key]
        if self.preview:
            return Outcome(tuple(living))
        # A marketplace agent is a root, so nobody below has jobs in hand.
        lost = lose(self.agent_id, known, now) if agent.is_listed else []
        return Outcome(tuple(living), (*ends_of(living), *lost))


def ends_of(living: Sequence[tuple[str, Agent]]) -> Iterator[Change]:
    """The end of an agent and of those who come from it.

    Only whoever is above them all goes on to count offspring. So the first tells for all of them
    how many are fewer, and no count is changed ten thousand times.
    """
    for number, (agent_id, agent) in enumerate(living):
        key = must_not_be_revoked(agent, "revoked")
        revoked = (
            Revoked(key=key)
            if number
            else Revoked(key=key, path=agent.path, ended_with_it=len(living) - 1)
        )
        yield Change(f"{AGENT_CATEGORY}-{agent_id}", revoked)
