"""Lists: single statements on behalf of one tenant, as the role that sees nothing else."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from application.access import Access
from application.log.gathering import PATIENCE_SECONDS
from application.log.line import ANSWER_SECONDS
from application.sql import named_queries
from domain.principal import Principal
from domain.refusals import Unavailable

QUERIES = named_queries(Path(__file__).with_name("lists.sql"))
POSITION_PATIENCE_SECONDS = 2.0


class Lists:
    """Statements of a principal, who is identified again when authority has moved."""

    def __init__(
        self,
        pool: AsyncConnectionPool,
        access: Access,
        position_patience_seconds: float = POSITION_PATIENCE_SECONDS,
    ) -> None:
        self._pool, self._access = pool, access
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
                async with asyncio.timeout(ANSWER_SECONDS):
                    authority, position, found = await self._run(principal, statement, parameters)
            except (psycopg.OperationalError, PoolTimeout, TimeoutError) as error:
                # The pool still holds the connections that died with a restarted database.
                if monotonic() > started + PATIENCE_SECONDS:
                    raise Unavailable(reason="the database does not answer") from error
                await asyncio.sleep(0.1)
                continue
            await self._access.confirm(principal, authority)
            if position >= min_position:
                return found
            if monotonic() > started + self._position_patience_seconds:
                raise Unavailable(reason=f"the log has not reached position {min_position}")
            await asyncio.sleep(0.02)

    async def _run(
        self, principal: Principal, statement: bytes, parameters: Mapping[str, Any]
    ) -> tuple[int, int, Sequence[Any]]:
        async with self._pool.connection() as connection, connection.pipeline():
            before = await connection.execute(
                QUERIES["begin"], {"tenant": principal.tenant}, prepare=True
            )
            rows = await connection.execute(statement, parameters, prepare=True)
            _, authority, position = await before.fetchone() or ("", 0, 0)
            return authority, position, await rows.fetchall()
