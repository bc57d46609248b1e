"""A database that could lose acknowledged events is refused; each guard with its control."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from interfaces.durability import UnsafeDatabase, check_durability, unsafe, unsuitable
from interfaces.postgres import EmbeddedPostgres
from tests.interfaces.serving import eventually

SOUND = {
    "fsync": "on",
    "full_page_writes": "on",
    "server_encoding": "UTF8",
    "server_version_num": "150004",
    "synchronous_commit": "on",
}


@pytest.fixture(scope="module")
def own_postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose settings a test may spoil."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("durability"))
    postgres.start()
    yield postgres.url
    postgres.stop()


def test_the_embedded_postgresql_is_durable(own_postgres_url: str) -> None:
    check_durability(own_postgres_url)


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_commits_is_refused_unless_allowed(
    own_postgres_url: str, name: str
) -> None:
    turn(own_postgres_url, name, "off")
    try:
        with pytest.raises(UnsafeDatabase, match=f"{name} = off.*alter system set {name} = on"):
            check_durability(own_postgres_url)
        check_durability(own_postgres_url, allow_unsafe=True)
    finally:
        turn(own_postgres_url, name, "on")
    check_durability(own_postgres_url)


def test_a_url_that_acknowledges_before_the_disk_is_refused(own_postgres_url: str) -> None:
    url = make_conninfo(own_postgres_url, options="-c synchronous_commit=off")

    with pytest.raises(UnsafeDatabase, match="synchronous_commit"):
        check_durability(url)


def test_a_database_of_another_encoding_is_refused_even_if_unsafe_is_allowed(
    own_postgres_url: str,
) -> None:
    with psycopg.connect(own_postgres_url, autocommit=True) as connection:
        connection.execute(
            "create database plain encoding 'SQL_ASCII' locale_provider libc locale 'C'"
            " template template0"
        )

    with pytest.raises(UnsafeDatabase, match="needs UTF8"):
        check_durability(make_conninfo(own_postgres_url, dbname="plain"), allow_unsafe=True)


def test_an_old_server_is_refused() -> None:
    assert unsuitable(SOUND) == []
    assert "version 14" in unsuitable(SOUND | {"server_version_num": "140012"})[0]


def test_every_fault_is_named_at_once() -> None:
    assert unsafe(SOUND) == []
    assert len(unsafe(SOUND | {"fsync": "off", "synchronous_commit": "off"})) == 2


def test_not_waiting_for_replicas_is_safe() -> None:
    assert unsafe(SOUND | {"synchronous_commit": "local"}) == []


def turn(url: str, name: str, value: str) -> None:
    statement = sql.SQL("alter system set {} = {}").format(sql.Identifier(name), value)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
        connection.execute("select pg_reload_conf()")
    eventually(lambda: now(url, name) == value)


def now(url: str, name: str) -> object:
    """The value of a setting for whoever connects now."""
    with psycopg.connect(url) as connection:
        (value,) = connection.execute("select current_setting(%s)", [name]).fetchone() or (None,)
    return value
