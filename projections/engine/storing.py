"""Rows into the tables of a version, by binary COPY."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from struct import Struct

import msgspec
import psycopg

from domain.known import Row
from projections.engine.reading import END, SIGNATURE
from projections.engine.statements import Statements
from projections.engine.versions import Version

QUERIES = Statements(Path(__file__).with_suffix(".sql"))
AT_A_TIME = 1_000

_encode = msgspec.json.Encoder().encode
_field = Struct("!i").pack
_numbers = Struct("!iiiqi").pack


def copy_rows(
    connection: psycopg.Connection,
    version: Version,
    rows: Iterable[tuple[str, Row]],
    *,
    into: str = "state",
) -> None:
    """Write rows into a version's table of rows, or of snapshots."""
    packed = _packed(version.name, rows)
    with connection.cursor().copy(QUERIES.on(version, f"into_{into}")) as copy:
        copy.write(SIGNATURE + bytes(8))
        while block := b"".join(islice(packed, AT_A_TIME)):
            copy.write(block)
        copy.write(END)


def _packed(fold: str, rows: Iterable[tuple[str, Row]]) -> Iterator[bytes]:
    name = fold.encode()
    head = Struct("!hi").pack(5, len(name)) + name
    for key, row in rows:
        named, state = key.encode(), _encode(row.state)
        numbers = _numbers(4, row.version, 8, row.position, len(state))
        yield b"".join((head, _field(len(named)), named, numbers, state))
