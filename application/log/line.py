"""A line to PostgreSQL that is spoken to in whole round trips.

All statements of a trip are sent together and their results are awaited once. On a busy event loop
every wait lets dozens of requests go first, so a batch that waited once a statement would spend
most of its life waiting, with the log's lock in its hand.
"""

import asyncio
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import Context
from typing import Self

import psycopg
from psycopg import errors, pq

from application.log.arrays import Binary

Call = tuple[str, Sequence[str | bytes]]
"""A prepared statement's name and its parameters, as PostgreSQL reads them in text form, or in
binary where they are ``Binary``.
"""

ANSWER_SECONDS = 5
"""How long the database may be silent: one that hangs, or is cut off, closes no socket."""

# Classes of SQLSTATE, and some of their members, that say nothing about what was asked: a session
# ended for its silence, a deadlock, a lock not had in time, no resources, an operator, the system.
_GOES_AWAY = ("25P03", "40", "53", "55P03", "57", "58")
_FAILED = (pq.ExecStatus.FATAL_ERROR, pq.ExecStatus.PIPELINE_ABORTED)


class Lost(Exception):
    """The database went away or does not answer, and may come back. How far it got nobody knows."""


class Line:
    """One connection with its statements prepared. Not shared: one trip at a time.

    Once it was lost it is of no further use but to be closed.
    """

    def __init__(self, connection: psycopg.AsyncConnection, seconds: float) -> None:
        self._connection, self._libpq = connection, connection.pgconn
        self._seconds, self._deadline = seconds, 0.0
        self._prepared: set[str] = set()
        self._waiting: Ready | None = None
        self._watch: asyncio.TimerHandle | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        options: str,
        statements: Mapping[str, bytes],
        seconds: float = ANSWER_SECONDS,
    ) -> Self:
        """Connect and prepare. Raises Lost, as every trip does after so many silent seconds."""
        try:
            connection = await psycopg.AsyncConnection.connect(
                url, options=options, connect_timeout=5, autocommit=True
            )
        except psycopg.OperationalError as error:
            raise Lost(str(error)) from error
        line = cls(connection, seconds)
        connection.pgconn.enter_pipeline_mode()
        try:
            await line.prepare(statements)
        except BaseException:
            await line.close()
            raise
        return line

    async def prepare(self, statements: Mapping[str, bytes]) -> None:
        """Prepare statements, each in the place of what had its name. Raises Lost."""
        with _losses_told():
            for name, statement in statements.items():
                if name in self._prepared:
                    self._libpq.send_query_params(f'deallocate "{name}"'.encode(), None)
                self._libpq.send_prepare(name.encode(), statement)
            await self._answers()
        self._prepared.update(statements)

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
        or Lost, where the database is to blame and not what was asked.
        """
        with _losses_told():
            self._send(calls)
            return await self._answers()

    async def send(self, *calls: Call) -> None:
        """Let statements run while more is thought of. The next trip waits for them, too, and
        brings their values before its own. Raises Lost.
        """
        with _losses_told():
            self._send(calls)
            await self._flush()

    def _send(self, calls: Sequence[Call]) -> None:
        for name, parameters in calls:
            self._libpq.send_query_prepared(
                name.encode(),
                [value.encode() if isinstance(value, str) else value for value in parameters],
                [isinstance(value, Binary) for value in parameters],
            )

    async def _flush(self) -> None:
        while self._libpq.flush():
            await self._ready(writable=True)

    async def _answers(self) -> list[bytes | None]:
        self._libpq.pipeline_sync()
        await self._flush()
        values: list[bytes | None] = []
        failure: Exception | None = None
        while True:
            while self._libpq.is_busy():
                await self._ready(writable=False)
                self._libpq.consume_input()
            result = self._libpq.get_result()
            if result is None:
                continue
            if result.status == pq.ExecStatus.PIPELINE_SYNC:
                break
            if result.status in _FAILED:
                failure = failure or errors.error_from_result(result)
            else:
                values.append(result.get_value(0, 0) if result.ntuples else None)
        if failure is not None:
            raise failure
        return values

    async def _ready(self, *, writable: bool) -> None:
        """Wait until the socket can be read, or written."""
        loop, socket, ready = asyncio.get_running_loop(), self._libpq.socket, Ready()
        self._waiting, self._deadline = ready, loop.time() + self._seconds
        # One timer for many trips: each of its own would be felt in all of them.
        if self._watch is None:
            self._watch = loop.call_at(self._deadline, self._look)
        if writable:
            loop.add_writer(socket, ready.resume)
        else:
            loop.add_reader(socket, ready.resume)
        try:
            await ready
        finally:
            self._waiting = None
            if writable:
                loop.remove_writer(socket)
            else:
                loop.remove_reader(socket)

    def _look(self) -> None:
        """End a wait that has come to its deadline."""
        loop, self._watch = asyncio.get_running_loop(), None
        if self._waiting is None:
            return
        if loop.time() < self._deadline:
            self._watch = loop.call_at(self._deadline, self._look)
        else:
            self._waiting.fail(Lost(f"no answer within {self._seconds:g} seconds"))


@contextmanager
def _losses_told() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        if _is_lost(error):
            raise Lost(str(error)) from error
        raise


def _is_lost(error: psycopg.Error) -> bool:
    """Whether the same may go well another time; what libpq itself tells has no SQLSTATE."""
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(_GOES_AWAY)


class Ready:
    """A future that resumes its one waiter at once, where asyncio's own would queue it.

    Behind whatever the loop has to do first, dozens of requests, the log's lock would be held for
    nothing. (``_asyncio_future_blocking`` is how asyncio knows a future that is not its own.)
    """

    def __init__(self) -> None:
        self._asyncio_future_blocking = False
        self._loop = asyncio.get_running_loop()
        self._done = False
        self._failure: BaseException | None = None
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

    def fail(self, failure: BaseException) -> None:
        """Resume the waiter, in whom the failure is raised, unless it was cancelled before."""
        self._failure = self._failure or failure
        self.resume()

    def cancel(self, msg: object = None) -> bool:
        """Resume the waiter, in whom its task then raises CancelledError."""
        del msg
        if self._done or self._failure is not None:
            return False
        self._failure = asyncio.CancelledError()
        self._loop.call_soon(self.resume)
        return True

    def result(self) -> None:
        """Nothing: that it is ready is all there is to know. Raises what it failed with."""
        if self._failure is not None:
            raise self._failure
