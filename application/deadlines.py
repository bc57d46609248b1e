"""Deadlines: jobs whose time is over are expired, by one process, whoever posted them and wherever.

What is due is in the rows of the jobs, so no restart loses any, and the command decides on its own
time, so one that comes twice or too early changes nothing.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from application.following import LOOK_AGAIN_SECONDS, Connection
from application.sql import named_queries
from domain.instants import Instant
from domain.refusals import Refusal

QUERIES = named_queries(Path(__file__).with_suffix(".sql"))
AT_ONCE = 100
"""How many are expired together."""

logger = logging.getLogger("tenure.deadlines")


class Deadlines:
    """The follower of the clock that expires jobs. ``expire`` does it, by tenant and number."""

    name = "job deadlines"

    def __init__(
        self, expire: Callable[[str, int], Awaitable[object]], clock: Callable[[], Instant]
    ) -> None:
        self._expire, self._clock = expire, clock

    async def run(self, connection: Connection) -> None:
        """Expire what is due, until cancelled."""
        while True:
            found = await connection.execute(
                QUERIES["due"], {"now": self._clock(), "limit": AT_ONCE}
            )
            due = await found.fetchall()
            expired = await asyncio.gather(*(self._try(*job) for job in due))
            if len(due) < AT_ONCE or not all(expired):
                await asyncio.sleep(await self._idle_seconds(connection))

    async def _try(self, tenant: str, number: str) -> bool:
        try:
            await self._expire(tenant, int(number))
        except Refusal as refusal:
            logger.warning("job %s was not expired and will be tried again: %s", number, refusal)
            return False
        return True

    async def _idle_seconds(self, connection: Connection) -> float:
        """How long nothing becomes due; of what was found due and still is, a while."""
        now = self._clock()
        found = await connection.execute(QUERIES["next"], {"now": now})
        ((seconds,),) = await found.fetchall()
        return LOOK_AGAIN_SECONDS if seconds is None else min(float(seconds), LOOK_AGAIN_SECONDS)
