"""A PostgreSQL that hangs and closes no socket: its callers are told, and nothing happens twice."""

import asyncio
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from application.log.connections import options
from application.log.lists import Lists
from domain.refusals import Unavailable
from tests.application.running import a_worker
from tests.builders import a_principal
from tests.faults.audit import positions_have_no_hole, rows_equal_a_fold_over_the_log
from tests.interfaces.serving import Served, eventually
from tests.stories.client import Client, a_key, an_event, connected, is_replay, refusal
from tests.stories.document import Document, told
from tests.stories.waiting import holding_the_lock

pytestmark = pytest.mark.faults

BACKEND = b"select pg_backend_pid()"
GIVEN_UP = "no answer within"
AT_THE_LOCK = """
    select pid from pg_locks
    where locktype = 'advisory' and granted = %s
        and (classid::bigint << 32 | objid::bigint) = hashtext('tenure log')
        and database = (select oid from pg_database where datname = current_database())
"""


@pytest.fixture(scope="module")
def partner(server: Served) -> Iterator[Client]:
    """A partner with the patience to wait for a server that waits for its database."""
    document = Document(httpx.get(f"{server.url}/openapi.json", timeout=10).json())
    with connected(server.url, document) as http:
        yield Client(http, server.first_key)


@pytest.fixture(autouse=True)
def all_is_well_afterwards(log_url: str) -> Iterator[None]:
    yield
    positions_have_no_hole(log_url)
    rows_equal_a_fold_over_the_log(log_url)


def at_the_lock(url: str, *, granted: bool) -> list[int]:
    """Process ids of the backends that hold the log's lock, or wait for it."""
    with psycopg.connect(url) as connection:
        return [pid for (pid,) in connection.execute(AT_THE_LOCK, [granted]).fetchall()]


def test_a_backend_that_is_stopped_with_the_lock_in_its_hand_ends_in_503_and_nothing_doubles(
    partner: Client, log_url: str
) -> None:
    event, key = an_event(), a_key()
    with ThreadPoolExecutor(1) as pool:
        with holding_the_lock(log_url) as lock:
            reply = pool.submit(partner.post, "/v1/events", event, key=key)
            lock.until_somebody_waits()
            (backend,) = at_the_lock(log_url, granted=False)
            os.kill(backend, signal.SIGSTOP)
        try:
            assert refusal(reply.result()) == (503, "UNAVAILABLE")
            assert at_the_lock(log_url, granted=True) == [backend]
            # Whoever was given up does not stay in the queue before those who come.
            eventually(lambda: not at_the_lock(log_url, granted=False))
        finally:
            os.kill(backend, signal.SIGCONT)

    answered = partner.post("/v1/events", event, key=key)

    assert (answered.status_code, is_replay(answered)) == (201, False), told(answered)
    assert len(partner.events(userExternalId=event["userExternalId"])) == 1


@contextmanager
def commits_that_hang(url: str) -> Iterator[None]:
    """Have every COMMIT wait for a standby that is not there, until the block ends."""
    set_for_all(url, b"alter system set synchronous_standby_names = 'nobody'", "nobody")
    try:
        yield
    finally:
        set_for_all(url, b"alter system reset synchronous_standby_names", "")


def set_for_all(url: str, statement: bytes, expected: str) -> None:
    def now() -> str:
        with psycopg.connect(url) as connection:
            (value,) = connection.execute("show synchronous_standby_names").fetchone() or ("",)
            return str(value)

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
        connection.execute("select pg_reload_conf()")
    eventually(lambda: now() == expected)


def test_what_is_committed_after_its_caller_was_told_503_is_there_once(
    partner: Client, log_url: str
) -> None:
    event, key = an_event(), a_key()
    with commits_that_hang(log_url):
        assert refusal(partner.post("/v1/events", event, key=key)) == (503, "UNAVAILABLE")

    answered = partner.post("/v1/events", event, key=key)

    assert (answered.status_code, is_replay(answered)) == (201, True), told(answered)
    assert len(partner.events(userExternalId=event["userExternalId"])) == 1


def test_a_commit_that_hangs_longer_than_a_trip_and_shorter_than_patience_is_answered(
    partner: Client, server: Served, log_url: str
) -> None:
    event, given_up = an_event(), server.messages().count(GIVEN_UP)
    with ThreadPoolExecutor(1) as pool:
        with commits_that_hang(log_url):
            reply = pool.submit(partner.post, "/v1/events", event, key=a_key())
            eventually(lambda: server.messages().count(GIVEN_UP) > given_up)
        answered = reply.result()

    assert (answered.status_code, is_replay(answered)) == (201, False), told(answered)
    assert len(partner.events(userExternalId=event["userExternalId"])) == 1


def test_a_list_whose_backend_is_stopped_is_unavailable_and_its_connection_given_up(
    log_url: str,
) -> None:
    async def story() -> tuple[int, int]:
        one = {"options": options("tenure_reader")}
        async with (
            a_worker(log_url) as worker,
            AsyncConnectionPool(log_url, kwargs=one, min_size=1, max_size=1, open=False) as pool,
        ):
            lists = Lists(pool, worker.access)
            ((stopped,),) = await lists.fetch(a_principal(), BACKEND, {})
            os.kill(stopped, signal.SIGSTOP)
            try:
                with pytest.raises(Unavailable):
                    await lists.fetch(a_principal(), BACKEND, {})
                ((next_one,),) = await lists.fetch(a_principal(), BACKEND, {})
            finally:
                os.kill(stopped, signal.SIGCONT)
            return stopped, next_one

    stopped, next_one = asyncio.run(story())

    assert stopped != next_one
