"""News: whoever waits for something to be written is woken when it is.

One look at the log a moment finds whom of all who wait in a worker it concerns. So writing costs
nothing more, and those who wait for one tenant are not woken by another.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from application.log.tail import Tail
from application.sql import named_queries

QUERIES = named_queries(Path(__file__).with_suffix(".sql"))
SLICE = 10_000
LOOK_AGAIN_SECONDS = 1.0
"""After how long the log is looked at although nobody said that it was written."""

GATHER_SECONDS = 0.01
"""How long what is written is gathered before it is looked at."""

logger = logging.getLogger("tenure.news")


@dataclass(slots=True, eq=False)
class _Waiting:
    """Somebody who has seen a tenant's log up to a position."""

    tenant: str
    position: int
    woken: asyncio.Event


class News:
    """Wakes whoever waits for entries of some types, those whose names begin alike.

    Nobody is to wait any more once ``draining`` is set, because the server stops.
    """

    def __init__(
        self, tail: Tail, pool: AsyncConnectionPool, types: str, draining: asyncio.Event
    ) -> None:
        self._tail, self._pool, self._types, self._draining = tail, pool, types, draining
        self._waiting: set[_Waiting] = set()
        self._joined = asyncio.Event()

    async def wait(self, tenant: str, position: int, seconds: float) -> bool:
        """Whether a tenant's log has more than it had at a position: True as soon as it has, False
        after so many seconds, or when the server stops.
        """
        if self._draining.is_set():
            return False
        one = _Waiting(tenant, position, asyncio.Event())
        self._waiting.add(one)
        # It may have been written before anybody waited for it.
        self._joined.set()
        try:
            async with asyncio.timeout(seconds):
                await one.woken.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.discard(one)
        return not self._draining.is_set()

    async def run(self) -> None:
        """Look for those who wait, until cancelled; when the server stops, let them go."""
        while not self._draining.is_set():
            await _first_of(self._joined, self._draining)
            word = self._tail.next_word()
            self._joined.clear()
            if await self._look() or not self._waiting:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                    await _first_of(word, self._joined, self._draining)
            await asyncio.sleep(GATHER_SECONDS)
            self._joined.set()
        for one in self._waiting:
            one.woken.set()

    async def _look(self) -> bool:
        """Wake those whom it concerns; whether there is more to be looked at already."""
        if not self._waiting:
            return False
        after = min(one.position for one in self._waiting)
        try:
            ((seen, grown),) = await self._since(after)
        except (psycopg.OperationalError, PoolTimeout) as error:
            logger.warning("the log cannot be looked at: %s", error)
            return False
        for one in self._waiting:
            if grown.get(one.tenant, 0) > one.position:
                one.woken.set()
            one.position = max(one.position, seen)
        more = bool(seen == after + SLICE)
        if more:
            self._joined.set()
        return more

    async def _since(self, after: int) -> Sequence[tuple[int, dict[str, int]]]:
        parameters = {"after": after, "types": self._types, "slice": SLICE}
        async with self._pool.connection() as connection:
            found = await connection.execute(QUERIES["since"], parameters, prepare=True)
            return await found.fetchall()


async def _first_of(*events: asyncio.Event) -> None:
    """Wait until one of some events is set."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
