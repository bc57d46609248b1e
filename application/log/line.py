"""A line to PostgreSQL that is spoken to in whole round trips.

All statements of a trip are sent together and their results are awaited once. On a busy event loop
every wait lets dozens of requests go first, so a batch that waited once a statement would spend
most of its life waiting, with the log's lock in its hand.
"""

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from contextvars import Context
from typing import Self

import psycopg
from psycopg import errors, pq

from application.log.arrays import Binary

Call = tuple[str, Sequence[str | bytes]]
"""A prepared statement's name and its parameters, as PostgreSQL reads them in text form, or in
binary where they are ``Binary``.
"""

_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)


class Line:
    """One connection with its statements prepared. Not shared: one trip at a time."""

    def __init__(self, connection: psycopg.AsyncConnection) -> None:
        self._connection, self._libpq = connection, connection.pgconn

    @classmethod
    async def open(cls, url: str, options: str, statements: Mapping[str, bytes]) -> Self:
        """Connect and prepare. Raises psycopg.OperationalError."""
        connection = await psycopg.AsyncConnection.connect(
            url, options=options, connect_timeout=5, autocommit=True
        )
        line = cls(connection)
        try:
            for name, statement in statements.items():
                line._libpq.send_prepare(name.encode(), statement)
                await line._results(1)
        except BaseException:
            await connection.close()
            raise
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
                [isinstance(value, Binary) for value in parameters],
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
        loop, socket, ready = asyncio.get_running_loop(), self._libpq.socket, Ready()
        if writable:
            loop.add_writer(socket, ready.resume)
        else:
            loop.add_reader(socket, ready.resume)
        try:
            await ready
        finally:
            if writable:
                loop.remove_writer(socket)
            else:
                loop.remove_reader(socket)


class Ready:
    """A future that resumes its one waiter at once, where asyncio's own would queue it.

    Behind whatever the loop has to do first, dozens of requests, the log's lock would be held for
    nothing. (``_asyncio_future_blocking`` is how asyncio knows a future that is not its own.)
    """

    def __init__(self) -> None:
        self._asyncio_future_blocking = False
        self._loop = asyncio.get_running_loop()
        self._done = self._cancelled = False
        self._waiter: tuple[Callable[..., object], Context | None] | None = None

    def resume(self) -> None:
        """Run the waiter now."""
        self._done = True
        if self._waiter is not None:
            (waiter, context), self._waiter = self._waiter, None
            if context is None:
                waiter(self)
            else:
                context.run(waiter, self)

    def __await__(self) -> Generator["Ready", None, None]:
        if not self._done:
            self._asyncio_future_blocking = True
            yield self

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """The loop it belongs to, as asyncio asks."""
        return self._loop

    def add_done_callback(
        self, waiter: Callable[..., object], *, context: Context | None = None
    ) -> None:
        """Take the waiter, as asyncio gives it."""
        self._waiter = waiter, context

    def cancel(self, msg: object = None) -> bool:
        """Resume the waiter, in whom its task then raises CancelledError."""
        del msg
        if self._done or self._cancelled:
            return False
        self._cancelled = True
        self._loop.call_soon(self.resume)
        return True

    def result(self) -> None:
        """Nothing: that it is ready is all there is to know. Raises CancelledError."""
        if self._cancelled:
            raise asyncio.CancelledError
