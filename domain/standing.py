"""Standing: how deep an entity's history is. A tier says depth only, never quality.

A pure function of counts, ages and now, computed when somebody asks and never stored: a tier rises
while nothing happens.
"""

import msgspec

from domain.entity import ENTITY, Entity
from domain.instants import Instant, whole_days
from domain.known import Known

QUALIFYING_EVENTS = 10
"""A partner counts as a source of an entity's history from so many events on."""

TIERS: tuple[tuple[int, int, int], ...] = ((3, 200, 90), (2, 50, 30), (1, 10, 14))
"""Tier, events at least, whole days of history at least; the highest first."""


class Signals(msgspec.Struct, frozen=True, kw_only=True):
    """Neutral facts of a history. Days are whole days before now; None when nothing happened.

    ``effective_event_count`` are the events from which the tier was computed.
    """

    event_count: int
    effective_event_count: int
    backfilled_count: int
    first_event_days_ago: int | None
    last_event_days_ago: int | None
    distinct_partners: int
    tier_qualified_partner_count: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An entity's tier and what it was computed from."""

    tier: int
    signals: Signals
    first_at: Instant | None
    last_at: Instant | None


def tier_of(event_count: int, age_days: int) -> int:
    """The highest tier that so many events over so many whole days reach."""
    for tier, events_at_least, days_at_least in TIERS:
        if event_count >= events_at_least and age_days >= days_at_least:
            return tier
    return 0


def standing(entity: Entity | None, now: Instant) -> Standing:
    """An entity's standing at a time; tier 0 for one without history."""
    if entity is None or entity.first_at is None or entity.last_at is None:
        return NO_STANDING
    age_days = whole_days(entity.first_at, now)
    return Standing(
        tier=tier_of(entity.event_count, age_days),
        signals=Signals(
            event_count=entity.event_count,
            effective_event_count=entity.event_count,
            backfilled_count=entity.backfilled_count,
            first_event_days_ago=age_days,
            last_event_days_ago=whole_days(entity.last_at, now),
            distinct_partners=1,
            tier_qualified_partner_count=int(entity.event_count >= QUALIFYING_EVENTS),
        ),
        first_at=entity.first_at,
        last_at=entity.last_at,
    )


def standing_of(entity_id: str | None, known: Known, now: Instant) -> Standing:
    """The standing of an entity as far as it is known; of nobody known, tier 0."""
    return standing(None if entity_id is None else known.get(ENTITY, entity_id), now)


NO_STANDING = Standing(
    tier=0,
    signals=Signals(
        event_count=0,
        effective_event_count=0,
        backfilled_count=0,
        first_event_days_ago=None,
        last_event_days_ago=None,
        distinct_partners=0,
        tier_qualified_partner_count=0,
    ),
    first_at=None,
    last_at=None,
)
