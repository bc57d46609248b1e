"""A listing: what an agent offers on its tenant's marketplace, and at what price.
Stream ``listing-{agent_id}``.

A marketplace agent is an agent of the registry, made and listed in one transaction. A listing never
changes: what was agreed on can always be looked up.
"""

import re
from typing import Any

import msgspec

from domain.agent import AGENT, Agent, KeyRotated, agent_of, must_be_in_force
from domain.agent import CATEGORY as AGENT_CATEGORY
from domain.command import Change, Outcome, Subject
from domain.credential import CREDENTIAL
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.known import Key, Known
from domain.money import Price
from domain.partner import IssuedKey
from domain.refusals import InvalidValue, NotFound, Unauthenticated
from domain.registry import RegisterAgent, must_not_be_revoked
from domain.rights import Rights
from domain.schemas import check_schema
from domain.webhook import AddWebhook

CATEGORY = "listing"
CAPABILITIES_AT_MOST = 20
RIGHTS = Rights(preset="operator", allowed_event_types=("gig.completed",))
"""What every marketplace agent may do in the registry's terms."""

_CAPABILITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:-]{0,63}", re.ASCII)
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:-]{0,31}", re.ASCII)


class Pricing(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent asks for one unit of its work."""

    unit: str
    price: Price


# Events


@stored("listing.published.v1")
class ListingPublished(Event, frozen=True, kw_only=True):
    """An agent is offered. ``participant_id`` is the entity whose history its work becomes."""

    owner_id: str
    participant_id: str
    name: str
    capabilities: tuple[str, ...]
    pricing: Pricing
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    sla_max_seconds: int | None = None
    auto_accept: bool = False


# State


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A listing as it was published."""

    tenant: str
    owner_id: str
    participant_id: str
    name: str
    capabilities: tuple[str, ...]
    pricing: Pricing
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    sla_max_seconds: int | None
    auto_accept: bool
    published_at: Instant


def evolve(listing: Listing | None, entry: Entry) -> Listing | None:
    """The listing after one more entry of its stream."""
    match entry.data:
        case ListingPublished() as published:
            return Listing(
                tenant=entry.tenant or "",
                published_at=entry.recorded_at,
                **msgspec.structs.asdict(published),
            )
    return listing


LISTING = Fold(
    name="listing",
    state=Listing,
    events=(ListingPublished,),
    evolve=evolve,
    category=CATEGORY,
)


class Offering(msgspec.Struct, frozen=True, kw_only=True):
    """One capability of one listing: what a search by capability finds."""

    agent_id: str
    pricing: Pricing
    auto_accept: bool


def capability_of(tenant: str, capability: str, agent_id: str = "") -> str:
    """The key of an agent under one of its capabilities; without an agent, of all of them."""
    return f"{tenant}/{capability}/{agent_id}"


def evolve_offering(offering: Offering | None, entry: Entry) -> Offering | None:
    """What is offered under a capability."""
    match entry.data:
        case ListingPublished(pricing=pricing, auto_accept=auto_accept):
            return Offering(agent_id=entry.aggregate_id, pricing=pricing, auto_accept=auto_accept)
    return offering


def offerings_in(entry: Entry) -> tuple[str, ...]:
    """The keys under which a listing is found."""
    match entry.data:
        case ListingPublished(capabilities=capabilities):
            tenant = entry.tenant or ""
            return tuple(capability_of(tenant, one, entry.aggregate_id) for one in capabilities)
    return ()


OFFERING = Fold(
    name="offering",
    state=Offering,
    events=(ListingPublished,),
    evolve=evolve_offering,
    keys=offerings_in,
)

STANDBY = Fold(
    name="standby",
    state=Offering,
    events=(ListingPublished,),
    evolve=evolve_offering,
    keys=lambda entry: (
        offerings_in(entry)
        if isinstance(entry.data, ListingPublished) and entry.data.auto_accept
        else ()
    ),
)
"""The offerings of agents that take work at once, which alone are loaded when a job is posted."""


# Commands


class ShownListing(msgspec.Struct, frozen=True):
    """The reply: a marketplace agent's listing, and the agent as it stands in the registry."""

    agent_id: str
    listing: Listing
    agent: Agent


class PublishListing(msgspec.Struct, frozen=True, kw_only=True):
    """Register an agent and offer it. The agent takes the command's ``id``.

    ``lookup`` is the agent's id as the external id of an entity, which begins as
    ``participant_id``. Under ``webhook_url`` it is told of offers, by a webhook that takes its id.
    Raises InvalidName, InvalidValue, InvalidSchema.
    """

    id: str
    tenant: str
    owner_id: str
    name: str
    capabilities: tuple[str, ...]
    pricing: Pricing
    uid: IssuedKey
    lookup: str
    participant_id: str
    input_schema: dict[str, Any] | None = None
    output_schema: dict[str, Any] | None = None
    sla_max_seconds: int | None = None
    auto_accept: bool = False
    webhook_url: str | None = None

    @property
    def _registration(self) -> RegisterAgent:
        return RegisterAgent(
            id=self.id,
            tenant=self.tenant,
            created_by=f"member:{self.owner_id}",
            name=self.name,
            type="AI_AGENT",
            rights=RIGHTS,
            require_idempotency=None,
            human=None,
            human_id="",
            key=self.uid,
        )

    @property
    def _webhook(self) -> AddWebhook | None:
        if self.webhook_url is None:
            return None
        return AddWebhook(
            id=self.id,
            tenant=self.tenant,
            owner_id=self.owner_id,
            agent_id=self.id,
            topics=("job.offer",),
            url=self.webhook_url,
        )

    @property
    def asks(self) -> tuple[Key, ...]:
        offered = [
            (fold.name, capability_of(self.tenant, one, self.id))
            for one in self.capabilities
            for fold in ((OFFERING, STANDBY) if self.auto_accept else (OFFERING,))
        ]
        told = () if self._webhook is None else self._webhook.asks
        return (*self._registration.asks, *offered, *told)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownListing]:
        check_capabilities(self.capabilities)
        check_unit(self.pricing.unit, "pricing.unit")
        check_schema(self.input_schema, "input_schema")
        check_schema(self.output_schema, "output_schema")
        if self.sla_max_seconds is not None:
            check_seconds(self.sla_max_seconds, "sla.max_seconds")
        registered = self._registration.decide(known, now)
        published = ListingPublished(
            owner_id=self.owner_id,
            participant_id=self.participant_id,
            name=self.name,
            capabilities=self.capabilities,
            pricing=self.pricing,
            input_schema=self.input_schema,
            output_schema=self.output_schema,
            sla_max_seconds=self.sla_max_seconds,
            auto_accept=self.auto_accept,
        )
        listing = Listing(tenant=self.tenant, published_at=now, **msgspec.structs.asdict(published))
        told = () if self._webhook is None else (self._webhook.decide(known, now),)
        return Outcome(
            ShownListing(self.id, listing, registered.reply.agent),
            (
                *registered.changes,
                Change(f"{CATEGORY}-{self.id}", published, begins=True),
                *(change for one in told for change in one.changes),
            ),
            subjects=(Subject(self.lookup, self.participant_id),),
            documents=tuple(document for one in told for document in one.documents),
        )


