"""Statements that are asked for all the time: together in one round trip, each with its answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from application.log.connections import WRITER
from application.log.frequent import AT_ONCE, Frequent
from application.log.line import Call, Line
from application.log.loading import QUERIES
from domain.refusals import Unauthenticated, Unavailable
from tests.application.running import Worker, a_worker, end_every_connection
from tests.builders import a_participation, a_principal, an_approval, an_issued_key

TWICE = b"select json_agg(2 * number::integer) from unnest(%(number)s::text[]) as asking(number)"
COUNT = b"""
select json_agg((select count(*) from log where type > asking.type))
from unnest(%(type)s::text[]) as asking(type)
"""
ANY = {"type": [""]}


class Counting(Line):
    """A line that counts its round trips."""

    trips = 0

    async def trip(self, *calls: Call) -> list[bytes | None]:
        Counting.trips += 1
        return await super().trip(*calls)


@asynccontextmanager
async def frequent(
    url: str, worker: Worker, statement: bytes = TWICE, **settings: Any
) -> AsyncIterator[Frequent]:
    """One that runs for the length of a block."""

    async def connect() -> Line:
        return await Counting.open(url, WRITER, QUERIES)

    one = Frequent(connect, statement, worker.access, **{"limit": 100, **settings})
    running = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def twice(one: Frequent, number: object) -> Sequence[Any]:
    return await one.fetch(a_principal(), TWICE, {"number": [str(number)]})


def test_what_is_asked_together_goes_in_one_trip_and_each_has_its_own_answer(log_url: str) -> None:
    async def story() -> tuple[list[Sequence[Any]], int]:
        async with a_worker(log_url) as worker, frequent(log_url, worker) as one:
            await twice(one, 0)
            before = Counting.trips
            found = await asyncio.gather(*(twice(one, number) for number in range(AT_ONCE)))
            return found, Counting.trips - before

    found, trips = asyncio.run(story())

    assert found == [[(b"[%d]" % (2 * number),)] for number in range(AT_ONCE)]
    assert trips == 1


def test_what_is_wrong_fails_alone(log_url: str) -> None:
    async def story() -> Sequence[Any]:
        async with a_worker(log_url) as worker, frequent(log_url, worker) as one:
            asked = [twice(one, number) for number in (1, "x", 3)]
            found: Sequence[Any] = await asyncio.gather(*asked, return_exceptions=True)
            return found

    first, wrong, third = asyncio.run(story())

    assert (first, third) == ([(b"[2]",)], [(b"[6]",)])
    assert isinstance(wrong, psycopg.errors.InvalidTextRepresentation)


def test_no_more_wait_than_may(log_url: str) -> None:
    async def story() -> Sequence[Any]:
        async with a_worker(log_url) as worker, frequent(log_url, worker, limit=2) as one:
            asked = [asyncio.create_task(twice(one, number)) for number in range(3)]
            found: Sequence[Any] = await asyncio.gather(*asked, return_exceptions=True)
            return found

    *found, refused = asyncio.run(story())

    assert found == [[(b"[0]",)], [(b"[2]",)]]
    assert isinstance(refused, Unavailable)


def test_an_answer_that_is_missing_fails_alone(log_url: str) -> None:
    odd = b"""
    select json_agg(number)
    from unnest(%(number)s::text[]) as asking(number) where number > '0'
    """

    async def story() -> tuple[object, Sequence[Any]]:
        async with a_worker(log_url) as worker, frequent(log_url, worker, odd) as one:
            asked = [one.fetch(a_principal(), odd, {"number": [number]}) for number in ("0", "1")]
            wrong, right = await asyncio.gather(*asked, return_exceptions=True)
            return wrong, right  # type: ignore[return-value]

    wrong, right = asyncio.run(story())

    assert isinstance(wrong, Exception)
    assert right == [(b'["1"]',)]


def test_whoever_stops_waiting_disturbs_nobody(log_url: str) -> None:
    async def story() -> Sequence[Any]:
        async with a_worker(log_url) as worker, frequent(log_url, worker) as one:
            gone, stays = (asyncio.create_task(twice(one, number)) for number in (1, 2))
            await asyncio.sleep(0)
            gone.cancel()
            return await stays

    assert asyncio.run(story()) == [(b"[4]",)]


def test_it_goes_on_after_its_connection_was_ended(log_url: str) -> None:
    async def story() -> Sequence[Any]:
        async with a_worker(log_url) as worker, frequent(log_url, worker) as one:
            await twice(one, 1)
            end_every_connection(log_url)
            return await twice(one, 2)

    assert asyncio.run(story()) == [(b"[4]",)]


def test_what_was_written_before_is_seen(log_url: str) -> None:
    async def story() -> list[tuple[int, int]]:
        seen = []
        async with a_worker(log_url) as worker, frequent(log_url, worker, COUNT) as one:
            for _ in range(5):
                written = await worker.do(a_participation(), a_principal("seen"))
                ((count,),) = await one.fetch(a_principal("seen"), COUNT, ANY)
                seen.append((written.position, int(count.strip(b"[]"))))
        return seen

    assert all(position == count for position, count in asyncio.run(story()))


def test_a_position_that_is_not_reached_in_time_is_unavailable(log_url: str) -> None:
    async def story() -> None:
        settings = {"position_patience_seconds": 0.1}
        async with a_worker(log_url) as worker, frequent(log_url, worker, COUNT, **settings) as one:
            with pytest.raises(Unavailable, match="has not reached position 1000000"):
                await one.fetch(a_principal(), COUNT, ANY, min_position=1_000_000)

    asyncio.run(story())


def test_whoever_s_key_opens_nothing_any_more_is_told_nothing(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker, frequent(log_url, worker, COUNT) as one:
            await worker.do(an_approval("frequent"))
            stranger = a_principal("frequent", key=an_issued_key("nobody's"))
            with pytest.raises(Unauthenticated):
                await one.fetch(stranger, COUNT, ANY)

    asyncio.run(story())


def test_a_connection_that_cannot_be_made_is_unavailable(log_url: str) -> None:
    async def story() -> None:
        async def deaf() -> Line:
            return await Line.open(f"{log_url} port=1", WRITER, QUERIES)

        async with a_worker(log_url) as worker:
            one = Frequent(deaf, COUNT, worker.access, limit=1)
            running = asyncio.create_task(one.run())
            with pytest.raises(Unavailable):
                await one.fetch(a_principal(), COUNT, ANY)
            running.cancel()

    asyncio.run(story())
