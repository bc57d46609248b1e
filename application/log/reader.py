"""The reader: questions that arrive together are answered from one query.

It sees everything that was acknowledged before the question was asked, in any process, because
all that an answer depends on is folded in the transaction that appends.
"""

import psycopg

from application.log.batch import Batch
from application.log.gathering import Gathering
from application.log.loading import QUERIES, Head
from domain.known import Key, Known


class Reader(Gathering):
    """Decides questions on one snapshot, without the log's lock. One a process."""

    async def _load(
        self, connection: psycopg.AsyncConnection, keys: set[Key]
    ) -> tuple[Head, Known]:
        cursor = await connection.execute(
            QUERIES["load"], self._loading.parameters(keys), prepare=True
        )
        (document,) = await cursor.fetchone() or ("",)
        return self._loading.read(document, keys)

    async def _finish(self, connection: psycopg.AsyncConnection, batch: Batch) -> None:
        assert not batch.entries, "a question changed something"

    async def _was_written(self, connection: psycopg.AsyncConnection, batch: Batch) -> bool:
        return False
