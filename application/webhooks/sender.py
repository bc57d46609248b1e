"""The sender: sends what is due to webhooks, many at once, one at a time to each.

What it did is noted after it was done, so whoever is killed in between sends again: a reader gets
what it is told at least once, each time under the same id.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import datetime
from pathlib import Path
from random import random
from time import monotonic, perf_counter
from typing import NamedTuple

import msgspec

from application.following import LOOK_AGAIN_SECONDS, Connection, told
from application.guarded_fetch import FetchFailed, How, post, read_page
from application.hashes import Hashes
from application.sql import named_queries
from application.webhooks.backoff import next_try
from application.webhooks.signing import signed_headers
from domain.events import Entry, Event, decode
from domain.instants import Instant
from domain.job import JOB, Job
from domain.refusals import InvalidUrl, Refusal
from domain.topics import TELLINGS, Telling
from domain.webhook import WEBHOOK, Webhook

QUERIES = named_queries(Path(__file__).with_suffix(".sql"))
AT_ONCE = 32
"""How many are sent to at once."""

GONE = 410
COUNT_EVERY_SECONDS = 5.0

logger = logging.getLogger("tenure.webhooks")
_encode = msgspec.json.Encoder().encode


class Due(NamedTuple):
    """Something to send, and to whom."""

    webhook_id: str
    webhook: Webhook
    url: str
    delivery_id: str
    topic: str
    entry: Entry
    job: Job | None
    tries: int
    begun_at: datetime


class Attempt(NamedTuple):
    """How it went: the status that was answered, or why there was none."""

    at: Instant
    milliseconds: int
    status: int | None
    error: str | None

    @property
    def outcome(self) -> str:
        """What is counted: `delivered`, `refused` by the reader, or `failed` before it answered."""
        if self.status is None:
            return "failed"
        return "delivered" if 200 <= self.status < 300 else "refused"


class Sender:
    """The follower of the clock that sends.

    ``tellings`` say what a reader is told, by event; ``disable`` says that a webhook is gone;
    ``how`` is how strangers are asked. ``observe`` is shown each attempt; ``count`` now and then
    how many are due, and for how many seconds the oldest has been.
    """

    name = "webhook sender"

    def __init__(
        self,
        hashes: Hashes,
        disable: Callable[[str], Awaitable[object]],
        clock: Callable[[], Instant],
        how: How,
        *,
        tellings: Mapping[type[Event], Telling] = TELLINGS,
        observe: Callable[[Attempt], object] = lambda _: None,
        count: Callable[[int, float], object] = lambda *_: None,
        chance: Callable[[], float] = random,
    ) -> None:
        self._hashes, self._disable, self._clock, self._tellings = hashes, disable, clock, tellings
        self._how, self._observe, self._count, self._chance = how, observe, count, chance
        self._counted_at = 0.0

    async def run(self, connection: Connection) -> None:
        """Send what is due, until cancelled."""
        await connection.execute(QUERIES["listen"])
        sending: dict[asyncio.Task[Attempt], Due] = {}
        try:
            while True:
                for task in [task for task in sending if task.done()]:
                    await self._note(connection, sending.pop(task), await task)
                busy = [due.webhook_id for due in sending.values()]
                for due in await self._due(connection, busy):
                    sending[asyncio.create_task(self._send(due))] = due
                    busy.append(due.webhook_id)
                await self._count_due(connection)
                seconds = await self._idle_seconds(connection, busy)
                await _either(told(connection, seconds), sending)
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def _due(self, connection: Connection, busy: Collection[str]) -> list[Due]:
        """As many as there is room for, of webhooks that are not busy."""
        if len(busy) >= AT_ONCE:
            return []
        found = await connection.execute(
            QUERIES["due"],
            {"now": self._clock(), "busy": list(busy), "limit": AT_ONCE - len(busy)},
        )
        return [
            Due(
                webhook_id,
                WEBHOOK.decode(webhook),
                url,
                delivery_id,
                topic,
                decode(entry),
                None if job is None else JOB.decode(job),
                tries,
                begun_at,
            )
            for webhook_id, webhook, url, delivery_id, topic, entry, job, tries, begun_at in (
                await found.fetchall()
            )
        ]

    async def _idle_seconds(self, connection: Connection, busy: Collection[str]) -> float:
        """How long there is nothing to begin."""
        if len(busy) >= AT_ONCE:
            return LOOK_AGAIN_SECONDS
        found = await connection.execute(
            QUERIES["next"], {"now": self._clock(), "busy": list(busy)}
        )
        ((seconds,),) = await found.fetchall()
        return LOOK_AGAIN_SECONDS if seconds is None else min(float(seconds), LOOK_AGAIN_SECONDS)

    async def _count_due(self, connection: Connection) -> None:
        """Show how many are due, now and then."""
        if monotonic() < self._counted_at + COUNT_EVERY_SECONDS:
            return
        self._counted_at = monotonic()
        found = await connection.execute(QUERIES["count"], {"now": self._clock()})
        ((due, oldest_seconds),) = await found.fetchall()
        self._count(due, float(oldest_seconds))

    async def _send(self, due: Due) -> Attempt:
        at, started = self._clock(), perf_counter()
        status, error = None, None
        try:
            status = await self._post(due, at)
            if status == GONE:
                await self._disable(due.webhook_id)
        except (FetchFailed, InvalidUrl) as failure:
            error = str(failure)
        except Refusal as refusal:
            # It is asked again, and will say so again.
            logger.warning("webhook %s was not disabled: %s", due.webhook_id, refusal)
        except Exception:
            # A defect that one delivery meets is not to hold up the others.
            logger.exception("webhook %s cannot be sent %s", due.webhook_id, due.delivery_id)
            error = "something went wrong on our side"
        return Attempt(at, round(1000 * (perf_counter() - started)), status, error)

    async def _post(self, due: Due, at: Instant) -> int:
        origin, path = read_page(due.url, loopback=self._how.get("loopback", False))
        data = self._tellings[type(due.entry.data)].words(due.entry, due.job)
        body = _encode({"type": due.topic, "timestamp": due.entry.recorded_at, "data": data})
        secrets = [
            self._hashes.webhook_secret(due.webhook_id, generation)
            for generation in due.webhook.generations(at)
        ]
        timestamp = int(datetime.fromisoformat(at).timestamp())
        headers = signed_headers(secrets, due.delivery_id, timestamp, body)
        headers["content-type"] = "application/json"
        return await post(origin, path, headers, body, **self._how)

    async def _note(self, connection: Connection, due: Due, attempt: Attempt) -> None:
        """Keep how an attempt went, and when the next is."""
        delivered, now = attempt.outcome == "delivered", self._clock()
        due_at = None
        if not delivered and attempt.status != GONE:
            tried_at = datetime.fromisoformat(now)
            due_at = next_try(due.begun_at, due.tries + 1, tried_at, self._chance())
        async with connection.transaction():
            await connection.execute(QUERIES["lock"], {"webhook_id": due.webhook_id})
            await connection.execute(
                QUERIES["note"],
                {
                    "webhook_id": due.webhook_id,
                    "delivery_id": due.delivery_id,
                    "begun_at": due.begun_at,
                    "due_at": due_at,
                    "settled": "DELIVERED" if delivered else "GIVEN_UP",
                    **attempt._asdict(),
                },
            )
            await connection.execute(QUERIES["turn"], {"webhook_id": due.webhook_id, "now": now})
        self._observe(attempt)


async def _either(first: Awaitable[None], others: Collection["asyncio.Task[Attempt]"]) -> None:
    """Wait for one thing, or for any of others, and leave the one thing then."""
    task = asyncio.ensure_future(first)
    try:
        await asyncio.wait([task, *others], return_when=asyncio.FIRST_COMPLETED)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
