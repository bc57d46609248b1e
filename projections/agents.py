"""Which agents are there, who comes from whom, and what may each do?"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import get_args

import msgspec

from domain.agent import AGENT, Status
from domain.instants import Instant
from domain.ports import Fetch
from domain.refusals import NotFound
from domain.registry import ShownAgent
from domain.rights import Rights
from projections.cursors import read_cursor, write_cursor
from projections.engine.pages import Look, Place, newest, page_of
from projections.engine.replay import Past

LIST = Path(__file__).with_name("agents.sql").read_bytes()
TREE = Path(__file__).with_name("agent_tree.sql").read_bytes()
LINEAGE = Path(__file__).with_name("lineage.sql").read_bytes()

Rows = Sequence[tuple[str | None, str, str, str | None]]
"""Agents as a statement finds them: the place in its list, if it has one, the id, the row, and when
it was last active."""


class SeenAgent(msgspec.Struct, frozen=True):
    """An agent with its rights in force, and when it last asked for anything, None for never."""

    shown: ShownAgent
    last_activity_at: Instant | None


class AgentsPage(msgspec.Struct, frozen=True):
    """Some agents, and the cursor to the next, None on the last page."""

    agents: list[SeenAgent]
    cursor: str | None


class Lineage(msgspec.Struct, frozen=True):
    """An agent, those it comes from, the root first, and those that come from it directly."""

    ancestors: list[SeenAgent]
    itself: SeenAgent
    children: list[SeenAgent]


async def list_agents(
    fetch: Fetch,
    tenant: str,
    *,
    status: Status | None,
    cursor: str | None,
    limit: int,
    past: Past | None = None,
) -> AgentsPage:
    """One page of a tenant's agents, newest first, of one status if wanted, as they are or were.

    Raises InvalidCursor.
    """

    async def look(after: Place | None, count: int) -> list[tuple[Place, SeenAgent | None]]:
        created_at, key = after or newest(past)
        rows = await fetch(
            LIST,
            {
                "tenant": tenant,
                "statuses": [status] if status and past is None else list(get_args(Status)),
                "before": created_at,
                "key": key,
                "limit": str(count),
            },
        )
        return sorted(_placed(rows, await _seen(rows, past)), key=itemgetter(0), reverse=True)

    return await _page(look, status, cursor, limit)


async def tree_of_agents(
    fetch: Fetch,
    tenant: str,
    *,
    root: str | None,
    depth: int | None,
    status: Status | None,
    cursor: str | None,
    limit: int,
    past: Past | None = None,
) -> AgentsPage:
    """A part of a tenant's forest, each parent before its children, as it is or was: an agent and
    all who come from it, or everybody; down to so many levels below, of one status, if wanted.

    Raises NotFound for a root that is none of the tenant's, and InvalidCursor.
    """

    async def look(after: Place | None, count: int) -> list[tuple[Place, SeenAgent | None]]:
        place, _ = after or ("", "")
        rows = await fetch(
            TREE,
            {
                "tenant": tenant,
                "root": root,
                "depth": None if depth is None else str(depth),
                "status": status if past is None else None,
                "until": _until(past),
                "after": place,
                "limit": str(count),
            },
        )
        found = await _seen(rows, past)
        if root is not None and root not in found:
            raise NotFound
        return sorted(_placed(rows, found), key=itemgetter(0))

    return await _page(look, status, cursor, limit)


async def show_agent(
    fetch: Fetch, tenant: str, agent_id: str, past: Past | None = None
) -> SeenAgent:
    """One agent, as it is or was. Raises NotFound."""
    return (await _lineage(fetch, tenant, agent_id, past, children=False)).itself


async def lineage_of(fetch: Fetch, tenant: str, agent_id: str, past: Past | None = None) -> Lineage:
    """Whom an agent comes from, and who comes from it, as they are or were. Raises NotFound."""
    return await _lineage(fetch, tenant, agent_id, past, children=True)


async def _lineage(
    fetch: Fetch, tenant: str, agent_id: str, past: Past | None, *, children: bool
) -> Lineage:
    rows = await fetch(
        LINEAGE,
        {
            "tenant": tenant,
            "agent_id": agent_id,
            "children": str(children).lower(),
            "until": _until(past),
        },
    )
    found = await _seen([(None, *row) for row in rows], past)
    if agent_id not in found:
        raise NotFound
    path = found[agent_id].shown.agent.path
    below = sorted(
        found.keys() - {agent_id, *path}, key=lambda one: (found[one].shown.agent.created_at, one)
    )
    return Lineage([found[one] for one in path], found[agent_id], [found[one] for one in below])


async def _page(
    look: Look[SeenAgent], status: Status | None, cursor: str | None, limit: int
) -> AgentsPage:
    after = None if cursor is None else read_cursor(cursor, parts=2)
    agents, end = await page_of(
        look, after, limit, lambda seen: status in (None, seen.shown.agent.status)
    )
    return AgentsPage(agents, None if end is None else write_cursor(*end))


def _placed(rows: Rows, found: Mapping[str, SeenAgent]) -> list[tuple[Place, SeenAgent | None]]:
    """Who stands at each place; the agents that have none are those whom the others come from."""
    return [((place, key), found.get(key)) for place, key, _, _ in rows if place is not None]


async def _seen(rows: Rows, past: Past | None) -> dict[str, SeenAgent]:
    """Some agents, among whom are all that they come from, as they are or were, by their ids.

    When one was last active is no history.
    """
    if past is None:
        agents = {key: AGENT.decode(row) for _, key, row, _ in rows}
        active = {key: at for _, key, _, at in rows}
    else:
        agents, active = await past.states(AGENT, [key for _, key, _, _ in rows]), {}
    rights: dict[str, Rights] = {}
    for key, agent in sorted(agents.items(), key=lambda item: item[1].depth):
        own = agent.rights
        rights[key] = own if agent.parent_id is None else rights[agent.parent_id].meet(own)
    return {
        key: SeenAgent(ShownAgent(key, agent, rights[key]), active.get(key))
        for key, agent in agents.items()
    }


def _until(past: Past | None) -> str | None:
    return None if past is None else str(past.position)
