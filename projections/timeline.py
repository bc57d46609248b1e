"""How did a person's history come about, step by step?"""

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from domain.claim import CLAIM, Contested, Filed, Settled, Status
from domain.events import decode, stored_names
from domain.instants import Instant
from domain.ports import Fetch
from domain.refusals import NotFound
from domain.standing import tiers_reached

SLICE = 5_000
_STATEMENTS = Path(__file__).parent
EVENTS = (_STATEMENTS / "timeline.sql").read_bytes()
ABOUT = (_STATEMENTS / "about.sql").read_bytes()
PERSON = (_STATEMENTS / "person.sql").read_bytes()
CLAIM_STEPS = msgspec.json.encode(stored_names(CLAIM.events)).decode()
END = str(2**62)


class Day(msgspec.Struct, frozen=True):
    """What happened on a day, in UTC, by the time of happening."""

    date: str
    events: int
    backfilled: int


class TierReached(msgspec.Struct, frozen=True):
    """When the partner's own history became deep enough."""

    tier: int
    at: Instant


class ClaimStep(msgspec.Struct, frozen=True):
    """A claim of the partner's was filed, or moved."""

    claim_id: str
    status: Status
    at: Instant


class Timeline(msgspec.Struct, frozen=True):
    """The steps of each kind, oldest first."""

    days: list[Day]
    tiers: list[TierReached]
    claims: list[ClaimStep]


async def timeline(fetch: Fetch, lookup: str, now: Instant) -> Timeline:
    """The steps of a person's history with one partner; reads each of its entries once.

    Raises NotFound for somebody with neither events nor claims.
    """
    found = await fetch(PERSON, {"lookup": lookup})
    if not found:
        raise NotFound
    ((entity_id,),) = found
    events: Counter[str] = Counter()
    backfilled: Counter[str] = Counter()
    history = []
    async for _, recorded_at, occurred_at, is_backfill in _slices(
        fetch, EVENTS, f"entity-{entity_id}"
    ):
        events[occurred_at[:10]] += 1
        backfilled[occurred_at[:10]] += is_backfill
        history.append((recorded_at, occurred_at))
    claims = [
        step
        async for _, _, document in _slices(fetch, ABOUT, entity_id)
        if (step := _claim_step(document))
    ]
    if not events and not claims:
        raise NotFound
    return Timeline(
        [Day(date, events[date], backfilled[date]) for date in sorted(events)],
        [TierReached(tier, at) for tier, at in tiers_reached(history, now).items()],
        claims,
    )


async def _slices(fetch: Fetch, statement: bytes, source: str) -> AsyncIterator[Any]:
    """The rows of a statement that reads on from the place in each row's first column."""
    place = 0
    while True:
        rows = await fetch(
            statement,
            {
                "source": source,
                "types": CLAIM_STEPS,
                "after": str(place),
                "until": END,
                "limit": str(SLICE),
            },
        )
        for row in rows:
            yield row
        if len(rows) < SLICE:
            return
        place = rows[-1][0]


def _claim_step(document: str) -> ClaimStep | None:
    entry = decode(document)
    match entry.data:
        case Filed():
            return ClaimStep(entry.aggregate_id, "OPEN", entry.recorded_at)
        case Contested():
            return ClaimStep(entry.aggregate_id, "CONTESTED", entry.recorded_at)
        case Settled(verdict=verdict):
            return ClaimStep(entry.aggregate_id, verdict, entry.recorded_at)
    return None
