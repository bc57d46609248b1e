"""A line to PostgreSQL: whole round trips, and never a hang when it is cut."""

import asyncio
import gc
import socket
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from application.log.line import Call, Line, Lost
from tests.interfaces.serving import eventually

T = TypeVar("T")
STATEMENTS = {
    "one": b"select 1",
    "echo": b"select $1::text",
    "nothing": b"select 1 where false",
    "pair": b"select 'first', 'second'",
    "divide": b"select 1 / $1::integer",
    "wait": b"select pg_advisory_xact_lock(1)",
    "note": b"insert into noted values ($1)",
    "noted": b"select count(*) from noted",
    "begin": b"begin",
    "commit": b"commit",
}
SESSIONS = "select from pg_stat_activity where application_name = %s"
HANGS_SECONDS = 30.0
"""After so long without an end a story is taken to hang."""


@pytest.fixture(scope="module")
def noted_url(database_url: str) -> str:
    """A database with a table to note things in."""
    with psycopg.connect(database_url) as connection:
        connection.execute("create table noted (what text)")
    return database_url


def on_a_line(
    url: str,
    story: Callable[[Line], Awaitable[T]],
    *,
    options: str = "",
    seconds: float = HANGS_SECONDS,
) -> T:
    """What a story on a new line comes to."""

    async def run() -> T:
        line = await Line.open(url, options, STATEMENTS, seconds)
        try:
            return await story(line)
        finally:
            await line.close()

    return asyncio.run(run())


def trip(url: str, *calls: Call) -> list[bytes | None]:
    return on_a_line(url, lambda line: line.trip(*calls))


@contextmanager
def nobody_gets_the_lock(url: str) -> Iterator[None]:
    """Let ``wait`` wait until the end of the block."""
    with psycopg.connect(url) as connection:
        connection.execute("select pg_advisory_xact_lock(1)")
        yield


# Trips


def test_a_trip_gives_the_first_value_of_each_statement_in_order(noted_url: str) -> None:
    assert trip(noted_url, ("one", ()), ("echo", ("ä 株",)), ("nothing", ()), ("pair", ())) == [
        b"1",
        "ä 株".encode(),
        None,
        b"first",
    ]


def test_a_line_makes_one_trip_after_the_other(noted_url: str) -> None:
    async def story(line: Line) -> list[bytes | None]:
        return [value for number in "123" for value in await line.trip(("echo", (number,)))]

    assert on_a_line(noted_url, story) == [b"1", b"2", b"3"]


@pytest.mark.parametrize("length", [0, 1, 10_000, 3_000_000])
def test_values_of_any_length_go_there_and_come_back(noted_url: str, length: int) -> None:
    text = "x" * length

    assert trip(noted_url, ("echo", (text,)), ("one", ())) == [text.encode(), b"1"]


# Sending ahead


def test_what_was_sent_runs_before_anybody_waits_for_it(noted_url: str) -> None:
    def is_taken() -> bool:
        with psycopg.connect(noted_url) as connection:
            (free,) = connection.execute("select pg_try_advisory_xact_lock(1)").fetchone() or ()
            return not free

    async def story(line: Line) -> None:
        await line.send(("wait", ()))
        eventually(is_taken)

    on_a_line(noted_url, story)


@pytest.mark.parametrize("length", [1, 3_000_000])
def test_what_was_sent_is_brought_by_the_next_trip_first(noted_url: str, length: int) -> None:
    async def story(line: Line) -> list[bytes | None]:
        await line.send(("echo", ("a" * length,)), ("echo", ("b",)))
        await line.send(("echo", ("c",)))
        return await line.trip(("echo", ("d",)))

    assert on_a_line(noted_url, story) == [b"a" * length, b"b", b"c", b"d"]


def test_a_failure_of_what_was_sent_is_raised_by_the_next_trip(noted_url: str) -> None:
    async def story(line: Line) -> list[bytes | None]:
        await line.send(("divide", ("0",)))
        with pytest.raises(errors.DivisionByZero):
            await line.trip(("one", ()))
        return await line.trip(("one", ()))

    assert on_a_line(noted_url, story) == [b"1"]


def test_what_is_sent_on_a_line_that_was_closed_is_lost(noted_url: str) -> None:
    async def story(line: Line) -> None:
        await line.close()
        with pytest.raises(Lost):
            await line.send(("one", ()))

    on_a_line(noted_url, story)


# Failures


def test_a_failure_is_raised_as_what_it_is(noted_url: str) -> None:
    with pytest.raises(errors.DivisionByZero):
        trip(noted_url, ("one", ()), ("divide", ("0",)))


def test_what_comes_after_a_failure_does_not_happen(noted_url: str) -> None:
    calls: list[Call] = [("begin", ()), ("divide", ("0",)), ("note", ("never",)), ("commit", ())]

    with pytest.raises(errors.DivisionByZero):
        trip(noted_url, *calls)

    assert trip(noted_url, ("noted", ())) == [b"0"]


def test_a_line_that_told_a_failure_makes_further_trips(noted_url: str) -> None:
    async def story(line: Line) -> list[bytes | None]:
        with pytest.raises(errors.DivisionByZero):
            await line.trip(("divide", ("0",)), ("one", ()))
        return await line.trip(("one", ()), ("divide", ("1",)))

    assert on_a_line(noted_url, story) == [b"1", b"1"]


def test_a_statement_that_was_never_prepared_is_a_failure(noted_url: str) -> None:
    with pytest.raises(errors.InvalidSqlStatementName):
        trip(noted_url, ("unknown", ()))


def test_a_protocol_that_we_violate_is_our_failure_and_loses_nothing(noted_url: str) -> None:
    async def story(line: Line) -> list[bytes | None]:
        with pytest.raises(errors.ProtocolViolation):
            await line.trip(("one", ("a parameter too many",)))
        return await line.trip(("one", ()))

    assert on_a_line(noted_url, story) == [b"1"]


