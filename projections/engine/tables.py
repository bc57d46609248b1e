"""The tables of folds: one partition of ``state`` a fold, filled from the log when it is new."""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from domain.events import Entry
from domain.fold import AnyFold, folds_by_type
from domain.known import NO_ROW, Key, Row

Entries = Callable[[], Iterable[tuple[int, Entry]]]
_STATEMENTS = Path(__file__).parent
INDEXES = Path(__file__).parents[1] / "tables"
"""Indexes that lists need on a fold's table, beside the one on its key: a file a fold."""

LOCK = (_STATEMENTS / "lock.sql").read_bytes()
MAKE = sql.SQL((_STATEMENTS / "make_table.sql").read_text())


def make_tables(url: str, folds: Iterable[AnyFold], entries: Entries) -> list[str]:
    """Make and fill the tables that are not there; return the names of the new ones.

    Runs as the owner, under the log's lock, so that no entry falls between filling and writing.
    ``entries`` reads the whole log.
    """
    with psycopg.connect(url) as connection:
        connection.execute(LOCK)
        new = [fold for fold in folds if not _exists(connection, fold)]
        for fold in new:
            connection.execute(
                MAKE.format(table=sql.Identifier(_table(fold)), fold=sql.Literal(fold.name))
            )
            indexes = INDEXES / f"{fold.name}.sql"
            if indexes.exists():
                connection.execute(indexes.read_bytes())
        if new:
            _fill(connection, fold_log(entries(), new))
        return [fold.name for fold in new]


def fold_log(entries: Iterable[tuple[int, Entry]], folds: Iterable[AnyFold]) -> dict[Key, Row]:
    """Every row of some folds, from positions and entries in order, in memory."""
    table = folds_by_type(folds)
    rows: dict[Key, Row] = {}
    for position, entry in entries:
        for fold in table.get(entry.type, ()):
            for key in fold.keys(entry):
                before = rows.get((fold.name, key), NO_ROW)
                state = fold.evolve(before.state, entry)
                if state is None:
                    rows.pop((fold.name, key), None)
                else:
                    rows[fold.name, key] = Row(before.version + 1, position, state)
    return rows


def _fill(connection: psycopg.Connection, rows: dict[Key, Row]) -> None:
    with connection.cursor().copy(
        "copy state (fold, key, version, position, row) from stdin"
    ) as copy:
        for (fold, key), row in rows.items():
            state = msgspec.json.encode(row.state).decode()
            copy.write_row((fold, key, row.version, row.position, state))


def _exists(connection: psycopg.Connection, fold: AnyFold) -> bool:
    found = connection.execute("select to_regclass(%s)", [_table(fold)]).fetchone()
    return found is not None and found[0] is not None


def _table(fold: AnyFold) -> str:
    return f"state_{fold.name}"
