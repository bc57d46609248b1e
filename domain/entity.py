"""An entity: a person or an agent whose participation a partner reports. Stream ``entity-{id}``.

The log knows it only by a random id; who that is, is known beside the log (``Subject``) and can be
erased there, which leaves the log whole.
"""

from typing import Literal

import msgspec

from domain.command import Change, Outcome, Subject
from domain.event_types import check_event_type
from domain.events import Beside, Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant, shifted
from domain.known import SUBJECT, Key, Known
from domain.refusals import BackfillRequired, InvalidOccurredAt

CATEGORY = "entity"
CLOCK_SKEW_MINUTES = 5
BACKFILL_AFTER_DAYS = 30
OLDEST_DAYS = 20 * 365 + 5

ActorType = Literal["HUMAN", "AGENT", "UNKNOWN"]


# Events


@stored("entity.participated.v1")
class Participated(Event, frozen=True, kw_only=True):
    """The entity did something on the partner's platform."""

    kind: str
    occurred_at: Instant
    weight: int | float = 1
    actor_type: ActorType = "UNKNOWN"
    backfill: bool = False

    def beside(self) -> Beside:
        """Its kind."""
        return Beside(kind=self.kind)


@stored("entity.erased.v1")
class Erased(Event, frozen=True, kw_only=True):
    """Who the entity is was destroyed for good; its history stays, nobody's."""


# State


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """What one partner has reported of one entity: counts and dates, whatever their weight.

    The dates are None while nothing has been reported.
    """

    tenant: str
    event_count: int = 0
    backfilled_count: int = 0
    first_at: Instant | None = None
    last_at: Instant | None = None
    erased_at: Instant | None = None


def evolve(entity: Entity | None, entry: Entry) -> Entity:
    """The entity after one more entry of its stream."""
    if entity is None:
        entity = Entity(tenant=entry.tenant or "")
    match entry.data:
        case Participated(occurred_at=occurred_at, backfill=backfill):
            return Entity(
                tenant=entity.tenant,
                event_count=entity.event_count + 1,
                backfilled_count=entity.backfilled_count + backfill,
                first_at=min(entity.first_at or occurred_at, occurred_at),
                last_at=max(entity.last_at or occurred_at, occurred_at),
                erased_at=entity.erased_at,
            )
        case Erased():
            return msgspec.structs.replace(entity, erased_at=entry.recorded_at)
    return entity


ENTITY = Fold(
    name="entity",
    state=Entity,
    events=(Participated, Erased),
    evolve=evolve,
    category=CATEGORY,
)


# Commands


class Participation(msgspec.Struct, frozen=True):
    """The reply to a recorded event."""

    id: str
    entity_id: str
    event: Participated
    recorded_at: Instant
    position: int


class RecordParticipation(msgspec.Struct, frozen=True, kw_only=True):
    """Record that somebody did something; the entity is created when it is new.

    An entity takes the id of the entry that begins it, which is the command's ``id``.
    ``occurred_at`` None is the time of recording.
    """

    id: str
    lookup: str
    kind: str
    occurred_at: Instant | None = None
    weight: int | float = 1
    actor_type: ActorType = "UNKNOWN"
    backfill: bool = False

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[Participation]:
        check_event_type(self.kind)
        occurred_at = self.occurred_at or now
        check_occurred_at(occurred_at, now, backfill=self.backfill)
        entity_id = known.entity(self.lookup)
        event = Participated(
            kind=self.kind,
            occurred_at=occurred_at,
            weight=self.weight,
            actor_type=self.actor_type,
            backfill=self.backfill,
        )
        begins = entity_id is None
        entity_id = entity_id or self.id
        return Outcome(
            Participation(self.id, entity_id, event, now, known.position + 1),
            (Change(f"{CATEGORY}-{entity_id}", event, begins),),
            (Subject(self.lookup, entity_id),) if begins else (),
        )


def check_occurred_at(occurred_at: Instant, now: Instant, *, backfill: bool) -> None:
    """Hold the time that a partner reports against ours.

    Raises InvalidOccurredAt (the future, or more than 20 years ago) or BackfillRequired.
    """
    if occurred_at > shifted(now, minutes=CLOCK_SKEW_MINUTES):
        raise InvalidOccurredAt(reason=f"more than {CLOCK_SKEW_MINUTES} minutes in the future")
    if occurred_at < shifted(now, days=-OLDEST_DAYS):
        raise InvalidOccurredAt(reason="more than 20 years ago")
    if not backfill and occurred_at < shifted(now, days=-BACKFILL_AFTER_DAYS):
        raise BackfillRequired