def test_a_statement_that_cannot_be_prepared_is_told_when_the_line_is_opened(
    noted_url: str,
) -> None:
    async def story() -> None:
        with pytest.raises(errors.SyntaxError):
            await Line.open(noted_url, "", {"wrong": b"selec 1"})

    asyncio.run(story())
    gc.collect()  # A connection that was left open is told of now.


# Leaving


def test_a_trip_that_is_cancelled_does_not_wait_for_its_answer(noted_url: str) -> None:
    async def story(line: Line) -> None:
        waiting = asyncio.create_task(line.trip(("wait", ())))
        await asyncio.sleep(0.05)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, HANGS_SECONDS)

    with nobody_gets_the_lock(noted_url):
        on_a_line(noted_url, story)


def test_others_go_on_while_a_trip_waits(noted_url: str) -> None:
    async def story(line: Line) -> None:
        with nobody_gets_the_lock(noted_url):
            waiting = asyncio.create_task(line.trip(("wait", ())))
            for _ in range(10):
                await asyncio.sleep(0.01)
            assert not waiting.done()
        await waiting

    on_a_line(noted_url, story)


def test_a_line_that_was_closed_is_lost(noted_url: str) -> None:
    async def story(line: Line) -> None:
        await line.close()
        assert line.closed
        with pytest.raises(Lost):
            await line.trip(("one", ()))

    on_a_line(noted_url, story)


def test_a_database_that_takes_no_connection_is_lost(noted_url: str) -> None:
    with pytest.raises(Lost):
        asyncio.run(Line.open(make_conninfo(noted_url, port="1"), "", {}))


# Hanging


def test_a_trip_that_is_not_answered_in_time_is_lost(noted_url: str) -> None:
    async def story(line: Line) -> None:
        with pytest.raises(Lost, match=r"no answer within 0\.2 seconds"):
            await line.trip(("wait", ()))

    with nobody_gets_the_lock(noted_url):
        on_a_line(noted_url, story, seconds=0.2)


def test_a_trip_is_not_cut_short_by_the_time_that_one_before_it_took(noted_url: str) -> None:
    async def story(line: Line) -> float:
        await line.trip(("one", ()))
        await asyncio.sleep(0.6)
        began = asyncio.get_running_loop().time()
        with pytest.raises(Lost):
            await line.trip(("wait", ()))
        return asyncio.get_running_loop().time() - began

    with nobody_gets_the_lock(noted_url):
        assert on_a_line(noted_url, story, seconds=1) > 0.9


def test_a_statement_that_the_database_ends_in_time_is_lost(noted_url: str) -> None:
    async def story(line: Line) -> None:
        with pytest.raises(Lost, match="statement timeout"):
            await line.trip(("wait", ()))

    with nobody_gets_the_lock(noted_url):
        on_a_line(noted_url, story, options="-c statement_timeout=50ms")


def test_a_transaction_that_the_database_ends_for_its_silence_is_lost(noted_url: str) -> None:
    options = "-c idle_in_transaction_session_timeout=50ms -c application_name=silent"

    async def story(line: Line) -> None:
        await line.trip(("begin", ()))
        with psycopg.connect(noted_url, autocommit=True) as connection:
            eventually(lambda: not connection.execute(SESSIONS, ["silent"]).rowcount)
        with pytest.raises(Lost):
            await line.trip(("commit", ()))

    on_a_line(noted_url, story, options=options)


# Cut


class Between:
    """Stands between a client and PostgreSQL, and hangs up after so many bytes of an answer."""

    def __init__(self, folder: Path, server: dict[str, str]) -> None:
        self._folder, self._server = folder, server
        self._left: int | None = None
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        return make_conninfo("", **{**self._server, "host": str(self._folder), "port": "5432"})

    def hang_up_after(self, number: int) -> None:
        """Let so many more bytes come back from the server."""
        self._left = number

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{self._server['host']}/.s.PGSQL.{self._server['port']}")
            for one, other, back in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._carry, args=(one, other, back), daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket, back: bool) -> None:
        with suppress(OSError):
            while carried := one.recv(65_536):
                if back and self._left is not None:
                    carried, self._left = carried[: self._left], self._left - len(carried)
                other.sendall(carried)
                if back and self._left is not None and self._left <= 0:
                    break
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        one.close()


@pytest.fixture
def between(noted_url: str) -> Iterator[Between]:
    server = {name: str(value) for name, value in conninfo_to_dict(noted_url).items()}
    if not server.get("host", "").startswith("/"):
        pytest.skip("the server has no socket to stand in front of")
    with tempfile.TemporaryDirectory(prefix="cut-") as folder:
        between = Between(Path(folder), server)
        yield between
        between.close()


@pytest.mark.parametrize("number", [0, 1, 4, 5, 6, 11, 20, 27, 33, 60, 100, 150, 200, 1_000])
def test_a_line_that_is_cut_within_an_answer_is_told_and_does_not_hang(
    between: Between, number: int
) -> None:
    outcome: list[object] = []

    async def story() -> None:
        line = await Line.open(between.url, "", STATEMENTS)
        await line.trip(("one", ()))
        between.hang_up_after(number)
        try:
            outcome.append(await line.trip(("one", ()), ("echo", ("x" * 2_000,)), ("one", ())))
        except Lost as error:
            outcome.append(error)
        await line.close()

    runner = threading.Thread(target=asyncio.run, args=(story(),), daemon=True)
    runner.start()
    runner.join(HANGS_SECONDS)

    assert not runner.is_alive(), "it hangs"
    assert isinstance(outcome[0], Lost)
