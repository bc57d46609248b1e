"""Turns: whoever is due has one, in the order in which they have waited, whatever comes between."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg
import pytest

from application.log.connections import options
from application.webhooks import deliveries, sender
from tests.application.running import as_owner
from tests.interfaces.serving import eventually

NOON = "2026-11-27T12:00:00.000Z"
LATER = "2026-11-27T12:00:01.000Z"
numbers = count(1)

WAITING = """
select 1 from pg_stat_activity
where wait_event_type = 'Lock' and datname = current_database()
"""


@contextmanager
def a_writer(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, options=options("tenure_writer")) as connection:
        yield connection


def do(connection: psycopg.Connection, query: bytes, **parameters: Any) -> list[Any]:
    cursor = connection.execute(query, parameters)
    return cursor.fetchall() if cursor.description else []


def a_webhook_with_one_delivery(url: str) -> str:
    """The id of a webhook of which one delivery is due at noon."""
    webhook_id = f"webhook {next(numbers)}"
    with a_writer(url) as writer:
        do(
            writer,
            deliveries.QUERIES["add"],
            webhook_id=webhook_id,
            tenant="sandbox/acme",
            listener="somebody",
            topics=["job.offer"],
        )
        owe(writer, webhook_id, NOON)
    return webhook_id


def owe(writer: psycopg.Connection, webhook_id: str, at: str) -> None:
    do(
        writer,
        deliveries.QUERIES["owe"],
        webhook_ids=[webhook_id],
        topic="job.offer",
        entry_id=f"entry {next(numbers)}",
        position=next(numbers),
        at=at,
    )


def note_that_all_arrived(url: str, webhook_id: str, *, locking: bool) -> None:
    """What the sender does once what was due by noon has arrived."""
    with a_writer(url) as noting:
        if locking:
            do(noting, sender.QUERIES["lock"], webhook_id=webhook_id)
        do(noting, SETTLE, webhook_id=webhook_id, now=NOON)
        do(noting, sender.QUERIES["turn"], webhook_id=webhook_id, now=LATER)


SETTLE = b"""
update webhook_delivery set due_at = null, status = 'DELIVERED'
where webhook_id = %(webhook_id)s and due_at <= %(now)s::timestamptz
"""


def turn_of(url: str, webhook_id: str) -> Any:
    ((turn_at,),) = as_owner(
        url, "select turn_at from webhook_turn where webhook_id = %s", webhook_id
    )
    return turn_at


def noted_while_something_becomes_due(url: str, *, locking: bool) -> Any:
    """When the next turn is of a webhook that is owed more just as it is noted that all arrived."""
    webhook_id = a_webhook_with_one_delivery(url)
    with a_writer(url) as writer:
        owe(writer, webhook_id, LATER)
        noting = threading.Thread(
            target=note_that_all_arrived, args=(url, webhook_id), kwargs={"locking": locking}
        )
        noting.start()
        eventually(lambda: as_owner(url, WAITING))
    noting.join()
    return turn_of(url, webhook_id)


def test_what_becomes_due_while_an_attempt_is_noted_has_its_turn(log_url: str) -> None:
    assert noted_while_something_becomes_due(log_url, locking=True) is not None


def test_without_the_lock_it_would_wait_for_ever(log_url: str) -> None:
    assert noted_while_something_becomes_due(log_url, locking=False) is None


def test_who_has_nothing_more_to_be_told_has_no_turn(log_url: str) -> None:
    webhook_id = a_webhook_with_one_delivery(log_url)
    assert turn_of(log_url, webhook_id) is not None

    note_that_all_arrived(log_url, webhook_id, locking=True)

    assert turn_of(log_url, webhook_id) is None


@pytest.mark.parametrize("backlog", [1, 5])
def test_who_was_just_sent_to_stands_behind_all_who_wait(log_url: str, backlog: int) -> None:
    busy, waiting = (a_webhook_with_one_delivery(log_url) for _ in range(2))
    with a_writer(log_url) as writer:
        for _ in range(backlog):
            owe(writer, busy, NOON)
        do(writer, sender.QUERIES["turn"], webhook_id=busy, now=LATER)

    assert turn_of(log_url, busy) > turn_of(log_url, waiting)


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("due", "webhook_turn_by_turn"),
        ("next", "webhook_turn_by_turn"),
        ("count", "webhook_delivery_oldest_due"),
    ],
)
def test_what_is_due_is_found_along_an_index(log_url: str, name: str, index: str) -> None:
    with a_writer(log_url) as writer:
        statement = b"explain " + sender.QUERIES[name]
        rows = do(writer, statement, now=NOON, busy=["webhook 1"], limit=32)
        plan = "\n".join(line for (line,) in rows)

    assert f"using {index}" in plan, plan
    assert "Sort" not in plan, plan
    assert "Seq Scan" not in plan, plan
