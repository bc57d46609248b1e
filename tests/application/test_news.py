"""News: whoever waits for a tenant's log to grow is woken when it does, and nobody else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from application.log.connections import pool
from application.log.tail import Tail
from application.news import News
from tests.application.running import Worker, a_worker, end_every_connection, head_of
from tests.builders import TENANT, a_participation, a_principal

FOR_EVER = 60.0
"""Longer than any test has."""

NEVER = 0.3
"""Long enough for whatever should not happen to have happened, most times."""


@asynccontextmanager
async def telling(
    url: str, types: str = "entity.", draining: asyncio.Event | None = None
) -> AsyncIterator[tuple[News, Worker]]:
    async with pool(url, "tenure_writer") as connections, a_worker(url) as worker:
        tail = Tail()
        news = News(tail, connections, types, draining or asyncio.Event())
        running = [asyncio.create_task(loop) for loop in (tail.run(url), news.run())]
        try:
            yield news, worker
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def happens(worker: Worker, tenant: str = TENANT) -> None:
    principal = msgspec.structs.replace(a_principal(), tenant=tenant)
    await worker.do(a_participation(tenant=tenant), principal)


def test_whoever_waits_is_woken_by_what_is_written(log_url: str) -> None:
    async def story() -> None:
        async with telling(log_url) as (news, worker):
            before = head_of(log_url)
            waiting = asyncio.create_task(news.wait(TENANT, before, FOR_EVER))
            await asyncio.sleep(0)

            await happens(worker)

            await waiting

    asyncio.run(story())


def test_what_was_written_before_anybody_waited_is_not_waited_for(log_url: str) -> None:
    async def story() -> None:
        async with telling(log_url) as (news, worker):
            before = head_of(log_url)
            await happens(worker)

            await news.wait(TENANT, before, FOR_EVER)

    asyncio.run(story())


def test_others_tenants_and_other_entries_wake_nobody(log_url: str) -> None:
    async def story() -> None:
        async with telling(log_url) as (news, worker):
            await happens(worker)
            after = head_of(log_url)
            theirs = asyncio.create_task(news.wait("sandbox/others", after, FOR_EVER))
            ours = asyncio.create_task(news.wait(TENANT, after, FOR_EVER))

            await happens(worker, "sandbox/others")

            await theirs
            assert not (await asyncio.wait([ours], timeout=NEVER))[0]
            ours.cancel()
        async with telling(log_url, "job.") as (news, worker):
            ours = asyncio.create_task(news.wait(TENANT, head_of(log_url), FOR_EVER))
            await happens(worker)
            assert not (await asyncio.wait([ours], timeout=NEVER))[0]
            ours.cancel()

    asyncio.run(story())


def test_whoever_waits_is_let_go_in_time_and_when_it_is_over(log_url: str) -> None:
    async def story() -> None:
        draining = asyncio.Event()
        async with telling(log_url, draining=draining) as (news, _):
            head = head_of(log_url)
            await news.wait(TENANT, head, 0.01)
            waiting = asyncio.create_task(news.wait(TENANT, head, FOR_EVER))
            await asyncio.sleep(0)

            draining.set()

            await waiting
            await news.wait(TENANT, head, FOR_EVER)

    asyncio.run(story())


def test_it_goes_on_when_the_database_went_away(log_url: str) -> None:
    async def story() -> None:
        async with telling(log_url) as (news, worker):
            await happens(worker)
            end_every_connection(log_url)
            waiting = asyncio.create_task(news.wait(TENANT, head_of(log_url), FOR_EVER))
            await asyncio.sleep(0)

            while not waiting.done():
                await happens(worker)
                await asyncio.sleep(0.1)

    asyncio.run(story())
