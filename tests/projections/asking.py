"""The questions about agents, as a partner asks them."""

from collections.abc import Sequence
from typing import Any

from projections.agents import (
    AgentsPage,
    Lineage,
    SeenAgent,
    lineage_of,
    list_agents,
    show_agent,
    tree_of_agents,
)
from projections.engine.replay import Past
from tests.application.running import Worker
from tests.builders import a_principal


async def listed(worker: Worker, partner: str, **filters: Any) -> AgentsPage:
    who = a_principal(partner)
    asked = {"status": None, "cursor": None, "limit": 50, **filters}
    return await list_agents(worker.across_for(who), who.tenant, **asked)


async def tree(worker: Worker, partner: str, **filters: Any) -> AgentsPage:
    who = a_principal(partner)
    asked = {"root": None, "depth": None, "status": None, "cursor": None, "limit": 50, **filters}
    return await tree_of_agents(worker.across_for(who), who.tenant, **asked)


async def lineage(worker: Worker, partner: str, agent_id: str, past: Past | None = None) -> Lineage:
    who = a_principal(partner)
    return await lineage_of(worker.across_for(who), who.tenant, agent_id, past)


async def shown(worker: Worker, partner: str, agent_id: str, past: Past | None = None) -> SeenAgent:
    who = a_principal(partner)
    return await show_agent(worker.across_for(who), who.tenant, agent_id, past)


def ids(agents: Sequence[SeenAgent]) -> list[str]:
    return [seen.shown.agent_id for seen in agents]
