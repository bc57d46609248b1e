"""Deliveries: what each webhook is to be told, written as the log tells of it.

It keeps which webhooks there are as of the entry that it reads, so nobody is told of what happened
before they asked, however late it is read: one delivery for an entry and a webhook, never two.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from application.following import Connection
from application.sql import named_queries
from domain.events import Entry, Event, decode, stored_names
from domain.job import CATEGORY, JOB
from domain.listing import capability_of
from domain.reputation import NEW
from domain.topics import TELLINGS, Telling
from domain.webhook import Added, Deleted, Disabled, Pinged, Replayed, document_name
from domain.work import bid_key

QUERIES = named_queries(Path(__file__).with_suffix(".sql"))
CANDIDATES_AT_MOST = 20
"""How many agents are told of a job that they could take, those of the best reputation."""

OWN: tuple[type[Event], ...] = (Added, Deleted, Disabled, Pinged, Replayed)
"""What changes which webhooks there are, or what they are to be told."""


class Deliveries:
    """The follower that writes deliveries. ``tellings`` say what is told, by event."""

    name = "webhook deliveries"
    gather_seconds = 0.25

    def __init__(self, tellings: Mapping[type[Event], Telling] = TELLINGS) -> None:
        self._tellings = tellings
        self._types = stored_names({*OWN, *tellings})

    async def step(self, connection: Connection, after: int, limit: int) -> int:
        """Read on, and write what is due because of that."""
        found = await connection.execute(
            QUERIES["read"],
            {"after": after, "limit": limit, "types": self._types, "own": stored_names(OWN)},
        )
        rows = await found.fetchall()
        for position, entry in rows:
            if entry is not None:
                await self._take(connection, position, decode(entry))
        if len(rows) > 1:
            await connection.execute(QUERIES["tell"])
        return int(rows[-1][0])

    async def _take(self, connection: Connection, position: int, entry: Entry) -> None:
        webhook_id, at = entry.aggregate_id, entry.recorded_at
        match entry.data:
            case Added(topics=topics) as added:
                await connection.execute(
                    QUERIES["add"],
                    {
                        "webhook_id": webhook_id,
                        "tenant": entry.tenant,
                        "listener": added.listener,
                        "topics": list(topics),
                    },
                )
            case Disabled():
                await connection.execute(QUERIES["remove"], {"webhook_id": webhook_id})
                await connection.execute(QUERIES["give_up"], {"webhook_id": webhook_id})
            case Deleted():
                await connection.execute(QUERIES["remove"], {"webhook_id": webhook_id})
                await connection.execute(
                    QUERIES["forget"],
                    {"webhook_id": webhook_id, "document": document_name(webhook_id)},
                )
            case Replayed(delivery_id=delivery_id):
                await connection.execute(QUERIES["turn"], {"webhook_id": webhook_id, "at": at})
                await connection.execute(
                    QUERIES["replay"],
                    {"webhook_id": webhook_id, "delivery_id": delivery_id, "at": at},
                )
            case Pinged():
                await self._owe(connection, position, entry, [webhook_id])
            case _:
                told = await self._told(connection, entry)
                await self._owe(connection, position, entry, told)

    async def _told(self, connection: Connection, entry: Entry) -> list[str]:
        """The webhooks under which an entry is told."""
        telling = self._tellings[type(entry.data)]
        found = await connection.execute(
            QUERIES["job"], {"number": entry.aggregate_id if entry.category == CATEGORY else None}
        )
        job = next((JOB.decode(row) for (row,) in await found.fetchall()), None)
        asked = {"tenant": entry.tenant, "topic": telling.topic}
        listeners = list(telling.listeners(entry, job))
        told = await connection.execute(QUERIES["told"], {**asked, "listeners": listeners})
        webhook_ids = [one for (one,) in await told.fetchall()]
        if telling.to_supervisors:
            told = await connection.execute(QUERIES["supervisors"], asked)
            webhook_ids += [one for (one,) in await told.fetchall()]
        if telling.to_candidates and job is not None and job.status == "OPEN":
            told = await connection.execute(
                QUERIES["candidates"],
                {
                    **asked,
                    "offered": capability_of(job.tenant, job.capability),
                    "currency": job.budget.currency,
                    "millionths": job.budget.millionths,
                    "bids": bid_key(job.number, ""),
                    "middle": NEW.score,
                    "limit": CANDIDATES_AT_MOST,
                },
            )
            webhook_ids += [one for (one,) in await told.fetchall()]
        return webhook_ids

    async def _owe(
        self, connection: Connection, position: int, entry: Entry, webhook_ids: Sequence[str]
    ) -> None:
        await connection.execute(
            QUERIES["owe"],
            {
                "webhook_ids": list(webhook_ids),
                "topic": self._tellings[type(entry.data)].topic,
                "entry_id": entry.id,
                "position": position,
                "at": entry.recorded_at,
            },
        )
