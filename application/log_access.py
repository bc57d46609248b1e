"""Who read the log: noted once for each credential, route and minute, and stored beside the log."""

import asyncio
import logging
from pathlib import Path

import psycopg

from application.log.connections import options
from application.log.line import ANSWER_SECONDS
from application.sql import named_queries
from domain.instants import Instant
from domain.principal import Principal

QUERIES = named_queries(Path(__file__).with_name("log_access.sql"))
STORE_EVERY_SECONDS = 1.0
MINUTE = len("2026-11-22T08:00")
logger = logging.getLogger("tenure.access")

Noted = tuple[str, str, str, str, str | None]
"""A minute, a key's id, a route, a principal's id, a tenant."""


class LogAccess:
    """What was read here, until it is stored. A minute's repeats are noted once."""

    def __init__(self) -> None:
        self._minute = ""
        self._stored: set[Noted] = set()
        self._noted: set[Noted] = set()

    def note(self, principal: Principal, route: str, now: Instant) -> None:
        """Somebody reads the log by a route."""
        minute = f"{now[:MINUTE]}:00.000Z"
        if minute != self._minute:
            self._minute, self._stored = minute, set()
        noted = (minute, principal.key_id, route, principal.id, principal.tenant or None)
        if noted not in self._stored:
            self._noted.add(noted)

    async def keep(self, url: str) -> None:
        """Store what is noted, until cancelled, and then the last of it."""
        try:
            while True:
                await asyncio.sleep(STORE_EVERY_SECONDS)
                await self._store(url)
        finally:
            await self._store(url)

    async def _store(self, url: str) -> None:
        noted = self._noted
        if not noted:
            return
        self._noted = set()
        minutes, key_ids, routes, principals, tenants = zip(*noted, strict=True)
        try:
            async with (
                asyncio.timeout(ANSWER_SECONDS),
                await psycopg.AsyncConnection.connect(
                    url, options=options("tenure_writer")
                ) as connection,
            ):
                await connection.execute(
                    QUERIES["note"],
                    {
                        "minutes": list(minutes),
                        "key_ids": list(key_ids),
                        "routes": list(routes),
                        "principals": list(principals),
                        "tenants": list(tenants),
                    },
                )
        except (psycopg.Error, TimeoutError) as error:
            # Kept in mind, and stored when that is possible again.
            self._noted |= noted
            logger.warning("who read the log was not stored: %s", error)
        else:
            self._stored |= noted
