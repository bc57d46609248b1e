"""Followers: each entry once, in order, whoever leads and whatever breaks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from application.following import Connection, Follower, follow
from tests.application.running import a_worker, as_owner, end_every_connection, head_of
from tests.builders import a_participation
from tests.interfaces.serving import eventually

SEEN = """
create table if not exists seen (position bigint, who text);
grant select, insert on seen to tenure_writer
"""


class Noting:
    """Notes each position that it reads; it cannot take some."""

    gather_seconds = 0.01

    def __init__(self, name: str, who: str = "", cannot_take: int = 0) -> None:
        self.name, self._who, self._cannot_take = name, who, cannot_take

    async def step(self, connection: Connection, after: int, limit: int) -> int:
        found = await connection.execute(
            "insert into seen select position, %s from log"
            " where position > %s and position <= %s returning position",
            [f"{self.name}{self._who}", after, after + limit],
        )
        positions = [position for (position,) in await found.fetchall()]
        if self._cannot_take in positions:
            raise ValueError("of no use")
        return max(positions, default=after)


@asynccontextmanager
async def following(url: str, *followers: Follower) -> AsyncIterator[None]:
    as_owner(url, SEEN)
    tasks = [asyncio.create_task(follow(url, one)) for one in followers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def seen(url: str, name: str) -> list[int]:
    rows = as_owner(url, "select position from seen where who like %s order by 1", name + "%")
    return [position for (position,) in rows]


async def eventually_seen(url: str, name: str) -> None:
    await asyncio.to_thread(eventually, lambda: seen(url, name)[-1:] == [head_of(url)])


async def happens(url: str, times: int = 5) -> None:
    async with a_worker(url) as worker:
        for number in range(times):
            await worker.do(a_participation(f"person {number}"))


def test_every_entry_is_read_once_those_before_and_those_after(log_url: str) -> None:
    async def story() -> None:
        await happens(log_url)
        async with following(log_url, Noting("all")):
            await eventually_seen(log_url, "all")
            await happens(log_url)
            await eventually_seen(log_url, "all")

    asyncio.run(story())

    assert seen(log_url, "all") == list(range(1, head_of(log_url) + 1))


def test_of_two_who_follow_one_leads_and_the_other_takes_over(log_url: str) -> None:
    async def story() -> None:
        await happens(log_url)
        async with following(log_url, Noting("led", who=" a")):
            await eventually_seen(log_url, "led")
            async with following(log_url, Noting("led", who=" b")):
                await happens(log_url)
                await eventually_seen(log_url, "led")
                assert seen(log_url, "led b") == []
        async with following(log_url, Noting("led", who=" b")):
            await happens(log_url)
            await eventually_seen(log_url, "led")

    asyncio.run(story())

    assert seen(log_url, "led") == list(range(1, head_of(log_url) + 1))
    assert seen(log_url, "led b") != []


def test_a_lost_database_neither_repeats_nor_loses(log_url: str) -> None:
    async def story() -> None:
        async with following(log_url, Noting("lost")):
            await happens(log_url)
            await eventually_seen(log_url, "lost")
            end_every_connection(log_url)
            await happens(log_url)
            await eventually_seen(log_url, "lost")

    asyncio.run(story())

    assert seen(log_url, "lost") == list(range(1, head_of(log_url) + 1))


def test_it_stops_before_an_entry_that_it_cannot_take_and_says_why(log_url: str) -> None:
    async def story(follower: Follower) -> None:
        await happens(log_url)
        async with asyncio.timeout(20):
            await follow(log_url, follower)

    as_owner(log_url, SEEN)

    asyncio.run(story(Noting("poisoned", cannot_take=4)))

    assert seen(log_url, "poisoned") == [1, 2, 3]
    assert as_owner(log_url, "select position, cause from follower where name = 'poisoned'") == [
        (3, "ValueError: of no use")
    ]


def test_one_that_was_stopped_is_tried_again_by_a_process_that_starts_later(log_url: str) -> None:
    async def story() -> None:
        await happens(log_url)
        async with asyncio.timeout(20):
            await follow(log_url, Noting("mended", cannot_take=2))
        async with following(log_url, Noting("mended")):
            await eventually_seen(log_url, "mended")

    asyncio.run(story())

    assert seen(log_url, "mended") == list(range(1, head_of(log_url) + 1))
    assert as_owner(log_url, "select cause from follower where name = 'mended'") == [(None,)]
