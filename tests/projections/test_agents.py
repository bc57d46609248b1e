"""The questions about agents: which there are, who comes from whom, and what each may do."""

import asyncio
from typing import get_args

import pytest

from domain.agent import Status
from domain.refusals import InvalidCursor, NotFound
from domain.registry import RevokeAgent, SuspendAgent
from domain.rights import READER
from projections.agents import AgentsPage, lineage_of, list_agents
from projections.cursors import write_cursor
from tests.application.families import a_family, do
from tests.application.running import Clock, a_worker, as_owner
from tests.builders import a_change_of_rights, a_principal, a_turn, an_agent
from tests.projections.asking import ids, lineage, listed, shown, tree

STATUSES: tuple[Status, ...] = get_args(Status)


# The list


def test_the_list_has_a_partners_agents_newest_first(log_url: str) -> None:
    clock = Clock(log_url)

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            made = []
            for _ in range(3):
                command = an_agent(tenant=a_principal("listed").tenant)
                await do(worker, "listed", command)
                made.append(command.id)
                clock.goes_on(minutes=1)
            assert ids((await listed(worker, "listed")).agents) == made[::-1]

    asyncio.run(story())


def test_the_list_may_be_of_one_status(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "statuses", approval_from_depth=2)
            await do(
                worker,
                "statuses",
                a_turn(SuspendAgent, family.sibling, tenant=family.tenant),
                a_turn(RevokeAgent, family.other_root, tenant=family.tenant),
            )
            by_status = {
                status: set(ids((await listed(worker, "statuses", status=status)).agents))
                for status in STATUSES
            }
            assert by_status == {
                "ACTIVE": {family.root, family.child},
                "PENDING_APPROVAL": {family.grandchild},
                "SUSPENDED": {family.sibling},
                "REVOKED": {family.other_root},
            }

    asyncio.run(story())


@pytest.mark.parametrize("status", [None, "ACTIVE"])
def test_a_page_of_the_list_misses_and_repeats_nothing_while_agents_come_and_turn(
    log_url: str, status: Status | None
) -> None:
    partner, clock = f"pages-{status}", Clock(log_url)
    tenant = a_principal(partner).tenant

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            there = [an_agent(tenant=tenant) for _ in range(7)]
            await do(worker, partner, *there[:4])
            clock.goes_on(minutes=1)
            await do(worker, partner, *there[4:])
            seen: list[str] = []
            cursor: str | None = None
            for _ in range(4):
                page = await listed(worker, partner, status=status, cursor=cursor, limit=2)
                seen += ids(page.agents)
                cursor = page.cursor
                clock.goes_on(minutes=1)
                await do(worker, partner, an_agent(tenant=tenant))
                await do(worker, partner, a_turn(SuspendAgent, seen[-1], tenant=tenant))
            assert cursor is None
            assert sorted(seen) == sorted(command.id for command in there)

    asyncio.run(story())


# What each may do, and when it was last active


def test_rights_are_shown_as_they_are_in_force_wherever_an_agent_is(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "in-force")
            await do(
                worker,
                "in-force",
                a_change_of_rights(family.root, tenant=family.tenant, preset="reader", rate=60),
                a_change_of_rights(family.child, tenant=family.tenant, rate=5),
            )
            of_root = await lineage(worker, "in-force", family.root)
            of_child = await lineage(worker, "in-force", family.child)
            of_grandchild = await lineage(worker, "in-force", family.grandchild)
            everywhere = [
                await shown(worker, "in-force", family.grandchild),
                of_child.children[0],
                of_grandchild.itself,
                *(await tree(worker, "in-force", root=family.grandchild)).agents,
                *(await tree(worker, "in-force", root=family.child)).agents[1:],
                *(await listed(worker, "in-force")).agents,
            ]
            found = [seen for seen in everywhere if seen.shown.agent_id == family.grandchild]
            assert len(found) == 6
            for seen in found:
                assert seen.shown.rights.permissions == READER
                assert seen.shown.rights.rate_limit_per_minute == 5
                assert seen.shown.agent.rights.preset == "operator"
            assert of_grandchild.ancestors == [of_root.itself, of_child.itself]
            assert of_root.children[0] == of_child.itself

    asyncio.run(story())


def test_a_page_shows_rights_in_force_though_the_ancestors_are_on_another(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "elsewhere")
            await do(
                worker,
                "elsewhere",
                a_change_of_rights(family.root, tenant=family.tenant, preset="reader"),
                a_turn(SuspendAgent, family.grandchild, tenant=family.tenant),
            )
            for page in (
                await listed(worker, "elsewhere", status="SUSPENDED"),
                await tree(worker, "elsewhere", status="SUSPENDED"),
            ):
                (seen,) = page.agents
                assert seen.shown.agent_id == family.grandchild
                assert seen.shown.rights.permissions == READER

    asyncio.run(story())


def test_an_agent_shows_when_it_was_last_active_wherever_it_is(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "active")
            as_owner(
                log_url,
                "insert into key_use values (%s, '2026-11-22 08:00:00.123+00')",
                family.child,
            )
            everywhere = [
                await shown(worker, "active", family.child),
                (await lineage(worker, "active", family.child)).itself,
                (await lineage(worker, "active", family.root)).children[0],
                (await lineage(worker, "active", family.grandchild)).ancestors[1],
                (await tree(worker, "active")).agents[1],
                (await tree(worker, "active", root=family.child)).agents[0],
                *(await listed(worker, "active")).agents,
            ]
            found = [seen for seen in everywhere if seen.shown.agent_id == family.child]
            assert len(found) == 7
            assert {seen.last_activity_at for seen in found} == {"2026-11-22T08:00:00.123Z"}
            assert (await shown(worker, "active", family.root)).last_activity_at is None

    asyncio.run(story())


# Nobody else's


def test_another_tenant_sees_nothing_though_its_name_begins_alike(log_url: str) -> None:
    owner, foreign = "alike-too", "alike"

    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, owner)
            assert await listed(worker, foreign) == AgentsPage([], None)
            assert await tree(worker, foreign) == AgentsPage([], None)
            for agent_id in (family.root, family.grandchild):
                for ask in (lineage, shown):
                    with pytest.raises(NotFound):
                        await ask(worker, foreign, agent_id)
                with pytest.raises(NotFound):
                    await tree(worker, foreign, root=agent_id)

    asyncio.run(story())


def test_the_other_environment_of_a_partner_sees_nothing(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "environments")
            live = a_principal("environments", environment="production")
            fetch = worker.across_for(live)
            for asked in (family.root, family.child):
                with pytest.raises(NotFound):
                    await lineage_of(fetch, live.tenant, asked)
            page = await list_agents(fetch, live.tenant, status=None, cursor=None, limit=9)
            assert page == AgentsPage([], None)

    asyncio.run(story())


@pytest.mark.parametrize("cursor", ["", "?", write_cursor("one part")])
def test_a_cursor_that_was_never_given_is_refused(log_url: str, cursor: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            with pytest.raises(InvalidCursor):
                await listed(worker, "cursors", cursor=cursor)
            with pytest.raises(InvalidCursor):
                await tree(worker, "cursors", cursor=cursor)

    asyncio.run(story())
