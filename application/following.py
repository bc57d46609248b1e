"""Following: work that tails the log, or the clock, behind those who write, one leader at a time.

A follower makes a step in one transaction: what it makes of the next entries, and how far it has
read. A crash leaves both or neither, so nothing is missed and nothing is done twice. Any number of
processes may run a follower; an advisory lock lets one of them lead, and another take over.

A follower of the clock has no place in the log: what is due says so itself, until it is done.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import psycopg

from application.log.connections import options
from application.sql import named_queries

QUERIES = named_queries(Path(__file__).with_suffix(".sql"))
SLICE = 1_000
LOOK_AGAIN_SECONDS = 1.0
"""How long a follower waits to be notified before it looks all the same."""

Connection = psycopg.AsyncConnection[psycopg.rows.TupleRow]
T = TypeVar("T")
logger = logging.getLogger("tenure.following")


class _Over(Exception):
    """There is nothing to follow any more; what was done to find out is undone."""


class Follower(Protocol):
    """Reads on from its place, and keeps what it makes of that together with its place."""

    @property
    def name(self) -> str:
        """Under which its place is kept, for ever."""

    @property
    def gather_seconds(self) -> float:
        """How long what is written is gathered before it is read, so that a busy log is read in few
        steps: each is a commit, beside those of whoever writes.
        """

    async def step(self, connection: Connection, after: int, limit: int) -> int | None:
        """Do the next piece of work in the transaction that is open, with at most so many entries
        after a position; the position it has read to, or None when there is nothing to follow any
        more. Raises whatever an entry does that it cannot take.
        """


class ClockFollower(Protocol):
    """Does what is due, and finds anew what is left of it whenever it begins."""

    @property
    def name(self) -> str:
        """Under which one process leads it."""

    async def run(self, connection: Connection) -> None:
        """Do what is due as its time comes, until cancelled or the connection is lost."""


async def follow(url: str, follower: Follower) -> bool:
    """Lead a follower whenever nobody else does, until cancelled or there is nothing to follow.

    It stops for good at an entry that it cannot take, and its place says why: nothing is skipped.
    A process that starts later tries that entry again. Returns whether it was stopped so.
    """
    return await _whenever_leading(url, follower.name, partial(_lead, follower=follower))


async def follow_clock(url: str, follower: ClockFollower) -> None:
    """Lead a follower of the clock whenever nobody else does, until cancelled.

    A defect stops it for a while only: what is due stays so, and other things will be.
    """
    while True:
        try:
            await _whenever_leading(url, follower.name, follower.run)
        except Exception:
            logger.exception("%s failed and begins again", follower.name)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _whenever_leading(url: str, name: str, work: Callable[[Connection], Awaitable[T]]) -> T:
    """What some work comes to that one process does at a time, begun anew with each database."""
    while True:
        try:
            async with _leading(url, name) as connection:
                return await work(connection)
        except psycopg.OperationalError as error:
            logger.warning("%s lost the database: %s", name, error)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)


@asynccontextmanager
async def _leading(url: str, name: str) -> AsyncIterator[Connection]:
    """A connection of the one process that leads a follower; waits until this one does."""
    async with await psycopg.AsyncConnection.connect(
        url, options=options("tenure_writer"), autocommit=True
    ) as connection:
        while True:
            found = await connection.execute(QUERIES["lead"], {"name": name})
            ((leads,),) = await found.fetchall()
            if leads:
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        yield connection


async def _lead(connection: Connection, follower: Follower) -> bool:
    await connection.execute(QUERIES["listen"])
    limit = SLICE
    while True:
        try:
            read = await _step(connection, follower, limit)
        except psycopg.OperationalError:
            raise
        except _Over:
            return False
        except Exception as error:
            if limit > 1:
                # Up to the entry that it cannot take it goes on, one at a time.
                limit = 1
                continue
            logger.exception("%s stopped", follower.name)
            cause = f"{type(error).__name__}: {error}"
            await connection.execute(QUERIES["stop"], {"name": follower.name, "cause": cause})
            return True
        if read == 0:
            await told(connection)
        if read < limit:
            await asyncio.sleep(follower.gather_seconds)
        limit = min(2 * limit, SLICE)


async def _step(connection: Connection, follower: Follower, limit: int) -> int:
    """One transaction of a follower's; how many entries it read."""
    async with connection.transaction():
        found = await connection.execute(QUERIES["place"], {"name": follower.name})
        ((after,),) = await found.fetchall()
        position = await follower.step(connection, after, limit)
        if position is None:
            raise _Over
        await connection.execute(QUERIES["move"], {"name": follower.name, "position": position})
        return int(position - after)


async def told(connection: Connection, seconds: float = LOOK_AGAIN_SECONDS) -> None:
    """Wait until something is written, or for a while."""
    async for _ in connection.notifies(timeout=seconds, stop_after=1):
        return
