"""The tables of folds: each a partition of ``state`` with one of ``snapshot`` beside it, filled
from the log when it is new.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql

from domain.events import Entry
from domain.fold import SNAPSHOT_EVERY, AnyFold, folds_by_type
from domain.known import NO_ROW, Key, Row

Entries = Callable[[], Iterable[tuple[int, Entry]]]
Rows = list[tuple[Key, Row]]
_STATEMENTS = Path(__file__).parent
INDEXES = Path(__file__).parents[1] / "tables"
"""Indexes that lists need on a fold's table, beside the one on its key: a file a fold."""

LOCK = (_STATEMENTS / "lock.sql").read_bytes()
FILL = sql.SQL("copy {table} (fold, key, version, position, row) from stdin")
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
                MAKE.format(
                    rows=sql.Identifier(_table(fold)),
                    snapshots=sql.Identifier(f"snapshot_{fold.name}"),
                    fold=sql.Literal(fold.name),
                )
            )
            indexes = INDEXES / f"{fold.name}.sql"
            if indexes.exists():
                connection.execute(indexes.read_bytes())
        if new:
            snapshots: Rows = []
            rows = fold_log(entries(), new, snapshots)
            _fill(connection, "state", rows.items())
            _fill(connection, "snapshot", snapshots)
        return [fold.name for fold in new]


def fold_log(
    entries: Iterable[tuple[int, Entry]],
    folds: Iterable[AnyFold],
    snapshots: Rows | None = None,
) -> dict[Key, Row]:
    """Every row of some folds, from positions and entries in order, in memory; those that are to be
    kept as they were are added to ``snapshots``.
    """
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
                    row = rows[fold.name, key] = Row(before.version + 1, position, state)
                    if snapshots is not None and row.version % SNAPSHOT_EVERY == 0:
                        snapshots.append(((fold.name, key), row))
    return rows


def _fill(connection: psycopg.Connection, table: str, rows: Iterable[tuple[Key, Row]]) -> None:
    with connection.cursor().copy(FILL.format(table=sql.Identifier(table))) as copy:
        for (fold, key), row in rows:
            state = msgspec.json.encode(row.state).decode()
            copy.write_row((fold, key, row.version, row.position, state))


def _exists(connection: psycopg.Connection, fold: AnyFold) -> bool:
    found = connection.execute("select to_regclass(%s)", [_table(fold)]).fetchone()
    return found is not None and found[0] is not None


def _table(fold: AnyFold) -> str:
    return f"state_{fold.name}"
