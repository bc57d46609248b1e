"""16 writers and 2 tailers: every position is seen once, in order."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import ApplicationRecorder, StoredEvent
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment
from psycopg.conninfo import conninfo_to_dict

from application.log.recorder import Log
from tests.faults.load import Load
from tests.faults.tailing import Tailer, faults_of
from tests.interfaces.serving import Served

pytestmark = pytest.mark.faults

WRITERS = 16
INSERT = """
    select * from es_insert_events_uuid(
        array[(gen_random_uuid(), 1, 'topic', 'state')]::stored_event_uuid[]
    )
"""


def test_16_writers_and_2_tailers_every_position_is_seen_once_and_in_order(
    server: Served, api_key: str, log_url: str
) -> None:
    with Log(log_url) as log, ExitStack() as stack:
        tailers = [stack.enter_context(Tailer(log.recorder)) for _ in range(2)]
        with Load(server.url, api_key, clients=WRITERS) as load:
            load.goes_on(200)
        with psycopg.connect(log_url) as connection:
            rows = connection.execute("select position from log order by position").fetchall()
        stored = [position for (position,) in rows]
        for tailer in tailers:
            tailer.has_reached(stored[-1])

    assert stored == list(range(1, len(stored) + 1))
    for tailer in tailers:
        assert faults_of(tailer.seen, stored) == []


def test_a_tailer_that_comes_late_and_one_that_comes_back_miss_nothing(
    server: Served, api_key: str, log_url: str
) -> None:
    with Log(log_url) as log, Load(server.url, api_key, clients=WRITERS) as load:
        with Tailer(log.recorder) as first:
            load.goes_on(100)
        with Tailer(log.recorder, after=first.seen[-1]) as second:
            load.goes_on(100)
            load.finish()
            head = log.recorder.max_notification_id()
            assert head is not None
            second.has_reached(head)

    assert faults_of(first.seen + second.seen, list(range(1, head + 1))) == []


# Controls


def test_a_tailer_who_misses_repeats_or_goes_back_is_caught() -> None:
    assert faults_of([1, 2, 3], [1, 2, 3]) == []
    assert faults_of([1, 2, 4], [1, 2, 3, 4]) == [3]
    assert faults_of([1, 2, 2, 3], [1, 2, 3]) == [2]
    assert faults_of([1, 3, 2], [1, 2, 3]) == [2]
    assert faults_of([1, 2, 3], [1, 2]) == [3]


def test_the_stock_library_s_database_functions_which_take_no_lock_are_caught(
    empty_database_url: str,
) -> None:
    with (
        a_stock_log(empty_database_url, database_functions="y") as recorder,
        Tailer(recorder) as tailer,
        psycopg.connect(empty_database_url) as slow,
    ):
        (overtaken,) = slow.execute(INSERT).fetchone() or ()
        overtaking = inserted(recorder)
        tailer.has_reached(overtaking)
        slow.commit()
        last = inserted(recorder)
        tailer.has_reached(last)

    assert faults_of(tailer.seen, [overtaken, overtaking, last]) == [overtaken]


def test_the_stock_library_with_its_lock_is_not(empty_database_url: str) -> None:
    with a_stock_log(empty_database_url, database_functions="n") as recorder:
        assert a_round_of_stock_writing(recorder) == []


def inserted(recorder: ApplicationRecorder) -> int:
    """The position of one more event."""
    (position,) = recorder.insert_events([StoredEvent(uuid4(), 1, "topic", b"state")]) or ()
    return position


@contextmanager
def a_stock_log(url: str, *, database_functions: str) -> Iterator[ApplicationRecorder]:
    """The library's own log, written through its database functions or not."""
    given = conninfo_to_dict(url)
    names = {"DBNAME": "dbname", "HOST": "host", "PORT": "port", "USER": "user"}
    environment = {
        f"POSTGRES_{name}": str(given[word]) for name, word in names.items() if word in given
    }
    environment |= {
        "POSTGRES_PASSWORD": str(given.get("password", "")),
        "POSTGRES_ENABLE_DB_FUNCTIONS": database_functions,
        "POSTGRES_POOL_SIZE": str(WRITERS),
        "POSTGRES_MAX_OVERFLOW": "8",
    }
    factory = PostgresFactory(Environment("stock", environment))
    try:
        yield factory.application_recorder()
    finally:
        factory.close()


def a_round_of_stock_writing(recorder: ApplicationRecorder) -> list[int]:
    """Let 16 writers write for a second; the faults of two tailers."""
    before = recorder.max_notification_id() or 0
    stopping = threading.Event()
    stored: list[int] = []

    def write() -> None:
        # Transactions of different lengths: a long one is overtaken by short ones.
        for number in count():
            if stopping.is_set():
                return
            stream = uuid4()
            events = [
                StoredEvent(stream, version, "topic", b"state")
                for version in range(1, 2 + 50 * (number % 2))
            ]
            stored.extend(recorder.insert_events(events) or ())

    with Tailer(recorder, before) as first, Tailer(recorder, before) as second:
        writers = [threading.Thread(target=write) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(1)
        stopping.set()
        for writer in writers:
            writer.join()
        for tailer in (first, second):
            tailer.has_reached(max(stored))
    return faults_of(first.seen, stored) + faults_of(second.seen, stored)
