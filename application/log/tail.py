"""The tail of the log: whoever follows it is woken when something is written.

One connection a process listens for all who follow, and only once somebody does.
"""

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

import psycopg

from application.log.connections import options
from application.sql import named_queries

QUERIES = named_queries(Path(__file__).with_name("tail.sql"))
LOOK_AGAIN_SECONDS = 0.5
"""How long a follower sleeps at most: not every word arrives, and a credential may have died."""

REST_SECONDS = 0.05
"""How long a writer's many words are one."""

READING_AT_ONCE = 2
"""Followers that read at a time, so that lists find a connection however many follow."""

Connection = psycopg.AsyncConnection[psycopg.rows.TupleRow]
logger = logging.getLogger("tenure.tail")


class Tail:
    """Wakes all who wait for news of the log. ``reading`` is held while one of them reads on."""

    def __init__(self) -> None:
        self.reading = asyncio.Semaphore(READING_AT_ONCE)
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()

    def next_word(self) -> asyncio.Event:
        """What is set by the next word, for whoever takes it before they read."""
        self._wanted.set()
        return self._news

    async def heard(self, word: asyncio.Event) -> None:
        """Wait for a word, or for a while."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                await word.wait()

    async def run(self, url: str) -> None:
        """Listen once somebody waits, until cancelled."""
        await self._wanted.wait()
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    url, options=options("tenure_reader"), autocommit=True
                ) as connection:
                    await self._listen(connection)
            except psycopg.OperationalError as error:
                logger.warning("the log's tail lost the database: %s", error)
                await asyncio.sleep(LOOK_AGAIN_SECONDS)

    async def _listen(self, connection: Connection) -> None:
        await connection.execute(QUERIES["listen"])
        while True:
            async for _ in connection.notifies(stop_after=1):
                self._news.set()
                self._news = asyncio.Event()
            await asyncio.sleep(REST_SECONDS)
