"""Which events has a partner reported? Newest first, in the order in which they were recorded."""

from pathlib import Path

import msgspec

from domain.entity import Participated, Participation
from domain.events import decode
from domain.instants import Instant
from domain.ports import Fetch
from domain.refusals import InvalidCursor
from projections.cursors import read_cursor, write_cursor

STATEMENT = Path(__file__).with_name("events.sql").read_bytes()
END = 2**62


class Page(msgspec.Struct, frozen=True):
    """Some events, and the cursor to the older ones, None on the last page."""

    events: list[Participation]
    cursor: str | None


async def list_events(
    fetch: Fetch,
    tenant: str,
    *,
    lookup: str | None = None,
    kind: str | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page:
    """One page of a tenant's events, of one person or one type if wanted.

    ``since`` and ``until`` bound the time of recording, both included. The cursor is a place in the
    log, so a page misses and repeats nothing while events arrive. Raises InvalidCursor.
    """
    rows = await fetch(
        STATEMENT,
        {
            "tenant": tenant,
            "lookup": lookup,
            "kind": kind,
            "since": since,
            "until": until,
            "before": str(END if cursor is None else position_of(cursor)),
            "limit": str(limit + 1),
        },
    )
    events = []
    for position, document in rows[:limit]:
        entry = decode(document)
        assert isinstance(entry.data, Participated)
        events.append(
            Participation(entry.id, entry.aggregate_id, entry.data, entry.recorded_at, position)
        )
    return Page(events, write_cursor(str(events[-1].position)) if len(rows) > limit else None)


def position_of(cursor: str) -> int:
    """The place in the log that a cursor stands for. Raises InvalidCursor."""
    (text,) = read_cursor(cursor, parts=1)
    if not text.isdigit() or len(text) > 18:
        raise InvalidCursor
    return int(text)
