"""The log in the hands of the eventsourcing library: read, followed, and not written."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import pytest
from eventsourcing.persistence import ProgrammingError, Subscription
from eventsourcing.postgres import PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from application.log.recorder import EntryMapper, Log, LogRecorder
from application.log.submission import Submission
from domain.entity import Erased
from domain.events import UnknownEventType
from tests.application.running import a_worker, as_owner, head_of, log_of, replies
from tests.builders import a_participation, an_approval, an_entry

SECONDS = 30.0


def written(url: str, number: int, person: str = "alice") -> list[int]:
    """The positions of so many new events."""

    async def story() -> list[int]:
        async with a_worker(url) as worker:
            events = (Submission(a_participation(person)) for _ in range(number))
            return [reply.position for reply in replies(await worker.together(*events))]

    return asyncio.run(story())


def next_of(subscription: Subscription[Any], number: int) -> list[int]:
    """The next positions of a subscription, or a TimeoutError when they do not come."""
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(lambda: [one.id for one in islice(subscription, number)])
        try:
            return found.result(SECONDS)
        finally:
            if not found.done():
                subscription.stop()


# Reading


def test_the_whole_log_is_read_in_order(log_url: str) -> None:
    written(log_url, 7)

    with Log(log_url) as log:
        assert list(log.entries()) == log_of(log_url)


def test_a_part_of_the_log_begins_after_a_position_and_ends_at_another(log_url: str) -> None:
    first, *_, last = written(log_url, 6)

    with Log(log_url) as log:
        found = [position for position, _ in log.entries(after=first, until=last - 1)]

    assert found == list(range(first + 1, last))


@pytest.mark.parametrize("slice_size", [1, 2, 3, 100])
def test_slices_leave_nothing_out_and_repeat_nothing(log_url: str, slice_size: int) -> None:
    first = written(log_url, 6)[0]
    whole = log_of(log_url, first - 1)

    with Log(log_url) as log:
        notified = log.recorder.select_notifications(first, slice_size)

    assert [one.id for one in notified] == [position for position, _ in whole[:slice_size]]


def test_a_stream_is_read_in_order_and_nothing_else_is(log_url: str) -> None:
    written(log_url, 3, "of a stream")
    stream = log_of(log_url)[-1][1].stream
    written(log_url, 2, "of another stream")

    with Log(log_url) as log:
        entries = list(log.stream(stream))

    assert [entry.version for entry in entries] == [1, 2, 3]
    assert {entry.stream for entry in entries} == {stream}


def test_the_newest_position_is_known(log_url: str) -> None:
    written(log_url, 1)

    with Log(log_url) as log:
        assert log.recorder.max_notification_id() == head_of(log_url)


# Following


def test_a_subscription_sees_what_was_and_what_comes_each_once_in_order(log_url: str) -> None:
    old = written(log_url, 3)

    with Log(log_url) as log, log.follow(old[0] - 1) as subscription:
        seen = next_of(subscription, 3)
        later = threading.Timer(0.3, written, [log_url, 4])
        later.start()
        seen += next_of(subscription, 4)
        later.join()

    assert seen == list(range(old[0], old[0] + 7))


def test_a_subscription_from_the_beginning_sees_the_whole_log(log_url: str) -> None:
    written(log_url, 2)
    head = head_of(log_url)

    with Log(log_url) as log, log.follow() as subscription:
        assert next_of(subscription, head) == list(range(1, head + 1))


def test_a_subscription_hears_every_batch_while_it_is_busy(log_url: str) -> None:
    before = head_of(log_url)

    with Log(log_url) as log, log.follow(before) as subscription:
        writer = threading.Thread(
            target=lambda: [written(log_url, size) for size in (1, 5, 2, 8, 1, 3)]
        )
        writer.start()
        seen = next_of(subscription, 20)
        writer.join()

    assert seen == list(range(before + 1, before + 21))


class SlowToListen(PostgresDatastore):
    """A datastore whose listeners get their connection late, as on a busy machine."""

    may_listen = threading.Event()

    def get_connection(self) -> Any:
        if "(_listen)" in threading.current_thread().name:
            self.may_listen.wait(SECONDS)
        return super().get_connection()


class SeenToRead(LogRecorder):
    """A recorder that tells when it has been read from."""

    was_read = threading.Event()

    def select_notifications(self, *arguments: Any, **settings: Any) -> Any:
        found = super().select_notifications(*arguments, **settings)
        self.was_read.set()
        return found


@pytest.fixture
def slow_to_listen(log_url: str) -> Iterator[LogRecorder]:
    given: dict[str, Any] = dict(conninfo_to_dict(log_url))
    datastore = SlowToListen(
        dbname=given["dbname"],
        host=given["host"],
        port=given["port"],
        user=given["user"],
        password=given.get("password", ""),
        pool_size=1,
        max_overflow=3,
        originator_id_type="text",
    )
    with datastore:
        yield SeenToRead(datastore)


def test_an_entry_that_comes_before_the_subscription_listens_is_not_left_waiting(
    log_url: str, slow_to_listen: SeenToRead
) -> None:
    before = head_of(log_url)

    with slow_to_listen.subscribe(before) as subscription:
        slow_to_listen.was_read.wait(SECONDS)
        (position,) = written(log_url, 1)
        SlowToListen.may_listen.set()
        assert next_of(subscription, 1) == [position]


# Not writing


def test_the_recorder_does_not_write(log_url: str) -> None:
    stored = EntryMapper().to_stored_event(an_entry(Erased(), version=99))
    before = head_of(log_url)

    with Log(log_url) as log, pytest.raises(ProgrammingError, match="committer alone"):
        log.recorder.insert_events([stored])

    assert head_of(log_url) == before


def test_making_the_librarys_tables_makes_none(log_url: str) -> None:
    def tables() -> list[tuple[Any, ...]]:
        return as_owner(log_url, "select relname, relkind from pg_class order by relname")

    before = tables()

    with Log(log_url) as log:
        log.recorder.create_table()

    assert tables() == before


# Mapping


def test_an_entry_is_mapped_to_what_the_library_stores_and_back(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("mapped", name="Ünïcödé 株式会社"))

    before = head_of(log_url)
    asyncio.run(story())
    mapper = EntryMapper()

    with Log(log_url) as log:
        notified = log.recorder.select_notifications(before + 1, 10)

    for one in notified:
        entry = mapper.to_domain_event(one)
        again = mapper.to_stored_event(entry)
        assert (one.originator_id, one.originator_version) == (entry.stream, entry.version)
        assert (again.topic, again.state) == (one.topic, one.state)


def test_a_type_of_a_newer_release_is_not_mapped() -> None:
    stored = EntryMapper().to_stored_event(an_entry(Erased()))
    newer = type(stored)(
        stored.originator_id,
        stored.originator_version,
        stored.topic,
        stored.state.replace(b"erased.v1", b"erased.v9"),
    )

    with pytest.raises(UnknownEventType):
        EntryMapper().to_domain_event(newer)
