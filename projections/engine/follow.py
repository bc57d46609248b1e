"""The follow engine: a version that is not folded inline, kept up behind those who write.

A step is written once, as the statements that it wants run; whoever has a connection runs them.
"""

from collections.abc import Generator, Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg

import domain.stored  # noqa: F401 - the log holds events of every module
from domain.events import decode, stored_names
from domain.fold import AnyFold
from domain.known import Row
from projections.engine.reading import Folding, Poison, in_words
from projections.engine.statements import Statements
from projections.engine.versions import Version

QUERIES = Statements(Path(__file__).with_suffix(".sql"))
AT_A_TIME = 1_000

Statement = psycopg.sql.Composed | psycopg.sql.SQL
Wanted = tuple[Statement, Mapping[str, Any]]
Step = Generator[Wanted, list[Any], int | None]

_encode = msgspec.json.Encoder().encode


class FollowVersion:
    """Follows one version by the code that made it."""

    gather_seconds = 0.02

    def __init__(self, fold: AnyFold, version: Version) -> None:
        self.name = version.follower
        self._fold, self._version = fold, version

    async def step(self, connection: psycopg.AsyncConnection, after: int, limit: int) -> int | None:
        """Fold at most so many entries after a position, in the transaction that is open; the
        position it has read to, None when nobody is to follow it any more.

        Raises whatever an entry does that the fold cannot take.
        """
        wants = step(self._fold, self._version, after, limit)
        found: list[Any] | None = None
        while True:
            try:
                wanted = next(wants) if found is None else wants.send(found)
            except StopIteration as end:
                return cast("int | None", end.value)
            cursor = await connection.execute(*wanted)
            found = await cursor.fetchall() if cursor.description else []


def step(fold: AnyFold, version: Version, after: int, limit: int) -> Step:
    """What one step of a version wants run, in order."""
    one = {"name": version.name, "number": version.number}
    found = yield QUERIES["ahead"], one | {"after": after, "limit": limit}
    if not found:
        return None
    until = int(found[0][0])
    if until <= after:
        return after
    between = {"after": after, "until": until, "types": stored_names(fold.events)}
    read = yield QUERIES["entries"], between
    entries = [(position, decode(document)) for position, document in read]
    touched = [(position, entry, tuple(fold.keys(entry))) for position, entry in entries]
    keys = sorted({key for *_, of_entry in touched for key in of_entry})
    if not keys:
        return until
    before = yield QUERIES.on(version, "rows"), {"keys": keys}
    rows = {key: Row(number, at, fold.decode(row)) for key, number, at, row in before}
    folding = Folding(fold, rows)
    for position, entry, of_entry in touched:
        folding.take(position, entry, of_entry)
    if folding.rows:
        yield QUERIES.on(version, "fold"), _columns(folding.rows.items())
    if folding.snapshots:
        yield QUERIES.on(version, "keep"), _columns(folding.snapshots)
    if gone := [key for key in keys if key not in folding.rows]:
        yield QUERIES.on(version, "drop_rows"), {"keys": gone}
    return until


def catch_up(connection: psycopg.Connection, fold: AnyFold, version: Version) -> None:
    """Follow a version to the head, a transaction a step. Raises Poison."""
    while True:
        with connection.transaction():
            moved = one_step(connection, fold, version)
        if not moved:
            return


def one_step(connection: psycopg.Connection, fold: AnyFold, version: Version) -> bool:
    """One step in the open transaction; whether it read on. Raises Poison."""
    given: dict[str, Any] = {"follower": version.follower}
    ((after,),) = connection.execute(QUERIES["place"], given).fetchall()
    try:
        with connection.transaction():
            position = _run(connection, step(fold, version, after, AT_A_TIME))
    except psycopg.Error:
        raise
    except Exception as error:
        raise _first_poison(connection, fold, version, after, error) from error
    if position is None or position <= after:
        return False
    connection.execute(QUERIES["move"], given | {"position": position})
    return True


def _run(connection: psycopg.Connection, wants: Step) -> int | None:
    found: list[Any] | None = None
    while True:
        try:
            wanted = next(wants) if found is None else wants.send(found)
        except StopIteration as end:
            return cast("int | None", end.value)
        cursor = connection.execute(*wanted)
        found = cursor.fetchall() if cursor.description else []


def _first_poison(
    connection: psycopg.Connection,
    fold: AnyFold,
    version: Version,
    after: int,
    error: Exception,
) -> Poison:
    """Which of the entries of a step could not be taken: it is done again one entry at a time."""
    with connection.transaction(force_rollback=True):
        for position in range(after, after + AT_A_TIME):
            try:
                _run(connection, step(fold, version, position, 1))
            except psycopg.Error:
                raise
            except Exception as first:  # noqa: BLE001 - whatever a fold does
                return Poison(position + 1, in_words(first))
    return Poison(after + 1, in_words(error))


def _columns(rows: Iterable[tuple[str, Row]]) -> dict[str, list[Any]]:
    listed = list(rows)
    return {
        "keys": [key for key, _ in listed],
        "versions": [row.version for _, row in listed],
        "positions": [row.position for _, row in listed],
        "rows": [_encode(row.state).decode() for _, row in listed],
    }
