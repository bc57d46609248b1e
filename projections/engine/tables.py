"""The tables of folds: whatever has no live version yet gets one, built from the log."""

from collections.abc import Iterable, Mapping
from contextlib import suppress

import psycopg

from domain.events import Entry
from domain.fold import AnyFold, folds_by_type
from domain.known import NO_ROW, Key, Row
from projections.at_hand import at_hand
from projections.engine.fingerprint import fingerprint
from projections.engine.projection import Projection
from projections.engine.rebuild import (
    SMALL,
    AtHand,
    BeingRebuilt,
    CannotBuild,
    build_part,
    rebuild,
)
from projections.engine.switch import change_over
from projections.engine.versions import (
    QUERIES,
    begin_version,
    connect,
    finish_version,
    version_of,
    versions_of,
)


def make_tables(url: str, projections: AtHand = at_hand) -> list[str]:
    """Build what has no live version; return the names of what was made.

    A small log is folded under its lock, so that no entry falls between building and writing. A
    large one is built beside those who write, and only for what is inline: the rest is left to
    whoever wants it. No reply depends on that, so what cannot be built of it is in nobody's way;
    its version says why. Raises Poison, BeingRebuilt and CannotBuild for what is inline.
    """
    with connect(url) as connection:
        missing = _missing(connection, projections())
        is_small = _head(connection) <= SMALL
        if is_small and any(one.inline for one in missing):
            made = _make_at_once(connection, projections())
        else:
            made = []
        untried = [one for one in missing if is_small and _is_untried(connection, one)]
    for projection in missing:
        if projection.inline and not is_small:
            rebuild(url, projection.name, projections=projections)
            made.append(projection.name)
    for projection in untried:
        with suppress(BeingRebuilt, CannotBuild):
            rebuild(url, projection.name, projections=projections, processes=1)
            made.append(projection.name)
    return made


def _make_at_once(
    connection: psycopg.Connection, projections: Mapping[str, Projection]
) -> list[str]:
    with connection.transaction():
        connection.execute(QUERIES["lock"])
        missing, head = _missing(connection, projections), _head(connection)
        inline = [one for one in missing if one.inline]
        for projection in inline:
            version = begin_version(connection, projection, partitions=1, until=head)
            if head:
                build_part(connection, projection, version, 0)
            finish_version(connection, projection, version)
            version = version_of(connection, version.name, version.number)
            change_over(connection, version, projection.newest)
        return [projection.name for projection in inline]


def _is_untried(connection: psycopg.Connection, projection: Projection) -> bool:
    """Whether it is followed, and no version was ever begun by its code."""
    if projection.inline:
        return False
    code = fingerprint(projection.newest)
    return all(one.fingerprint != code for one in versions_of(connection, projection.name))


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
