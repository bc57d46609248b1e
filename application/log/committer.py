"""The committer: a batch is a transaction.

Two round trips. The first takes the log's lock and loads what the batch asks for; the second writes
everything and commits. Whatever is acknowledged was decided on the newest state, stands at its
place in the log, has been folded, and survives a crash.
"""

from typing import Any

import msgspec
import psycopg

from application.log.batch import Batch
from application.log.gathering import Gathering
from application.log.loading import QUERIES, Head
from application.log.submission import Answer, Submission
from domain.known import Key, Known
from domain.refusals import IdempotencyInProgress, Refusal

SETTLED_KEYS_AT_MOST = 10_000
_encode = msgspec.json.Encoder().encode


class Committer(Gathering):
    """Decides commands under the log's lock and writes what they do. One a process."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._in_flight: set[str] = set()
        self._settled: dict[str, None] = {}

    def submit(self, submission: Submission) -> None:
        """Queue a command.

        Raises IdempotencyInProgress for the rival of one whose key is on its way, and Unavailable
        when the queue is full. A key that is known to be settled is replayed to all who ask.
        """
        repeat = submission.repeat
        if repeat is None:
            super().submit(submission)
            return
        if repeat.key in self._in_flight and repeat.key not in self._settled:
            raise IdempotencyInProgress
        super().submit(submission)
        self._in_flight.add(repeat.key)

    def _settle(self, submission: Submission, answer: Answer) -> None:
        if submission.repeat is not None:
            key = submission.repeat.key
            self._in_flight.discard(key)
            if not isinstance(answer, Refusal):
                self._settled[key] = None
                if len(self._settled) > SETTLED_KEYS_AT_MOST:
                    del self._settled[next(iter(self._settled))]
        super()._settle(submission, answer)

    async def _load(
        self, connection: psycopg.AsyncConnection, keys: set[Key]
    ) -> tuple[Head, Known]:
        async with connection.pipeline():
            await connection.execute(QUERIES["lock"], prepare=True)
            cursor = await connection.execute(
                QUERIES["load"], self._loading.parameters(keys), prepare=True
            )
        (document,) = await cursor.fetchone() or ("",)
        return self._loading.read(document, keys)

    async def _finish(self, connection: psycopg.AsyncConnection, batch: Batch) -> None:
        if not batch.entries:
            await connection.rollback()
            return
        dropped = batch.dropped_rows()
        async with connection.pipeline():
            await connection.execute(QUERIES["write"], batch.parameters(), prepare=True)
            if dropped:
                await connection.execute(QUERIES["drop_rows"], {"rows": _encode(dropped).decode()})
            if batch.forgotten:
                entities = _encode(batch.forgotten).decode()
                await connection.execute(QUERIES["forget"], {"entities": entities})
            await connection.commit()

    async def _was_written(self, connection: psycopg.AsyncConnection, batch: Batch) -> bool:
        """Look for the batch's first entry, under the lock, so that its own commit is over."""
        await connection.execute(QUERIES["lock"])
        cursor = await connection.execute(
            QUERIES["entry_at"], {"position": str(batch.head.position + 1)}
        )
        found = await cursor.fetchone()
        await connection.rollback()
        return found is not None and found[0] == batch.first_id
