"""Lists: single statements on behalf of one tenant, as the role that sees nothing else."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from application.access import Access
from application.log.gathering import PATIENCE_SECONDS
from application.log.line import ANSWER_SECONDS, Lost
from application.sql import named_queries
from domain.principal import Principal
from domain.refusals import Unavailable

QUERIES = named_queries(Path(__file__).with_name("lists.sql"))
POSITION_PATIENCE_SECONDS = 2.0


CanRead = Callable[[int], Awaitable[None]]
"""Raises Unavailable where rows of a generation are of code that is not at hand."""


async def any_rows(generation: int) -> None:
    """For statements that read no rows of folds."""


class Told(NamedTuple):
    """What a statement found, with how the log stood."""

    authority: int
    position: int
    generation: int
    rows: Sequence[Any]


class Reads(ABC):
    """Statements of a principal, who is identified again when authority has moved.

    ``can_read`` is asked whether the rows that were found can be read.
    """

    def __init__(
        self,
        access: Access,
        position_patience_seconds: float = POSITION_PATIENCE_SECONDS,
        can_read: CanRead = any_rows,
    ) -> None:
        self._access, self._can_read = access, can_read
        self._position_patience_seconds = position_patience_seconds

    async def fetch(
        self,
        principal: Principal,
        statement: bytes,
        parameters: Mapping[str, Any],
        min_position: int = 0,
    ) -> Sequence[Any]:
        """The rows of one statement; one round trip with all that surrounds it.

        Raises Unauthenticated when the credential has died, and Unavailable when the database does
        not answer or the log does not reach ``min_position`` in time.
        """
        started = monotonic()
        while True:
            try:
                told = await self._run(principal, statement, parameters)
            except (Lost, psycopg.OperationalError, PoolTimeout, TimeoutError) as error:
                # What is held are still the connections that died with a restarted database.
                if monotonic() > started + PATIENCE_SECONDS:
                    raise Unavailable(reason="the database does not answer") from error
                await asyncio.sleep(0.1)
                continue
            await self._access.confirm(principal, told.authority)
            await self._can_read(told.generation)
            if told.position >= min_position:
                return told.rows
            if monotonic() > started + self._position_patience_seconds:
                raise Unavailable(reason=f"the log has not reached position {min_position}")
            await asyncio.sleep(0.02)

    @abstractmethod
    async def _run(
        self, principal: Principal, statement: bytes, parameters: Mapping[str, Any]
    ) -> Told:
        """What a statement finds. Raises Lost, or psycopg's own errors."""


class Lists(Reads):
    """Statements of any kind and length, each on a connection of a pool."""

    def __init__(self, pool: AsyncConnectionPool, access: Access, **settings: Any) -> None:
        super().__init__(access, **settings)
        self._pool = pool

    async def _run(
        self, principal: Principal, statement: bytes, parameters: Mapping[str, Any]
    ) -> Told:
        async with (
            asyncio.timeout(ANSWER_SECONDS),
            self._pool.connection() as connection,
            connection.pipeline(),
        ):
            before = await connection.execute(
                QUERIES["begin"], {"tenant": principal.tenant}, prepare=True
            )
            rows = await connection.execute(statement, parameters, prepare=True)
            _, authority, position, generation = await before.fetchone() or ("", 0, 0, 0)
            return Told(authority, position, generation, await rows.fetchall())
