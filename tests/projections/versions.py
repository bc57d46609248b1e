"""Versions as tests want them, and what is in them."""

import msgspec
import psycopg

from domain.command import Outcome
from domain.instants import Instant
from domain.known import Key, Known
from projections.engine.projection import Projection
from projections.engine.rebuild import build_part
from projections.engine.switch import drop_version
from projections.engine.versions import Version, begin_version, finish_version

Rows = dict[str, tuple[int, int, str]]
"""Version, position and state of each row, by key."""


def rows_in(connection: psycopg.Connection, table: str) -> Rows:
    found = connection.execute(f"select key, version, position, row::text from {table}".encode())
    return {key: (version, position, row) for key, version, position, row in found}


def a_version(
    connection: psycopg.Connection, projection: Projection, *, until: int, partitions: int = 1
) -> Version:
    """A version that is built up to a position, and followed by nobody."""
    with connection.transaction():
        version = begin_version(connection, projection, partitions=partitions, until=until)
        for part in range(partitions):
            build_part(connection, projection, version, part)
        finish_version(connection, projection, version)
    return version


def dropped(connection: psycopg.Connection, version: Version) -> None:
    with connection.transaction():
        drop_version(connection, version)


class AskRows(msgspec.Struct, frozen=True):
    """The question of what is in some rows."""

    fold: str
    keys: tuple[str, ...]
    id: str = ""
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[Rows]:
        found = {key: known.row(self.fold, key) for key in self.keys}
        return Outcome(
            {
                key: (row.version, row.position, msgspec.json.encode(row.state).decode())
                for key, row in found.items()
                if row.state is not None
            }
        )
