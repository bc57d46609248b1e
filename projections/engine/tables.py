"""The tables of folds: whatever has no live version yet gets one, built from the log."""

from collections.abc import Iterable, Mapping

import psycopg

from domain.events import Entry
from domain.fold import AnyFold, folds_by_type
from domain.known import NO_ROW, Key, Row
from projections.at_hand import at_hand
from projections.engine.projection import Projection
from projections.engine.rebuild import SMALL, AtHand, build_part, rebuild
from projections.engine.switch import change_over
from projections.engine.versions import (
    QUERIES,
    begin_version,
    connect,
    finish_version,
    version_of,
)


def make_tables(url: str, projections: AtHand = at_hand) -> list[str]:
    """Build what has no live version; return the names.

    A small log is folded under its lock, so that no entry falls between building and writing. A
    large one is built beside those who write, and only for what is inline: whatever is followed
    is left to whoever wants it.
    """
    with connect(url) as connection:
        missing = _missing(connection, projections())
        if not missing:
            return []
        if _head(connection) <= SMALL:
            return _make_at_once(connection, projections())
    names = [one.name for one in missing if one.inline]
    for name in names:
        rebuild(url, name, projections=projections)
    return names


def _make_at_once(
    connection: psycopg.Connection, projections: Mapping[str, Projection]
) -> list[str]:
    with connection.transaction():
        connection.execute(QUERIES["lock"])
        missing, head = _missing(connection, projections), _head(connection)
        for projection in missing:
            version = begin_version(connection, projection, partitions=1, until=head)
            if head:
                build_part(connection, projection, version, 0)
            finish_version(connection, projection, version)
            version = version_of(connection, version.name, version.number)
            change_over(connection, version, projection.newest)
        return [projection.name for projection in missing]


def _missing(
    connection: psycopg.Connection, projections: Mapping[str, Projection]
) -> list[Projection]:
    live = {name for (name,) in connection.execute(QUERIES["live"]).fetchall()}
    return [one for one in projections.values() if one.name not in live]


def _head(connection: psycopg.Connection) -> int:
    ((head,),) = connection.execute(QUERIES["head"]).fetchall()
    return int(head)


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
