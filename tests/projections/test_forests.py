"""Forests of agents: whose there are, and everybody in one, however many."""

import asyncio

import pytest

from application.log.submission import Submission
from domain.partner import Environment
from domain.refusals import NotFound
from projections.forests import PAGE, Forest, every_agent, forests
from tests.application.running import Worker, a_worker
from tests.builders import (
    a_key_added,
    a_principal,
    a_spawn,
    a_spawn_policy,
    an_agent,
    an_approval,
    an_issued_key,
)

SMITH, JONES = "smith", "jones"


async def grown(worker: Worker, partner: str, environment: Environment = "sandbox") -> list[str]:
    """The ids of an agent of a partner's, and of one that comes from it."""
    who = a_principal(partner, environment=environment)
    await worker.do(a_spawn_policy(who.tenant), who)
    root = an_agent(tenant=who.tenant)
    child = a_spawn(root.id, tenant=who.tenant)
    for command in (root, child):
        await worker.do(command, who)
    return [root.id, child.id]


async def everybody(worker: Worker, forest: Forest, root: str | None = None) -> list[str]:
    fetch = worker.across_for(a_principal())
    return [seen.shown.agent_id async for seen in every_agent(fetch, forest, root=root, depth=None)]


def test_forests_are_of_each_partner_in_each_environment_that_has_agents(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            fetch = worker.across_for(a_principal())
            for partner in (JONES, SMITH, "nobody-yet"):
                await worker.do(an_approval(partner, name=partner.title()))
            live = an_issued_key("live")
            await worker.do(a_key_added(live, SMITH, "production"))
            of_jones = await grown(worker, JONES)
            of_smith = await grown(worker, SMITH, "production")
            await grown(worker, SMITH)

            found = await forests(fetch, partner_id=None, root=None)
            smith_s = await forests(fetch, partner_id=SMITH, root=None)
            with_root = await forests(fetch, partner_id=None, root=of_smith[1])

            assert found == [
                Forest("sandbox/jones", JONES, "Jones", "sandbox"),
                Forest("sandbox/smith", SMITH, "Smith", "sandbox"),
                Forest("production/smith", SMITH, "Smith", "production"),
            ]
            assert smith_s == found[1:]
            assert with_root == [found[2]]
            assert await everybody(worker, found[0]) == of_jones
            assert await everybody(worker, found[2], root=of_smith[1]) == of_smith[1:]
            assert await forests(fetch, partner_id="nobody-yet", root=None) == []
            for partner_id, root in (
                ("no-such", None),
                (None, "no-such"),
                (JONES, of_smith[0]),
            ):
                with pytest.raises(NotFound):
                    await forests(fetch, partner_id=partner_id, root=root)

    asyncio.run(story())


def test_a_forest_of_more_than_a_page_is_read_to_its_end(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            who = a_principal("many")
            forest = Forest(who.tenant, "many", "Many", "sandbox")
            agents = [an_agent(tenant=who.tenant) for _ in range(PAGE + 1)]
            for at in range(0, len(agents), 500):
                commands = agents[at : at + 500]
                await worker.together(*(Submission(command, who) for command in commands))

            assert await everybody(worker, forest) == sorted(agent.id for agent in agents)

    asyncio.run(story())
