"""Links: entities of several partners that are one. Streams ``link-{id}`` (a code that is offered)
and ``group-{id}`` (the entities that are joined).

Joined entities share standing and claims, each partner's events stay its own. A group holds at most
one entity a partner, all of one environment; whoever leaves takes only itself out.
"""

from collections.abc import Iterable

import msgspec

from domain.agent import AGENT, find_agent
from domain.command import Change, Outcome, Subject
from domain.entity import ENTITY
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant, shifted
from domain.known import SUBJECT, Key, Known
from domain.partner import partner_name
from domain.refusals import LinkCodeInvalid, LinkExists, LinkNotAllowed, NotFound

LINK, GROUP_CATEGORY = "link", "group"
CODE_MINUTES = 15


# Events


@stored("link.offered.v1")
class Offered(Event, frozen=True, kw_only=True):
    """A partner offers to link its entity to whoever brings the code, of which this is the hash."""

    entity_id: str
    code_lookup: str
    expires_at: Instant


@stored("link.redeemed.v1")
class Redeemed(Event, frozen=True, kw_only=True):
    """The code was brought; it opens nothing any more."""

    entity_id: str
    code_lookup: str


@stored("group.joined.v1")
class Joined(Event, frozen=True, kw_only=True):
    """An entity of a tenant is one with the others of the group."""

    entity_id: str
    tenant: str


@stored("group.left.v1")
class Left(Event, frozen=True, kw_only=True):
    """The entity is by itself again."""

    entity_id: str


# State


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A code that can be redeemed, under its keyed hash."""

    link_id: str
    entity_id: str
    tenant: str
    expires_at: Instant


def evolve_offer(offer: Offer | None, entry: Entry) -> Offer | None:
    """The offer after it was made or redeemed."""
    match entry.data:
        case Offered(entity_id=entity_id, expires_at=expires_at):
            return Offer(
                link_id=entry.aggregate_id,
                entity_id=entity_id,
                tenant=entry.tenant or "",
                expires_at=expires_at,
            )
    return None


OFFER = Fold(
    name="link_offer",
    state=Offer,
    by_lookup=True,
    events=(Offered, Redeemed),
    evolve=evolve_offer,
    keys=lambda entry: (
        (entry.data.code_lookup,) if isinstance(entry.data, Offered | Redeemed) else ()
    ),
)


class LinkStream(msgspec.Struct, frozen=True):
    """That a code was offered; its row counts the stream's entries."""

    entity_id: str


LINK_STREAM = Fold(
    name="link",
    state=LinkStream,
    events=(Offered, Redeemed),
    evolve=lambda state, entry: state or LinkStream(getattr(entry.data, "entity_id", "")),
    category=LINK,
)


class Group(msgspec.Struct, frozen=True):
    """Who is one: the tenant of each entity, by the entity's id."""

    tenants: dict[str, str]

    def entity_of(self, tenant: str) -> str | None:
        """The entity that a tenant has in it."""
        return next((entity for entity, owner in self.tenants.items() if owner == tenant), None)


def evolve_group(group: Group | None, entry: Entry) -> Group:
    """The group after somebody joined or left."""
    tenants = dict(group.tenants) if group else {}
    match entry.data:
        case Joined(entity_id=entity_id, tenant=tenant):
            tenants[entity_id] = tenant
        case Left(entity_id=entity_id):
            tenants.pop(entity_id, None)
    return Group(tenants)


GROUP = Fold(
    name="group",
    state=Group,
    events=(Joined, Left),
    evolve=evolve_group,
    category=GROUP_CATEGORY,
)


class Membership(msgspec.Struct, frozen=True):
    """The group that an entity is in."""

    group_id: str


MEMBERSHIP = Fold(
    name="membership",
    state=Membership,
    events=(Joined, Left),
    evolve=lambda membership, entry: (
        Membership(entry.aggregate_id) if isinstance(entry.data, Joined) else None
    ),
    keys=lambda entry: (entry.data.entity_id,) if isinstance(entry.data, Joined | Left) else (),
    about=True,
)


def group_of(entity_id: str, known: Known) -> dict[str, str]:
    """The other entities that an entity is one with, and their tenants."""
    membership = known.get(MEMBERSHIP, entity_id)
    group = known.get(GROUP, membership.group_id) if membership else None
    if group is None:
        return {}
    return {other: tenant for other, tenant in group.tenants.items() if other != entity_id}


# Commands


class Code(msgspec.Struct, frozen=True):
    """The reply to an offer; the code itself is known to whoever made the command."""

    expires_at: Instant


