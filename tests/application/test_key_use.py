"""When keys were last used: moved forward, never back."""

import psycopg

from application.key_use import QUERIES
from application.log.connections import options
from tests.application.running import as_owner


def note(url: str, *key_ids: str) -> None:
    with psycopg.connect(url, options=options("tenure_writer")) as connection:
        connection.execute(QUERIES["note"], {"key_ids": list(key_ids)})


def test_a_use_is_noted_for_each_key(log_url: str) -> None:
    note(log_url, "one", "other")

    noted = as_owner(
        log_url, "select key_id from key_use where used_at > now() - interval '1 minute'"
    )

    assert {("one",), ("other",)} <= set(noted)


def test_a_later_use_moves_the_time_forward(log_url: str) -> None:
    note(log_url, "often")
    as_owner(log_url, "update key_use set used_at = '2020-01-01' where key_id = 'often'")

    note(log_url, "often")

    assert as_owner(
        log_url,
        "select used_at > now() - interval '1 minute' from key_use where key_id = 'often'",
    ) == [(True,)]


def test_an_earlier_use_does_not_move_the_time_back(log_url: str) -> None:
    note(log_url, "ahead")
    as_owner(log_url, "update key_use set used_at = '2999-01-01' where key_id = 'ahead'")

    note(log_url, "ahead")

    assert as_owner(
        log_url, "select used_at > '2998-01-01' from key_use where key_id = 'ahead'"
    ) == [(True,)]
