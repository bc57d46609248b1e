"""Reading the log for a fold: slice by slice of positions, what falls into a partition of its keys.

Where a key is an aggregate or an entity, the database leaves out what belongs to other partitions.
Where only the fold knows the keys of an entry, each partition reads all entries of its types.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct
from zlib import crc32

import psycopg

import domain.stored  # noqa: F401 - the log holds events of every module
from domain.events import Entry, decode, stored_names
from domain.fold import SNAPSHOT_EVERY, AnyFold, aggregate_of
from domain.known import NO_ROW, Row
from projections.engine.processes import Told
from projections.engine.statements import Statements

SLICE = 50_000
"""Positions that one statement looks at: it is over soon, and no old snapshot stays open."""

OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "enable_seqscan=off",
        "enable_bitmapscan=off",
        "max_parallel_workers_per_gather=0",
        "jit=off",
        "timezone=UTC",
    )
)
"""With which a connection begins that reads the log: along its positions, and in no other way."""

QUERIES = Statements(Path(__file__).with_suffix(".sql"))
SIGNATURE = b"PGCOPY\n\xff\r\n\0"
HEADER_BYTES = len(SIGNATURE) + 8
END = b"\xff\xff"

_position = Struct("!q").unpack_from


class Poison(Exception):
    """An entry that a fold cannot take. ``cause`` says why, in the words of every engine."""

    def __init__(self, position: int, cause: str) -> None:
        super().__init__(position, cause)
        self.position, self.cause = position, cause

    def __str__(self) -> str:
        return f"the entry at position {self.position} cannot be taken: {self.cause}"


class Folding:
    """Rows of a fold in memory, by key, and the snapshots that they leave."""

    def __init__(self, fold: AnyFold, rows: dict[str, Row] | None = None) -> None:
        self.fold, self.rows = fold, rows or {}
        self.snapshots: list[tuple[str, Row]] = []

    def take(self, position: int, entry: Entry, keys: Iterable[str]) -> None:
        """Fold an entry into the rows of some keys."""
        rows, evolve = self.rows, self.fold.evolve
        for key in keys:
            before = rows.get(key, NO_ROW)
            state = evolve(before.state, entry)
            if state is None:
                rows.pop(key, None)
                continue
            row = rows[key] = Row(before.version + 1, position, state)
            if row.version % SNAPSHOT_EVERY == 0:
                self.snapshots.append((key, row))


class Part(Folding):
    """The rows of one partition of a fold's keys."""

    def __init__(self, fold: AnyFold, part: int, partitions: int) -> None:
        super().__init__(fold)
        self.part, self.partitions = part, partitions
        self.entries = 0
        self._is_mine = self._of_this_part if partitions > 1 and not source_of(fold) else None

    def read(self, connection: psycopg.Connection, until: int, told: Told) -> None:
        """Fold the log up to a position. Raises Poison at the first entry that cannot be taken."""
        for after in range(0, until, SLICE):
            end = min(after + SLICE, until)
            for position, document in entries(
                connection, self.fold, after, end, part=self.part, partitions=self.partitions
            ):
                try:
                    entry = decode(document)
                    self.entries += 1
                    self.take(position, entry, self._mine(entry))
                except Exception as error:
                    raise Poison(position, in_words(error)) from error
            told(end - after)

    def holds(self, key: str) -> bool:
        """Whether a key falls into this partition, where the database does not tell."""
        return self._is_mine is None or self._is_mine(key)

    def _mine(self, entry: Entry) -> Iterable[str]:
        keys: Iterable[str] = self.fold.keys(entry)
        return keys if self._is_mine is None else filter(self._is_mine, keys)

    def _of_this_part(self, key: str) -> bool:
        return crc32(key.encode()) % self.partitions == self.part


def entries(
    connection: psycopg.Connection,
    fold: AnyFold,
    after: int,
    until: int,
    *,
    part: int = 0,
    partitions: int = 1,
) -> Iterator[tuple[int, bytes]]:
    """Positions and documents that a fold reads after a position, none beyond another; of one
    partition of its keys where the database can tell.
    """
    parameters = {
        "after": after,
        "until": until,
        "types": stored_names(fold.events),
        "part": part,
        "partitions": partitions,
    }
    with connection.cursor().copy(QUERIES[source_of(fold) or "all"], parameters) as copy:
        yield from tuples(copy)


def tuples(copy: Iterable[bytes | bytearray | memoryview]) -> Iterator[tuple[int, bytes]]:
    """Pairs of a position and a document, of a binary COPY."""
    for chunk in copy:
        data = bytes(chunk)
        if data.startswith(SIGNATURE):
            data = data[HEADER_BYTES:]
        if data and data != END:
            # How many fields there are, and before each its length.
            yield _position(data, 6)[0], data[18:]


def in_words(error: Exception) -> str:
    """What stopped an engine."""
    return f"{type(error).__name__}: {error}"


def source_of(fold: AnyFold) -> str | None:
    """By which column the database knows the partition of an entry's keys, if it does."""
    if fold.about:
        return "by_about"
    return "by_stream" if fold.keys is aggregate_of else None
