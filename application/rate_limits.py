"""Rate limits: how much somebody may ask, by the name under which they are counted.

Requests are counted if the operator wants it, and an agent's where it, or one that it comes from,
has a limit: they count for all of these. A worker counts in its own memory and once a second
adds its counts to a table that all share. In between it does not know what the others take, so more
than the quota may pass in a window: at most what one second brings to the other workers, and never
more than the quota once for each worker.

Guesses and registrations have an allowance an hour, always, in each worker by itself.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, IPv6Network
from math import ceil
from pathlib import Path
from time import time

import msgspec
import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from application.sql import named_queries
from domain.refusals import RateLimited, Refusal

QUERIES = named_queries(Path(__file__).with_name("rate_limits.sql"))
ADD_EVERY_SECONDS = 1.0
GUESSES_AN_HOUR = 20
MINUTE_SECONDS = 60
HOUR_SECONDS = 3600
logger = logging.getLogger("tenure.limits")


class Budget(msgspec.Struct, frozen=True):
    """What somebody may still ask of a quota in the present window, this request counted; -1 when
    it is one too many.
    """

    quota: int
    remaining: int
    resets_in_seconds: int


class RateLimits:
    """So many requests a window of time, for everybody by the name under which they are counted.

    ``policy`` is what replies call it.
    """

    def __init__(self, policy: str, seconds: int, clock: Callable[[], float] = time) -> None:
        self._policy, self._seconds, self._clock = policy, seconds, clock
        self._begin(0)

    def _begin(self, starts_at: int) -> None:
        self._starts_at = starts_at
        self._here: dict[str, int] = {}
        self._added: dict[str, int] = {}
        self._elsewhere: dict[str, int] = {}

    def take(self, *quotas: tuple[str, int]) -> Budget:
        """Count one more request under each of some names, if there is room for it in the quotas of
        all; what is left of the tightest.
        """
        now = self._clock()
        if now >= self._starts_at + self._seconds:
            self._begin(int(now) // self._seconds * self._seconds)
        here, elsewhere = self._here, self._elsewhere
        remaining, quota = min(
            (quota - here.get(who, 0) - elsewhere.get(who, 0) - 1, quota) for who, quota in quotas
        )
        if remaining >= 0:
            for who, _ in quotas:
                here[who] = here.get(who, 0) + 1
        return Budget(quota, max(remaining, -1), ceil(self._starts_at + self._seconds - now))

    def headers(self, budget: Budget) -> list[tuple[bytes, bytes]]:
        """What a reply says of a budget (draft-ietf-httpapi-ratelimit-headers-10)."""
        policy = f'"{self._policy}";q={budget.quota};w={self._seconds}'
        left = f'"{self._policy}";r={max(budget.remaining, 0)};t={budget.resets_in_seconds}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]

    async def run(self, pool: AsyncConnectionPool) -> None:
        """Add up with the other workers until cancelled."""
        while True:
            await asyncio.sleep(ADD_EVERY_SECONDS)
            try:
                await self.add_up(pool)
            except (psycopg.Error, PoolTimeout) as error:
                logger.warning("rate limits hold in each worker alone for now: %s", error)

    async def add_up(self, pool: AsyncConnectionPool) -> None:
        """Add what was counted here since the last time, and learn what was elsewhere."""
        starts_at, here = self._starts_at, dict(self._here)
        if not here or self._clock() >= starts_at + self._seconds:
            return
        # In one order everywhere, so that no two workers wait for each other's rows.
        new = sorted(who for who, count in here.items() if count > self._added.get(who, 0))
        taken = [here[who] - self._added.get(who, 0) for who in new]
        async with pool.connection() as connection, connection.transaction():
            if new:
                await connection.execute(
                    QUERIES["add"], {"starts_at": starts_at, "who": new, "taken": taken}
                )
            rows = await connection.execute(
                QUERIES["taken"], {"starts_at": starts_at, "who": list(here)}
            )
            totals: dict[str, int] = dict(await rows.fetchall())
        if starts_at == self._starts_at:
            self._added = here
            self._elsewhere = {one: total - here[one] for one, total in totals.items()}


class Allowance:
    """So many an hour of one thing, by who does it, in this worker; forgotten on the hour."""

    def __init__(self, an_hour: int, clock: Callable[[], float] = time) -> None:
        self._an_hour, self._clock = an_hour, clock
        self._hour, self._taken = 0, Counter[str]()

    def take(self, who: str) -> None:
        """Count one. Raises RateLimited when it would be one too many."""
        now = self._clock()
        hour = int(now // HOUR_SECONDS)
        if hour != self._hour:
            self._hour, self._taken = hour, Counter()
        if self._taken[who] >= self._an_hour:
            raise RateLimited(seconds=ceil(HOUR_SECONDS - now % HOUR_SECONDS))
        self._taken[who] += 1

    @contextmanager
    def counted(self, who: str, wrong: type[Refusal]) -> Iterator[None]:
        """Count the block when it raises ``wrong``. Raises RateLimited after too many.

        It counts from the start, so that many at once are no way around, and is given back.
        """
        self.take(who)
        taken = self._taken
        try:
            yield
        except wrong:
            taken[who] += 1
            raise
        finally:
            taken[who] -= 1


def counted_as(client: tuple[str, int] | None) -> str:
    """The name under which a client's address is counted.

    IPv6 is given out by the /64, so whoever has one address has them all: they count as one. An
    address that stands for one of IPv4 counts as that.
    """
    host = "" if client is None else client[0]
    if ":" not in host:
        return host
    return str(IPv6Address(host).ipv4_mapped or IPv6Network((host, 64), strict=False))
