"""Who read the log? Newest first, a few seconds behind."""

from pathlib import Path

import msgspec

from domain.instants import Instant
from domain.ports import Fetch
from projections.cursors import read_cursor, write_cursor

STATEMENT = Path(__file__).with_suffix(".sql").read_bytes()


class Read(msgspec.Struct, frozen=True):
    """That a credential read the log by a route in a minute."""

    minute: Instant
    key_id: str
    route: str
    principal: str
    tenant: str | None


class Page(msgspec.Struct, frozen=True):
    """Some of who read, and the cursor to the older ones, None on the last page."""

    reads: list[Read]
    cursor: str | None


async def list_access(
    fetch: Fetch, tenant: str | None, *, cursor: str | None = None, limit: int = 50
) -> Page:
    """One page of who read a tenant's log as one of its own; of everybody for None.

    Raises InvalidCursor.
    """
    place = (None, None, None) if cursor is None else read_cursor(cursor, parts=3)
    minute, key_id, route = place
    rows = await fetch(
        STATEMENT,
        {
            "tenant": tenant,
            "minute": minute,
            "key_id": key_id,
            "route": route,
            "limit": str(limit + 1),
        },
    )
    reads = [Read(*row) for row in rows[:limit]]
    has_more = len(rows) > limit
    last = reads[-1] if reads else None
    return Page(
        reads, write_cursor(last.minute, last.key_id, last.route) if last and has_more else None
    )
