"""Read tables: what analysts see is what the rows say, and nothing by which anybody is let in."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import errors, sql

from domain.fold import AnyFold, Fold
from domain.instants import instant
from interfaces.read_tables import columns_of, is_lookup, make_views
from interfaces.wiring import prepare
from projections.catalogue import INLINE
from tests.application.running import as_owner
from tests.projections.test_tables import happens

KEYED_HASH = re.compile(r"[0-9a-f]{64}")
OF_A_DOCUMENT = re.compile(r'hash":"([0-9a-f]{64})"')
"""What tells one document from another; nothing is found by it."""
BY_NAME = {fold.name: fold for fold in INLINE}


@pytest.fixture(scope="module")
def url(database_url: str) -> str:
    """A log with a little of everything, as a start leaves it."""
    prepare(database_url)
    for seed in range(4):
        happens(database_url, seed)
    return database_url


@pytest.fixture
def analyst(url: str) -> Iterator[psycopg.Connection]:
    """A connection that may do what an analyst may."""
    with psycopg.connect(url, options="-c role=tenure_analyst -c timezone=UTC") as connection:
        yield connection


def seen(analyst: psycopg.Connection, fold: AnyFold) -> list[dict[str, Any]]:
    """What a view shows, by the names of its columns."""
    found = analyst.execute(sql.SQL("select * from read.{}").format(sql.Identifier(fold.name)))
    assert found.description is not None
    names = [column.name for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def without_lookups(value: Any) -> Any:
    match value:
        case dict():
            return {
                name: without_lookups(one) for name, one in value.items() if not is_lookup(name)
            }
        case list() | tuple():
            return [without_lookups(one) for one in value]
        case datetime():
            return instant(value.astimezone(UTC))
    return value


def shown_of(fold: AnyFold, key: str, version: int, position: int, row: str) -> dict[str, Any]:
    """What is to be seen of a stored row."""
    said = msgspec.json.decode(row)
    members = {
        column.name: said.get(column.member, column.default)
        for column in columns_of(fold)
        if column.member
    }
    first = {} if fold.by_lookup else {"key": key}
    shown: dict[str, Any] = without_lookups(
        {**first, "version": version, "position": position, **members}
    )
    return shown


@pytest.mark.parametrize("name", BY_NAME)
def test_a_view_shows_each_row_of_its_fold(
    url: str, analyst: psycopg.Connection, name: str
) -> None:
    fold = BY_NAME[name]
    stored = as_owner(
        url, "select key, version, position, row::text from state where fold = %s", fold.name
    )

    found = [without_lookups(row) for row in seen(analyst, fold)]

    assert stored
    expected = [shown_of(fold, *row) for row in stored]
    assert sorted(found, key=repr) == sorted(expected, key=repr)


def test_no_view_shows_a_keyed_hash_by_which_anything_is_found_though_rows_hold_them(
    url: str, analyst: psycopg.Connection
) -> None:
    shown = "".join(repr(seen(analyst, fold)) for fold in INLINE)
    stored = "".join(
        f"{key} {row}" for key, row in as_owner(url, "select key, row::text from state")
    )

    of_documents = set(OF_A_DOCUMENT.findall(stored))
    assert {*KEYED_HASH.findall(stored)} > of_documents
    assert {*KEYED_HASH.findall(shown)} <= of_documents


@pytest.mark.parametrize(
    "statement",
    [
        "select * from log",
        "select * from stored_events",
        "select * from state",
        "select * from state_partner_1",
        "select * from subject",
        "select * from document",
        "select * from idempotency",
        "select * from authority",
        "select * from key_use",
        "select * from log_access",
        "select * from installation",
        "select * from follower",
        "select * from snapshot",
        "select log_head()",
        "select log_recorded_at(1)",
        "select log_position_at(now())",
        "select stream_version_at('entity-1', 1)",
        "select tenure_housekeep()",
        "update read.entity set position = 0",
        "delete from read.entity",
        "create table read.mine (id int)",
        "create view read.mine as select 1",
        "create table public.mine (id int)",
    ],
)
def test_an_analyst_cannot(analyst: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        analyst.execute(statement.encode())


def test_a_start_that_finds_all_views_right_makes_none(url: str) -> None:
    assert make_views(url, INLINE) == []


# Views of folds that change


class First(msgspec.Struct):
    """A state."""

    number: int


class Grown(msgspec.Struct):
    """A state with more in it."""

    number: int
    names: tuple[str, ...] = ("nobody",)
    rate: float = 0.5


class Changed(msgspec.Struct):
    """A state with something else in it."""

    number: str
    at: str | None = None


def a_fold(state: type[msgspec.Struct]) -> AnyFold:
    return Fold(name="changing", state=state, events=(), evolve=lambda state, entry: state)


@pytest.fixture
def own_url(empty_database_url: str) -> str:
    prepare(empty_database_url)
    as_owner(
        empty_database_url,
        "create table state_changing partition of state for values in ('changing')",
    )
    as_owner(
        empty_database_url,
        "insert into state (fold, key, version, position, row)"
        """ values ('changing', 'one', 1, 1, '{"number": 7}')""",
    )
    return empty_database_url


def test_a_member_that_a_row_was_stored_without_is_what_it_is_by_default(own_url: str) -> None:
    make_views(own_url, [a_fold(Grown)])

    assert as_owner(own_url, "select * from read.changing") == [("one", 1, 1, 7, ["nobody"], 0.5)]


def test_a_view_that_only_grows_keeps_what_was_built_upon_it(own_url: str) -> None:
    make_views(own_url, [a_fold(First)])
    as_owner(own_url, "create view built as select number from read.changing")

    assert make_views(own_url, [a_fold(Grown)]) == ["read.changing"]

    assert as_owner(own_url, "select * from built") == [(7,)]


def test_a_view_that_changes_is_made_anew(own_url: str) -> None:
    make_views(own_url, [a_fold(First)])

    make_views(own_url, [a_fold(Changed)])

    assert as_owner(own_url, "select * from read.changing") == [("one", 1, 1, "7", None)]
    assert as_owner(
        own_url, "select has_table_privilege('tenure_analyst', 'read.changing', 'select')"
    ) == [(True,)]


def test_a_view_of_no_fold_goes_and_what_others_put_there_stays(own_url: str) -> None:
    make_views(own_url, [a_fold(First)])
    as_owner(own_url, "create view read.of_somebody_s as select 1")

    make_views(own_url, [])

    assert as_owner(
        own_url, "select relname from pg_class where relnamespace = 'read'::regnamespace"
    ) == [("of_somebody_s",)]
