"""Whose agents are there, and who comes from whom, however many there are?"""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from domain.partner import Environment
from domain.ports import Fetch
from domain.refusals import NotFound
from projections.agents import SeenAgent, tree_of_agents

STATEMENT = Path(__file__).with_name("forests.sql").read_bytes()
PAGE = 1_000


class Forest(msgspec.Struct, frozen=True):
    """The agents of a partner in an environment."""

    tenant: str
    partner_id: str
    partner: str
    environment: Environment


async def forests(fetch: Fetch, *, partner_id: str | None, root: str | None) -> list[Forest]:
    """All forests that are not empty, or a partner's, or the one with an agent in it.

    Raises NotFound when there is no such partner, or no such agent.
    """
    found = await fetch(STATEMENT, {"partner": partner_id, "root": root})
    if not found and (partner_id is not None or root is not None):
        raise NotFound
    return [Forest(*rest) for *rest, has_agents in found if has_agents]


async def every_agent(
    fetch: Fetch, forest: Forest, *, root: str | None, depth: int | None
) -> AsyncIterator[SeenAgent]:
    """The agents of a forest, each parent before its children, read page by page.

    Raises NotFound for a root that is none of them.
    """
    cursor = None
    while True:
        page = await tree_of_agents(
            fetch,
            forest.tenant,
            root=root,
            depth=depth,
            status=None,
            cursor=cursor,
            limit=PAGE,
        )
        for agent in page.agents:
            yield agent
        cursor = page.cursor
        if cursor is None:
            return
