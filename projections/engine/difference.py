"""What differs between two versions of a projection, and why.

Rows are compared in one snapshot of the database, as far as both versions have read: what an entry
beyond that touched is told apart. Why a row differs is seen by folding its entries by both codes,
side by side.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg import IsolationLevel, sql

from domain.events import Entry, decode, stored_names
from domain.fold import AnyFold
from projections.engine.projection import Projection
from projections.engine.reading import SLICE, entries
from projections.engine.statements import Statements
from projections.engine.versions import Version, version_of

QUERIES = Statements(Path(__file__).with_suffix(".sql"))
ENTRIES_AT_MOST = 50
"""Entries behind a difference that are shown; of the others only the number is told."""


class Pair(msgspec.Struct, frozen=True, rename="camel"):
    """A row of two versions, each None where it is not there, and what became of it."""

    key: str
    verdict: str
    a_version: int | None
    a_position: int | None
    a: Any
    b_version: int | None
    b_position: int | None
    b: Any

    @property
    def members(self) -> list[str]:
        """The members of the state that differ."""
        if not isinstance(self.a, dict) or not isinstance(self.b, dict):
            return []
        names = dict.fromkeys((*self.a, *self.b))
        return [name for name in names if self.a.get(name) != self.b.get(name)]


class Difference(msgspec.Struct, frozen=True, rename="camel"):
    """How the rows of two versions differ, as of a position that both have read to."""

    name: str
    a: int
    b: int
    position: int
    only_in_a: int
    only_in_b: int
    changed: int
    equal: int
    equal_of_other_entries: int
    touched_since: int
    page: tuple[Pair, ...]

    @property
    def differs(self) -> bool:
        """Whether any row does."""
        return bool(self.only_in_a or self.only_in_b or self.changed)


class Cause(msgspec.Struct, frozen=True, rename="camel"):
    """An entry that one of the codes takes otherwise than the other, with the states after it."""

    position: int
    type: str
    recorded_at: str
    a: Any
    b: Any


class Explained(msgspec.Struct, frozen=True, rename="camel"):
    """A row of two versions, and the entries behind the difference, of so many that touch it.

    There are none where the code of a version is not at hand, which is then said in ``lacks``.
    """

    row: Pair | None
    entries: int
    causes: int
    shown: tuple[Cause, ...]
    lacks: tuple[int, ...] = ()


def difference(
    connection: psycopg.Connection,
    projection: Projection,
    a: int,
    b: int,
    *,
    after: str = "",
    limit: int = 20,
) -> Difference:
    """Compare two versions; of the rows that differ, a page after a key. Raises NoSuchVersion."""
    with _one_snapshot(connection):
        one, other = (version_of(connection, projection.name, number) for number in (a, b))
        given = _given(connection, projection, one, other)
        counts: dict[str, int] = dict(
            connection.execute(_on(one, other, "counts"), given).fetchall()
        )
        page = given | {"after": after, "limit": limit}
        found = connection.execute(_on(one, other, "page"), page).fetchall()
        return Difference(
            name=projection.name,
            a=a,
            b=b,
            position=given["common"],
            only_in_a=counts.get("only in A", 0),
            only_in_b=counts.get("only in B", 0),
            changed=counts.get("changed", 0),
            equal=counts.get("equal", 0),
            equal_of_other_entries=counts.get("equal, of other entries", 0),
            touched_since=counts.get("touched since", 0),
            page=tuple(map(_pair, found)),
        )


def explain(
    connection: psycopg.Connection, projection: Projection, a: int, b: int, key: str
) -> Explained:
    """Why a row differs between two versions. Raises NoSuchVersion."""
    with _one_snapshot(connection):
        one, other = (version_of(connection, projection.name, number) for number in (a, b))
        given = _given(connection, projection, one, other)
        found = connection.execute(_on(one, other, "row"), given | {"key": key}).fetchone()
        row = None if found is None else _pair(found)
        codes = [projection.code(version.fingerprint) for version in (one, other)]
        lacks = [v.number for v, code in zip((one, other), codes, strict=True) if code is None]
        if lacks:
            return Explained(row, 0, 0, (), tuple(lacks))
        folds = [code for code in codes if code is not None]
        read, causes = 0, list[Cause]()
        states: list[Any] = [None, None]
        for position, entry in _touching(connection, folds, key, given["common"]):
            read += 1
            before, states = (
                states,
                [
                    _after(fold, state, entry, key)
                    for fold, state in zip(folds, states, strict=True)
                ],
            )
            if _is_behind(before, states):
                shown = [msgspec.to_builtins(state) for state in states]
                causes.append(Cause(position, entry.type, entry.recorded_at, *shown))
        return Explained(row, read, len(causes), tuple(causes[:ENTRIES_AT_MOST]))


def _is_behind(before: list[Any], after: list[Any]) -> bool:
    """Whether an entry parted two states, or moved one of them alone."""
    (a_was, b_was), (a, b) = msgspec.to_builtins(before), msgspec.to_builtins(after)
    parted = a_was == b_was and a != b
    return bool(parted or (a_was == a) != (b_was == b))


def _after(fold: AnyFold, state: Any, entry: Entry, key: str) -> Any:
    if not isinstance(entry.data, fold.events) or key not in fold.keys(entry):
        return state
    return fold.evolve(state, entry)


def _touching(
    connection: psycopg.Connection, folds: list[AnyFold], key: str, until: int
) -> Iterator[tuple[int, Entry]]:
    """The entries that touch a row by either code, up to a position."""
    types = list(dict.fromkeys(name for fold in folds for name in stored_names(fold.events)))
    given = {"types": types, "until": until}
    first, *_ = folds
    if all(fold.about for fold in folds):
        found = connection.execute(QUERIES["of_entity"], given | {"about": key})
    elif first.category is not None and all(fold.category == first.category for fold in folds):
        stream = {"stream": f"{first.category}-{key}"}
        found = connection.execute(QUERIES["of_stream"], given | stream)
    else:
        yield from _looked_for(connection, folds, key, until)
        return
    for position, document in found:
        yield position, decode(document)


def _looked_for(
    connection: psycopg.Connection, folds: list[AnyFold], key: str, until: int
) -> Iterator[tuple[int, Entry]]:
    for after in range(0, until, SLICE):
        end = min(after + SLICE, until)
        found: dict[int, Entry] = {}
        for fold in folds:
            for position, document in entries(connection, fold, after, end):
                entry = decode(document)
                if key in fold.keys(entry):
                    found[position] = entry
        yield from sorted(found.items())


def _given(
    connection: psycopg.Connection, projection: Projection, one: Version, other: Version
) -> dict[str, Any]:
    """As far as both have read, and which keys the one that is ahead has touched since."""
    common, ahead = sorted((one.position, other.position))
    touched: set[str] = set()
    for version in (one, other):
        code = projection.code(version.fingerprint)
        if version.position > common and code is not None:
            for after in range(common, ahead, SLICE):
                read = entries(connection, code, after, min(after + SLICE, ahead))
                touched.update(_keys(code, (document for _, document in read)))
    return {"common": common, "touched": list(touched)}


def _keys(fold: AnyFold, documents: Iterable[bytes]) -> Iterator[str]:
    for document in documents:
        yield from fold.keys(decode(document))


def _one_snapshot(connection: psycopg.Connection) -> Any:
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    return connection.transaction()


def _on(one: Version, other: Version, name: str) -> sql.Composed:
    """A statement on the rows of two versions, compared."""
    tables = {"one": sql.Identifier(one.state), "other": sql.Identifier(other.state)}
    return QUERIES["compared"].format(**tables) + QUERIES[name]


def _pair(found: tuple[Any, ...]) -> Pair:
    key, verdict, a_version, a_position, a, b_version, b_position, b = found
    decoded = [None if row is None else msgspec.json.decode(row) for row in (a, b)]
    return Pair(key, verdict, a_version, a_position, decoded[0], b_version, b_position, decoded[1])
