"""Versions as tests want them, and what is in them."""

import psycopg

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
