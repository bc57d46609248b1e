"""A line to PostgreSQL that is spoken to in whole round trips.

All statements of a trip are sent together and their results are awaited once. On a busy event loop
every wait lets dozens of requests go first, so a batch that waited once a statement would spend
most of its life waiting, with the log's lock in its hand.
"""

import asyncio
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import errors, pq

Call = tuple[str, Sequence[str | bytes]]
"""A prepared statement's name and its parameters, as PostgreSQL reads them in text form."""

_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)


class Line:
    """One connection with its statements prepared. Not shared: one trip at a time."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection, self._libpq = connection, connection.pgconn

    @classmethod
    async def open(cls, url: str, options: str, statements: Mapping[str, bytes]) -> "Line":
        """Connect and prepare. Raises psycopg.OperationalError."""
        connection = await psycopg.AsyncConnection.connect(
            url, options=options, connect_timeout=5, autocommit=True
        )
        line = cls(connection)
        for name, statement in statements.items():
            line._libpq.send_prepare(name.encode(), statement)
            await line._results(1)
        line._libpq.enter_pipeline_mode()
        return line

    @property
    def closed(self) -> bool:
        """Whether it can no longer be used."""
        return self._connection.closed

    async def close(self) -> None:
        """Hang up; what is not committed is rolled back."""
        await self._connection.close()

    async def trip(self, *calls: Call) -> list[bytes | None]:
        """Run statements in order and return the first value of each, None for no row.

        The first failure is raised, as psycopg's error for its SQLSTATE, and stops those after it;
        psycopg.OperationalError when the connection is lost, and then nobody knows how far it got.
        """
        for name, parameters in calls:
            self._libpq.send_query_prepared(
                name.encode(),
                [value.encode() if isinstance(value, str) else value for value in parameters],
            )
        self._libpq.pipeline_sync()
        return await self._results(len(calls))

    async def _results(self, expected: int) -> list[bytes | None]:
        values: list[bytes | None] = []
        failure: Exception | None = None
        while self._libpq.flush():
            await self._ready(writable=True)
        in_pipeline = self._libpq.pipeline_status != pq.PipelineStatus.OFF
        while True:
            while self._libpq.is_busy():
                await self._ready(writable=False)
                self._libpq.consume_input()
            result = self._libpq.get_result()
            if result is None:
                if not in_pipeline:
                    break
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                break
            if result.status in _FAILED:
                failure = failure or errors.error_from_result(result)
            else:
                values.append(result.get_value(0, 0) if result.ntuples else None)
        if failure is not None:
            raise failure
        assert len(values) == expected
        return values

    async def _ready(self, *, writable: bool) -> None:
        """Wait until the socket can be read, or written."""
        loop, socket = asyncio.get_running_loop(), self._libpq.socket
        ready = loop.create_future()
        watch, unwatch = (
            (loop.add_writer, loop.remove_writer)
            if writable
            else (loop.add_reader, loop.remove_reader)
        )
        watch(socket, _resolve, ready)
        try:
            await ready
        finally:
            unwatch(socket)


def _resolve(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
