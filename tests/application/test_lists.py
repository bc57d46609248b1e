"""Lists: statements on behalf of one tenant, which sees nothing else."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from application.log.connections import options, pool
from application.log.lists import Lists
from domain.refusals import Unavailable
from tests.application.running import a_worker, as_owner, end_every_connection
from tests.builders import a_participation, a_principal

TENANTS = b"select distinct tenant from log order by tenant"


def test_a_statement_sees_the_log_of_its_tenant_alone(log_url: str) -> None:
    async def story() -> list[Sequence[Any]]:
        async with a_worker(log_url) as worker:
            for partner in ("acme", "bolt"):
                await worker.do(a_participation(partner), a_principal(partner))
            return [
                await worker.lists.fetch(a_principal(partner), TENANTS, {})
                for partner in ("acme", "bolt", "acme", "nobody")
            ]

    assert asyncio.run(story()) == [
        [("sandbox/acme",)],
        [("sandbox/bolt",)],
        [("sandbox/acme",)],
        [],
    ]


def test_statements_at_once_do_not_see_each_others_tenants(log_url: str) -> None:
    async def story() -> list[Sequence[Any]]:
        async with a_worker(log_url) as worker:
            for partner in ("acme", "bolt"):
                await worker.do(a_participation(partner), a_principal(partner))
            return await asyncio.gather(
                *(
                    worker.lists.fetch(a_principal(("acme", "bolt")[number % 2]), TENANTS, {})
                    for number in range(20)
                )
            )

    assert asyncio.run(story()) == [[("sandbox/acme",)], [("sandbox/bolt",)]] * 10


def test_a_statement_waits_until_the_log_reaches_the_position_it_must_see(log_url: str) -> None:
    async def story() -> Sequence[Any]:
        async with a_worker(log_url) as worker, pool(log_url, "tenure_reader") as connections:
            lists = Lists(connections, worker.access, position_patience_seconds=60)
            written = await worker.do(a_participation(), a_principal("waits"))
            fetch = asyncio.create_task(
                lists.fetch(
                    a_principal("waits"),
                    b"select count(*) from log",
                    {},
                    min_position=written.position + 1,
                )
            )
            await asyncio.sleep(0.1)
            assert not fetch.done()
            await worker.do(a_participation(), a_principal("waits"))
            return await fetch

    assert asyncio.run(story()) == [(2,)]


def test_a_position_that_is_not_reached_in_time_is_unavailable(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker, pool(log_url, "tenure_reader") as connections:
            lists = Lists(connections, worker.access, position_patience_seconds=0.1)
            with pytest.raises(Unavailable, match="has not reached position 1000000"):
                await lists.fetch(a_principal(), TENANTS, {}, min_position=1_000_000)

    asyncio.run(story())


def test_a_database_that_does_not_answer_is_unavailable(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            deaf = AsyncConnectionPool(
                log_url + " port=1",
                kwargs={"options": options("tenure_reader")},
                min_size=0,
                max_size=1,
                timeout=0.2,
                open=False,
            )
            async with deaf:
                with pytest.raises(Unavailable):
                    await Lists(deaf, worker.access).fetch(a_principal(), TENANTS, {})

    asyncio.run(story())


def test_lists_go_on_after_their_connections_were_ended(log_url: str) -> None:
    async def story() -> Sequence[Any]:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation(), a_principal("acme"))
            await worker.lists.fetch(a_principal("acme"), TENANTS, {})
            end_every_connection(log_url)
            await asyncio.sleep(0.05)
            for _ in range(20):
                try:
                    return await worker.lists.fetch(a_principal("acme"), TENANTS, {})
                except Unavailable:
                    await asyncio.sleep(0.1)
            raise AssertionError("they never came back")

    assert asyncio.run(story()) == [("sandbox/acme",)]


def test_a_list_connection_cannot_write(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await worker.lists.fetch(
                    a_principal("acme"), b"insert into authority values (99999)", {}
                )

    asyncio.run(story())

    assert as_owner(log_url, "select * from authority where position = 99999") == []
