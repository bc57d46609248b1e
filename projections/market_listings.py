"""Which agents are offered, for a capability or at all, the best first?"""

from pathlib import Path

import msgspec

from domain.listing import LISTING, Listing, capability_of
from domain.ports import Fetch
from domain.refusals import InvalidCursor
from domain.reputation import MIDDLE, NEW, REPUTATION, Reputation
from projections.cursors import read_cursor, write_cursor

RANKED = Path(__file__).with_name("market_listings.sql").read_bytes()
BEST = 2**40


class Offered(msgspec.Struct, frozen=True):
    """An agent that is offered, and how its work was judged."""

    agent_id: str
    listing: Listing
    reputation: Reputation


class OfferedPage(msgspec.Struct, frozen=True):
    """Some agents, and the cursor to those that rank lower, None on the last page."""

    agents: list[Offered]
    cursor: str | None


async def ranked_listings(
    fetch: Fetch,
    tenant: str,
    *,
    capability: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> OfferedPage:
    """One page of a tenant's agents of a capability, by reputation, then by id.

    Raises InvalidCursor.
    """
    score, agent_id = (str(BEST), "") if cursor is None else read_cursor(cursor, parts=2)
    if not score.isascii() or not score.isdigit() or len(score) > 18:
        raise InvalidCursor
    rows = await fetch(
        RANKED,
        {
            "prefix": f"{tenant}/" if capability is None else capability_of(tenant, capability),
            "middle": str(MIDDLE),
            "score": score,
            "agent_id": agent_id,
            "limit": str(limit + 1),
        },
    )
    agents = [
        Offered(key, LISTING.decode(listing), NEW if row is None else REPUTATION.decode(row))
        for key, listing, row, _ in rows[:limit]
    ]
    if len(rows) <= limit:
        return OfferedPage(agents, None)
    last = agents[-1]
    return OfferedPage(agents, write_cursor(str(last.reputation.score), last.agent_id))
