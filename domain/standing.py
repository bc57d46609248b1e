"""Standing: how deep an entity's history is. A tier says depth only, never quality.

A pure function of counts, ages and now, computed when somebody asks and never stored: a tier rises
while nothing happens.
"""

from collections.abc import Iterable, Sequence

import msgspec

from domain.claim import CLAIMS_OF_ENTITY, ClaimsOfEntity, ClaimStatus, claim_status
from domain.entity import ENTITY, Entity
from domain.instants import Instant, shifted, whole_days
from domain.known import Known
from domain.link import group_of

QUALIFYING_EVENTS = 10
"""A partner counts as a source of an entity's history from so many events on."""

TIERS: tuple[tuple[int, int, int, int], ...] = ((3, 200, 90, 3), (2, 50, 30, 2), (1, 10, 14, 1))
"""Tier, events at least, whole days of history at least, and, for a history of several partners,
partners at least; the highest first."""


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
    """A tier and what it was computed from."""

    tier: int
    signals: Signals
    first_at: Instant | None
    last_at: Instant | None


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of somebody: standing and claims, over everybody they are linked with.

    ``tier`` is the greater of the own tier and the cross-platform tier, which is None for whoever
    is not linked.
    """

    entity_id: str | None
    tier: int
    own: Standing
    cross_platform: Standing | None
    claims_recorded: int
    claims_active: int
    claims_contested: int
    claim_status: ClaimStatus

    @property
    def signals(self) -> Signals:
        """The signals over the whole group."""
        return (self.cross_platform or self.own).signals


def tier_of(event_count: int, age_days: int, partners: int | None = None) -> int:
    """The highest tier that so many events over so many whole days reach.

    ``partners``, when the history is of several, is the number that count as a source of it.
    """
    for tier, events_at_least, days_at_least, partners_at_least in TIERS:
        enough_partners = partners is None or partners >= partners_at_least
        if event_count >= events_at_least and age_days >= days_at_least and enough_partners:
            return tier
    return 0


def tiers_reached(history: Iterable[tuple[Instant, Instant]], now: Instant) -> dict[int, Instant]:
    """When one partner's history reached each tier, of those reached by now.

    ``history`` are the times of recording and of happening of each event, in order of recording.
    """
    reached: dict[int, Instant] = {}
    first_at: Instant | None = None
    for count, (recorded_at, occurred_at) in enumerate(history, start=1):
        first_at = min(first_at or occurred_at, occurred_at)
        for tier, events_at_least, days_at_least, _ in TIERS:
            if count >= events_at_least:
                at = max(recorded_at, shifted(first_at, days=days_at_least))
                reached[tier] = min(reached.get(tier, at), at)
    return {tier: at for tier, at in sorted(reached.items()) if at <= now}


def standing(entities: Sequence[Entity], now: Instant, *, cross_platform: bool) -> Standing:
    """The standing that some entities, one a partner, have together at a time."""
    told = [entity for entity in entities if entity.event_count]
    first_at = min((entity.first_at for entity in told if entity.first_at), default=None)
    last_at = max((entity.last_at for entity in told if entity.last_at), default=None)
    event_count = sum(entity.event_count for entity in told)
    qualified = sum(entity.event_count >= QUALIFYING_EVENTS for entity in told)
    age_days = whole_days(first_at, now) if first_at else None
    return Standing(
        tier=tier_of(event_count, age_days or 0, qualified if cross_platform else None),
        signals=Signals(
            event_count=event_count,
            effective_event_count=event_count,
            backfilled_count=sum(entity.backfilled_count for entity in told),
            first_event_days_ago=age_days,
            last_event_days_ago=whole_days(last_at, now) if last_at else None,
            distinct_partners=len(told),
            tier_qualified_partner_count=qualified,
        ),
        first_at=first_at,
        last_at=last_at,
    )


def assess(entity_id: str | None, known: Known, now: Instant) -> Assessment:
    """What is known of an entity at a time; of nobody known, tier 0 and clean."""
    group = () if entity_id is None else (entity_id, *group_of(entity_id, known))
    entities = [known.get(ENTITY, one) or Entity(tenant="") for one in group]
    claims = [known.get(CLAIMS_OF_ENTITY, one) or ClaimsOfEntity() for one in group]
    own = standing(entities[:1], now, cross_platform=False)
    together = standing(entities, now, cross_platform=True) if len(group) > 1 else None
    contested = sum(one.counts["CONTESTED"] for one in claims)
    active = sum(one.active for one in claims)
    return Assessment(
        entity_id=entity_id,
        tier=max(own.tier, together.tier if together else 0),
        own=own,
        cross_platform=together,
        claims_recorded=sum(one.recorded for one in claims),
        claims_active=active,
        claims_contested=contested,
        claim_status=claim_status(active, contested),
    )