class RotateAgentUid(msgspec.Struct, frozen=True, kw_only=True):
    """Give an agent of a developer's own another uid; the one before is dead at once.

    Raises NotFound, InvalidAgentState.
    """

    id: str
    tenant: str
    owner_id: str
    agent_id: str
    uid: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return (
            (LISTING.name, self.agent_id),
            (AGENT.name, self.agent_id),
            (CREDENTIAL.name, self.uid.lookup),
        )

    def decide(self, known: Known, now: Instant) -> Outcome[ShownListing]:
        listing = listing_of(self.agent_id, self.tenant, known)
        if listing.owner_id != self.owner_id:
            raise NotFound
        _, agent = agent_of(self.agent_id, self.tenant, known)[-1]
        replaced = must_not_be_revoked(agent, "given another uid")
        rotated = KeyRotated(key=self.uid, replaced=replaced, path=agent.path)
        return Outcome(
            ShownListing(self.agent_id, listing, msgspec.structs.replace(agent, key=self.uid)),
            (Change(f"{AGENT_CATEGORY}-{self.agent_id}", rotated),),
        )


class AskListing(msgspec.Struct, frozen=True, kw_only=True):
    """The question what an agent offers. Raises NotFound."""

    tenant: str
    agent_id: str
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((LISTING.name, self.agent_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Listing]:
        return Outcome(listing_of(self.agent_id, self.tenant, known))


def listing_of(agent_id: str, tenant: str, known: Known) -> Listing:
    """A tenant's listing. Raises NotFound for another's, too."""
    listing = known.get(LISTING, agent_id)
    if listing is None or listing.tenant != tenant:
        raise NotFound
    return listing


def listed_in_force(agent_id: str, tenant: str, known: Known) -> Listing:
    """The listing of an agent that may act.

    Raises NotFound, Unauthenticated, AgentSuspended, AncestorSuspended.
    """
    listing = listing_of(agent_id, tenant, known)
    must_be_in_force(agent_of(agent_id, tenant, known))
    return listing


def owned(agent_id: str, member_id: str, known: Known) -> Listing:
    """What a member's agent offers. Raises Unauthenticated for another's: two uids that do not
    belong together.
    """
    listing = known.get(LISTING, agent_id)
    if listing is None or listing.owner_id != member_id:
        raise Unauthenticated
    return listing


# Values


def check_capabilities(capabilities: tuple[str, ...]) -> None:
    """Raise InvalidValue for none, too many, the same twice, or one that could not be searched."""
    if not 1 <= len(capabilities) <= CAPABILITIES_AT_MOST:
        raise InvalidValue(
            field="capabilities", reason=f"must be 1 to {CAPABILITIES_AT_MOST} texts"
        )
    if len(set(capabilities)) < len(capabilities):
        raise InvalidValue(field="capabilities", reason="must not name the same twice")
    for capability in capabilities:
        check_capability(capability, "capabilities")


def check_capability(capability: str, field: str) -> None:
    """Raise InvalidValue for a text that is no name of a capability."""
    if _CAPABILITY.fullmatch(capability) is None:
        raise InvalidValue(field=field, reason="must be 1 to 64 of A-Z a-z 0-9 space . _ : -")


def check_unit(unit: str, field: str) -> None:
    """Raise InvalidValue for a text that is no name of a unit."""
    if _UNIT.fullmatch(unit) is None:
        raise InvalidValue(field=field, reason="must be 1 to 32 of A-Z a-z 0-9 space . _ : -")


SECONDS_AT_MOST = 366 * 24 * 3600


def check_seconds(seconds: int, field: str) -> None:
    """Raise InvalidValue for a span of time that is none, or more than a year."""
    if not 1 <= seconds <= SECONDS_AT_MOST:
        raise InvalidValue(field=field, reason=f"must be 1 to {SECONDS_AT_MOST} seconds")
