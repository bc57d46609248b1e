"""The followers of webhooks, running on a real log beside whoever writes it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg

from application.following import follow, follow_clock
from application.guarded_fetch import How
from application.webhooks.deliveries import Deliveries
from application.webhooks.sender import Sender
from application.webhooks.signing import secret_text
from domain import topics
from domain.entity import Participated
from domain.events import Event
from domain.instants import Instant
from domain.topics import Telling
from domain.webhook import DisableWebhook
from tests.application.running import HASHES, Worker, as_owner, now
from tests.builders import an_id

HERE: How = {"loopback": True}


TELLINGS: dict[type[Event], Telling] = {
    **topics.TELLINGS,
    # In place of a job's: one member of each tenant is told of every participation.
    Participated: Telling(
        "job.accepted",
        lambda entry, job: {"entry": entry.id},
        lambda entry, job: (f"a member of {entry.tenant}",),
    ),
}


def a_sender(
    worker: Worker,
    *,
    how: How = HERE,
    clock: Callable[[], Instant] = now,
) -> Sender:
    """A sender that reaches this machine, and loses no time by chance."""

    async def disable(webhook_id: str) -> None:
        await worker.do(DisableWebhook(id=an_id(), webhook_id=webhook_id))

    return Sender(HASHES, disable, clock, how, tellings=TELLINGS, chance=lambda: 0.0)


@asynccontextmanager
async def telling(
    url: str, worker: Worker, *, senders: int = 1, **settings: Any
) -> AsyncIterator[None]:
    """Deliveries are written, and sent, until the end of the block."""
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(follow(url, Deliveries(TELLINGS))) for _ in range(senders)
    ]
    tasks += [
        asyncio.create_task(follow_clock(url, a_sender(worker, **settings))) for _ in range(senders)
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError | psycopg.OperationalError), ended


def secret_of(webhook_id: str, generation: int = 1) -> str:
    """The secret that its owner was shown."""
    return secret_text(HASHES.webhook_secret(webhook_id, generation))


def deliveries_of(url: str, webhook_id: str) -> list[tuple[str, str, int]]:
    """Topic, status and attempts of all that a webhook is told, in order."""
    return as_owner(
        url,
        "select topic, status, attempts from webhook_delivery where webhook_id = %s"
        " order by position",
        webhook_id,
    )


def attempts_of(url: str, webhook_id: str) -> list[tuple[int | None, str | None]]:
    """Status and error of every attempt, in order."""
    return as_owner(
        url,
        "select status, error from webhook_attempt where webhook_id = %s order by at, number",
        webhook_id,
    )
