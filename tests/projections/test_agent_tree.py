"""The tree and the lineage of agents: who comes from whom."""

import asyncio

import pytest

from domain.agent import Status
from domain.refusals import NotFound
from domain.registry import RevokeAgent
from projections.agents import AgentsPage
from tests.application.families import a_family, do
from tests.application.running import a_worker
from tests.builders import a_principal, a_spawn, a_turn
from tests.projections.asking import ids, lineage, tree


def test_the_tree_is_the_whole_forest_each_parent_before_its_children(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "whole")
            found = ids((await tree(worker, "whole")).agents)
            assert found == [
                family.root,
                family.child,
                family.grandchild,
                family.sibling,
                family.other_root,
            ]

    asyncio.run(story())


def test_the_tree_of_an_agent_is_the_agent_and_all_who_come_from_it(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "rooted")
            below = {
                root: ids((await tree(worker, "rooted", root=root)).agents)
                for root in (family.root, family.child, family.grandchild, family.other_root)
            }
            assert below == {
                family.root: [family.root, family.child, family.grandchild, family.sibling],
                family.child: [family.child, family.grandchild],
                family.grandchild: [family.grandchild],
                family.other_root: [family.other_root],
            }

    asyncio.run(story())


def test_a_tree_goes_so_many_levels_down_from_where_it_begins(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "levels")

            async def down(depth: int, root: str | None = None) -> list[str]:
                return ids((await tree(worker, "levels", root=root, depth=depth)).agents)

            assert await down(0) == [family.root, family.other_root]
            assert await down(1) == [family.root, family.child, family.sibling, family.other_root]
            assert await down(0, family.child) == [family.child]
            assert await down(1, family.child) == [family.child, family.grandchild]
            assert len(await down(2)) == len(await down(32)) == 5

    asyncio.run(story())


def test_a_tree_may_be_of_one_status_also_where_its_root_is_of_another(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "one-status")
            await do(worker, "one-status", a_turn(RevokeAgent, family.root, tenant=family.tenant))

            async def of(status: Status, root: str | None = None) -> list[str]:
                return ids((await tree(worker, "one-status", root=root, status=status)).agents)

            assert await of("REVOKED") == await of("REVOKED", family.root) == [family.root]
            assert await of("ACTIVE", family.root) == [
                family.child,
                family.grandchild,
                family.sibling,
            ]
            assert await of("REVOKED", family.child) == []

    asyncio.run(story())


@pytest.mark.parametrize("rooted", [True, False])
def test_a_page_of_a_tree_misses_and_repeats_nothing_while_agents_come_and_are_ended(
    log_url: str, rooted: bool
) -> None:
    partner = f"tree-pages-{rooted}"
    tenant = a_principal(partner).tenant

    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, partner)
            there = [a_spawn(family.child, tenant=tenant) for _ in range(3)]
            await do(worker, partner, *there)
            root = family.root if rooted else None
            expected = ids((await tree(worker, partner, root=root)).agents)
            seen: list[str] = []
            cursor: str | None = None
            while cursor is not None or not seen:
                page = await tree(worker, partner, root=root, cursor=cursor, limit=2)
                seen += ids(page.agents)
                cursor = page.cursor
                if there:
                    ended = a_turn(RevokeAgent, there.pop().id, tenant=tenant)
                    await do(worker, partner, ended, a_spawn(family.root, tenant=tenant))
            assert [one for one in seen if one in expected] == expected
            assert len(seen) == len(set(seen))

    asyncio.run(story())


def test_a_tree_of_no_agent_is_empty_and_one_of_an_unknown_agent_is_not_found(
    log_url: str,
) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            assert await tree(worker, "childless") == AgentsPage([], None)
            with pytest.raises(NotFound):
                await tree(worker, "childless", root="nobody")

    asyncio.run(story())


# Lineage


def test_lineage_is_whom_an_agent_comes_from_and_who_comes_from_it_directly(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "lineage")
            found = {
                one: await lineage(worker, "lineage", one)
                for one in (family.root, family.child, family.grandchild)
            }
            assert {
                one: (ids(each.ancestors), each.itself.shown.agent_id, ids(each.children))
                for one, each in found.items()
            } == {
                family.root: ([], family.root, [family.child, family.sibling]),
                family.child: ([family.root], family.child, [family.grandchild]),
                family.grandchild: ([family.root, family.child], family.grandchild, []),
            }

    asyncio.run(story())


def test_whoever_was_ended_is_in_lineage_and_tree_as_before(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "ended")
            before = ids((await tree(worker, "ended")).agents)
            await do(worker, "ended", a_turn(RevokeAgent, family.child, tenant=family.tenant))
            found = await lineage(worker, "ended", family.grandchild)
            assert ids(found.ancestors) == [family.root, family.child]
            assert found.ancestors[1].shown.agent.status == "REVOKED"
            assert ids((await tree(worker, "ended")).agents) == before

    asyncio.run(story())
