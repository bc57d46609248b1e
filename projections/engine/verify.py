"""Verifying: whether the rows of a version are what the log makes of them.

The log is folded again up to the version's position, partition by partition, and held against what
is stored, all of one snapshot of the database: rows and snapshots, byte for byte.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256
from itertools import chain
from struct import Struct

import msgspec
import psycopg
from psycopg import IsolationLevel, sql

from domain.known import Row
from projections.at_hand import at_hand
from projections.engine.processes import Told, cores, share_out
from projections.engine.reading import END, HEADER_BYTES, SIGNATURE, Part, source_of
from projections.engine.rebuild import AtHand, Begun, nobody, partitions_for
from projections.engine.storing import QUERIES
from projections.engine.versions import (
    NoSuchVersion,
    Version,
    connect,
    live_version,
    version_of,
)

NAMED_AT_MOST = 20
"""Rows that differ and are named; of the others only the number is told."""

_encode = msgspec.json.Encoder().encode
_length = Struct("!i").unpack_from
_version_and_position = Struct("!iiiq").unpack_from

Stored = tuple[str, int, int, bytes]
"""A key, a version, a position and a state."""


class Verified(msgspec.Struct, frozen=True, rename="camel"):
    """What came of verifying a version, or a partition of it.

    The digests are of what the log makes and of what is stored; they are equal when all is well.
    """

    name: str
    version: int
    position: int
    rows: int
    snapshots: int
    differ: int
    differing: tuple[str, ...]
    digest: str
    stored_digest: str

    @property
    def is_sound(self) -> bool:
        """Whether nothing differs."""
        return self.differ == 0 and self.digest == self.stored_digest

    def with_(self, other: "Verified") -> "Verified":
        """Two partitions as one."""
        return Verified(
            self.name,
            self.version,
            self.position,
            self.rows + other.rows,
            self.snapshots + other.snapshots,
            self.differ + other.differ,
            (self.differing + other.differing)[:NAMED_AT_MOST],
            _sum(self.digest, other.digest),
            _sum(self.stored_digest, other.stored_digest),
        )


class CodeIsMissing(Exception):
    """A version was made by code that is not at hand; the message says which."""


@dataclass(frozen=True)
class VerifyPart:
    """Holds one partition of a version against the log, in a snapshot that another has open."""

    url: str
    snapshot: str
    name: str
    number: int
    partitions: int
    projections: AtHand = at_hand

    def __call__(self, part: int, told: Told) -> Verified:
        with _in_snapshot(self.url, self.snapshot) as connection:
            version = version_of(connection, self.name, self.number)
            code = self.projections()[self.name].code(version.fingerprint)
            assert code is not None
            folded = Part(code, part, self.partitions)
            folded.read(connection, version.position, told)
            stored = _stored(connection, version, folded, "state")
            snapshots = _stored(connection, version, folded, "snapshot")
            return _held_against(version, folded, stored, snapshots)


def verify(
    url: str,
    name: str,
    number: int | None = None,
    *,
    projections: AtHand = at_hand,
    partitions: int | None = None,
    processes: int | None = None,
    begun: Begun = nobody,
) -> Verified:
    """Verify a version, or the live one. ``begun`` is told of it.

    Raises NoSuchVersion, CodeIsMissing, Poison and WorkerDied.
    """
    with connect(url) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            version = _wanted(connection, name, number)
            projection = projections().get(name)
            if projection is None or projection.code(version.fingerprint) is None:
                raise CodeIsMissing(f"{version.label} was made by code that is not at hand.")
            ((snapshot,),) = connection.execute("select pg_export_snapshot()").fetchall()
            parts = partitions or partitions_for(version.position, processes or cores())
            task = VerifyPart(url, snapshot, name, version.number, parts, projections)
            told = begun(version.label, version.position, parts)
            found = share_out(task, range(parts), processes or cores(), told)
            return reduce(Verified.with_, found)


def _wanted(connection: psycopg.Connection, name: str, number: int | None) -> Version:
    if number is not None:
        return version_of(connection, name, number)
    live = live_version(connection, name)
    if live is None:
        raise NoSuchVersion(f"{name} has no live version.")
    return live


@contextmanager
def _in_snapshot(url: str, snapshot: str) -> Iterator[psycopg.Connection]:
    with connect(url) as connection:
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
            yield connection


def _stored(
    connection: psycopg.Connection, version: Version, folded: Part, table: str
) -> Iterator[Stored]:
    pushed = source_of(folded.fold) is not None
    given = {
        "partitions": folded.partitions if pushed else 1,
        "part": folded.part if pushed else 0,
    }
    with connection.cursor().copy(QUERIES.on(version, f"from_{table}"), given) as copy:
        for chunk in copy:
            data = bytes(chunk)
            if data.startswith(SIGNATURE):
                data = data[HEADER_BYTES:]
            if data and data != END:
                stored = _unpacked(data)
                if folded.holds(stored[0]):
                    yield stored


def _unpacked(data: bytes) -> Stored:
    end = 6 + _length(data, 2)[0]
    _, number, _, position = _version_and_position(data, end)
    return data[6:end].decode(), number, position, data[end + 24 :]


def _held_against(
    version: Version, folded: Part, stored: Iterable[Stored], kept: Iterable[Stored]
) -> Verified:
    rows = {("row", key, 0): row for key, row in folded.rows.items()}
    snapshots = {("snapshot", key, row.position): row for key, row in folded.snapshots}
    expected: dict[tuple[str, str, int], Row] = rows | snapshots
    digest = sum(_digest(key, _shown(key[1], row)) for key, row in expected.items())
    stored_digest, differing = 0, set[str]()
    found = chain((("row", 0, one) for one in stored), (("snapshot", one[2], one) for one in kept))
    for kind, position, one in found:
        address = kind, one[0], position
        stored_digest += _digest(address, one)
        row = expected.pop(address, None)
        if row is None or _shown(one[0], row) != one:
            differing.add(one[0])
    differing |= {key for _, key, _ in expected}
    return Verified(
        version.name,
        version.number,
        version.position,
        len(rows),
        len(snapshots),
        len(differing),
        tuple(sorted(differing)[:NAMED_AT_MOST]),
        _sum(digest),
        _sum(stored_digest),
    )


def _shown(key: str, row: Row) -> Stored:
    return key, row.version, row.position, _encode(row.state)


def _digest(address: tuple[str, str, int], stored: Stored) -> int:
    return int.from_bytes(sha256(repr((address[0], stored)).encode()).digest(), "big")


def _sum(*digests: int | str) -> str:
    """Digests added up, so that the order of rows and partitions does not matter."""
    total = sum(int(one, 16) if isinstance(one, str) else one for one in digests)
    return f"{total % 2**256:064x}"