class OfferLink(msgspec.Struct, frozen=True, kw_only=True):
    """Offer to link a person's entity to another partner's. One who is unknown becomes known.

    ``agent_id`` is the id under which the person might be an agent. Raises LinkNotAllowed.
    """

    id: str
    tenant: str
    lookup: str
    agent_id: str
    code_lookup: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup), (AGENT.name, self.agent_id))

    def decide(self, known: Known, now: Instant) -> Outcome[Code]:
        must_be_a_person(self.agent_id, self.tenant, known)
        entity_id = known.entity(self.lookup)
        met = () if entity_id else (Subject(self.lookup, self.id),)
        offered = Offered(
            entity_id=entity_id or self.id,
            code_lookup=self.code_lookup,
            expires_at=shifted(now, minutes=CODE_MINUTES),
        )
        return Outcome(
            Code(offered.expires_at),
            (Change(f"{LINK}-{self.id}", offered, begins=True),),
            subjects=met,
        )


class Linked(msgspec.Struct, frozen=True):
    """The reply: the names of the partners whose entities are one with the person's."""

    partners: tuple[str, ...]


def linked_with(tenants: Iterable[str], known: Known) -> Linked:
    """The reply that names the partners of some tenants."""
    return Linked(tuple(sorted(partner_name(tenant, known) for tenant in tenants)))


class RedeemLink(msgspec.Struct, frozen=True, kw_only=True):
    """Join a person's entity to the one that a code stands for.

    ``agent_id`` is the id under which the person might be an agent. Raises LinkCodeInvalid (wrong,
    used, expired, or of another environment), LinkExists and LinkNotAllowed.
    """

    id: str
    tenant: str
    lookup: str
    agent_id: str
    code_lookup: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return (
            (SUBJECT, self.lookup),
            (AGENT.name, self.agent_id),
            (OFFER.name, self.code_lookup),
        )

    def decide(self, known: Known, now: Instant) -> Outcome[Linked]:
        must_be_a_person(self.agent_id, self.tenant, known)
        offer = known.get(OFFER, self.code_lookup)
        entity_id = known.entity(self.lookup)
        if offer is None or offer.expires_at <= now or not _same_environment(offer, self.tenant):
            raise LinkCodeInvalid
        offering = known.get(ENTITY, offer.entity_id)
        if offering is not None and offering.erased_at is not None:
            raise LinkCodeInvalid
        theirs = known.get(MEMBERSHIP, offer.entity_id)
        group = known.get(GROUP, theirs.group_id) if theirs else None
        if offer.tenant == self.tenant:
            raise LinkExists(reason="the code is your own, for another partner to redeem")
        taken = group and group.entity_of(self.tenant)
        if taken or (entity_id and group_of(entity_id, known)):
            raise LinkExists(reason="one of them is linked already")
        joining = entity_id or self.id
        stream = f"{GROUP_CATEGORY}-{theirs.group_id if theirs else offer.link_id}"
        joined = Change(stream, Joined(entity_id=joining, tenant=self.tenant))
        first = Change(stream, Joined(entity_id=offer.entity_id, tenant=offer.tenant), begins=True)
        redeemed = Redeemed(entity_id=offer.entity_id, code_lookup=self.code_lookup)
        changes = (
            Change(f"{LINK}-{offer.link_id}", redeemed),
            *leaving(entity_id, known),
            *(() if theirs else (first,)),
            joined,
        )
        others = {offer.tenant, *(group.tenants.values() if group else ())}
        return Outcome(
            linked_with(others, known),
            changes,
            subjects=() if entity_id else (Subject(self.lookup, self.id),),
        )


class LeaveLink(msgspec.Struct, frozen=True, kw_only=True):
    """Take a person's entity out of its group, at once. Raises NotFound when it is in none."""

    id: str
    lookup: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[Linked]:
        entity_id = known.entity(self.lookup)
        if entity_id is None or not group_of(entity_id, known):
            raise NotFound
        return Outcome(Linked(()), leaving(entity_id, known))


def must_be_a_person(agent_id: str, tenant: str, known: Known) -> None:
    """Raise LinkNotAllowed for what is the id of an agent of the tenant."""
    if find_agent(agent_id, tenant, known):
        raise LinkNotAllowed


def leaving(entity_id: str | None, known: Known) -> tuple[Change, ...]:
    """What takes an entity out of its group; nothing when it is in none."""
    membership = known.get(MEMBERSHIP, entity_id) if entity_id else None
    if entity_id is None or membership is None:
        return ()
    return (Change(f"{GROUP_CATEGORY}-{membership.group_id}", Left(entity_id=entity_id)),)


def _same_environment(offer: Offer, tenant: str) -> bool:
    return offer.tenant.partition("/")[0] == tenant.partition("/")[0]
