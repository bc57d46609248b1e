"""What did a partner's policy decide, and does the log say so still?"""

from pathlib import Path

import msgspec

from domain.events import decode
from domain.instants import Instant
from domain.policy import Decided, Reconsider
from domain.ports import Fetch
from domain.refusals import NotFound
from projections.cursors import write_cursor
from projections.engine.replay import Past, Replay
from projections.events import END, position_of

_STATEMENTS = Path(__file__).parent
LIST = (_STATEMENTS / "decisions.sql").read_bytes()
ONE = (_STATEMENTS / "decision.sql").read_bytes()


class Recorded(msgspec.Struct, frozen=True):
    """A decision as the log keeps it."""

    id: str
    event: Decided
    decided_at: Instant
    position: int


class Page(msgspec.Struct, frozen=True):
    """Some decisions, and the cursor to the older ones, None on the last page."""

    decisions: list[Recorded]
    cursor: str | None


async def list_decisions(
    fetch: Fetch,
    tenant: str,
    *,
    lookup: str | None = None,
    action: str | None = None,
    since: Instant | None = None,
    cursor: str | None = None,
    limit: int = 50,
    past: Past | None = None,
) -> Page:
    """One page of a tenant's decisions, newest first, of one person or on one action if wanted.

    ``since`` is a time of recording, included. Decisions on somebody who was unknown then are
    nobody's, and of no person's list. Raises InvalidCursor.
    """
    before = END if cursor is None else position_of(cursor)
    if past is not None:
        before = min(before, past.position + 1)
    rows = await fetch(
        LIST,
        {
            "tenant": tenant,
            "lookup": lookup,
            "action": action,
            "since": since,
            "before": str(before),
            "limit": str(limit + 1),
        },
    )
    decisions = [_recorded(position, document) for position, document in rows[:limit]]
    return Page(decisions, write_cursor(str(decisions[-1].position)) if len(rows) > limit else None)


async def one_decision(fetch: Fetch, decision_id: str, past: Past | None = None) -> Recorded:
    """A decision by its id. Raises NotFound, in the past for one that was not given yet too."""
    rows = await fetch(ONE, {"id": decision_id})
    if not rows or (past is not None and past.position < rows[0][0]):
        raise NotFound
    ((position, document),) = rows
    return _recorded(position, document)


async def decided_again(replay: Replay, fetch: Fetch, tenant: str, recorded: Recorded) -> Decided:
    """What the decision is when it is computed from the log alone: the state at the position that
    it saw, and its own time. ``fetch`` must see whatever the entity was linked with.
    """
    again: Decided = await replay.ask_at(
        Reconsider(tenant=tenant, recorded=recorded.event),
        recorded.event.seen_position,
        recorded.decided_at,
        fetch,
    )
    return again


def _recorded(position: int, document: str) -> Recorded:
    entry = decode(document)
    assert isinstance(entry.data, Decided)
    return Recorded(entry.id, entry.data, entry.recorded_at, position)
