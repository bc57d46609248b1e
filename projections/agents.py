"""Which agents are there, who comes from whom, and what may each do?"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from pathlib import Path
from typing import get_args

import msgspec

from domain.agent import AGENT, Agent, Status
from domain.instants import Instant
from domain.ports import Fetch
from domain.refusals import NotFound
from domain.registry import ShownAgent
from domain.rights import Rights
from projections.cursors import read_cursor, write_cursor

LIST = Path(__file__).with_name("agents.sql").read_bytes()
TREE = Path(__file__).with_name("agent_tree.sql").read_bytes()
LINEAGE = Path(__file__).with_name("lineage.sql").read_bytes()
NEWEST = ("9999", "~")

Place = tuple[str, str]
"""Where an agent stands in a list, and its id."""


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
    fetch: Fetch, tenant: str, *, status: Status | None, cursor: str | None, limit: int
) -> AgentsPage:
    """One page of a tenant's agents, newest first, of one status if wanted.

    Raises InvalidCursor.
    """
    created_at, key = NEWEST if cursor is None else read_cursor(cursor, parts=2)
    rows = await fetch(
        LIST,
        {
            "tenant": tenant,
            "statuses": [status] if status else list(get_args(Status)),
            "before": created_at,
            "key": key,
            "limit": str(limit + 1),
        },
    )
    found = sorted(_placed(rows), key=itemgetter(0), reverse=True)
    return _page(found, limit)


async def tree_of_agents(
    fetch: Fetch,
    tenant: str,
    *,
    root: str | None,
    depth: int | None,
    status: Status | None,
    cursor: str | None,
    limit: int,
) -> AgentsPage:
    """A part of a tenant's forest, each parent before its children: an agent and all who come from
    it, or everybody; down to so many levels below, of one status, if wanted.

    Raises NotFound for a root that is none of the tenant's, and InvalidCursor.
    """
    after, _ = ("", "") if cursor is None else read_cursor(cursor, parts=2)
    rows = await fetch(
        TREE,
        {
            "tenant": tenant,
            "root": root,
            "depth": None if depth is None else str(depth),
            "status": status,
            "after": after,
            "limit": str(limit + 1),
        },
    )
    if root is not None and not rows:
        raise NotFound
    return _page(sorted(_placed(rows), key=itemgetter(0)), limit)


async def show_agent(fetch: Fetch, tenant: str, agent_id: str) -> SeenAgent:
    """One agent. Raises NotFound."""
    return (await _lineage(fetch, tenant, agent_id, children=False)).itself


async def lineage_of(fetch: Fetch, tenant: str, agent_id: str) -> Lineage:
    """Whom an agent comes from, and who comes from it. Raises NotFound."""
    return await _lineage(fetch, tenant, agent_id, children=True)


async def _lineage(fetch: Fetch, tenant: str, agent_id: str, *, children: bool) -> Lineage:
    rows = await fetch(
        LINEAGE, {"tenant": tenant, "agent_id": agent_id, "children": str(children).lower()}
    )
    agents = {key: AGENT.decode(row) for key, row, _ in rows}
    active = {key: at for key, _, at in rows}
    if agent_id not in agents:
        raise NotFound
    path, rights = agents[agent_id].path, _rights_in_force(agents)

    def seen(keys: Iterable[str]) -> list[SeenAgent]:
        return [SeenAgent(ShownAgent(key, agents[key], rights[key]), active[key]) for key in keys]

    below = sorted(agents.keys() - {agent_id, *path}, key=lambda one: (agents[one].created_at, one))
    return Lineage(seen(path), seen([agent_id])[0], seen(below))


def _placed(
    rows: Sequence[tuple[str | None, str, str, str | None]],
) -> list[tuple[Place, SeenAgent]]:
    """The agents that have a place; the others are those whom they come from."""
    agents = {key: AGENT.decode(row) for _, key, row, _ in rows}
    rights = _rights_in_force(agents)
    return [
        ((place, key), SeenAgent(ShownAgent(key, agents[key], rights[key]), at))
        for place, key, _, at in rows
        if place is not None
    ]


def _page(found: list[tuple[Place, SeenAgent]], limit: int) -> AgentsPage:
    page = found[:limit]
    return AgentsPage(
        [agent for _, agent in page], write_cursor(*page[-1][0]) if len(found) > limit else None
    )


def _rights_in_force(agents: dict[str, Agent]) -> dict[str, Rights]:
    """What each of some agents may do, among whom are all that they come from."""
    rights: dict[str, Rights] = {}
    for key, agent in sorted(agents.items(), key=lambda item: item[1].depth):
        own = agent.rights
        rights[key] = own if agent.parent_id is None else rights[agent.parent_id].meet(own)
    return rights
