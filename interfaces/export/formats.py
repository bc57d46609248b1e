"""The formats of an export: what becomes of the entries of a range, and the bytes of their file.

Each is a function of the entries alone, so that a file written again is the same file.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, Protocol

import msgspec

from domain.events import Stored
from domain.instants import Instant
from interfaces.cloud_events import cloud_event
from projections.log import logged

FormatName = Literal["ndjson", "parquet", "cloudevents"]

ROWS_A_GROUP = 25_000
BYTES_A_GROUP = 64 << 20
"""A group of rows ends at either: all of it is in memory at once."""

_encode_lines = msgspec.json.Encoder().encode_lines


class NotInstalled(Exception):
    """A format needs what is not installed; the message says what."""


class Described(msgspec.Struct, frozen=True, array_like=True):
    """An entry after its position and what stands beside it."""

    position: int
    kind: str | None
    about: str | None
    action: str | None
    entry: Stored


_described = msgspec.json.Decoder(Described).decode_lines


class Writing(Protocol):
    """A file that is being written."""

    def write(self, lines: bytes) -> None:
        """Take the next entries of the range, as the format's query gives them."""

    def end(self) -> None:
        """The range is whole."""


@dataclass(frozen=True)
class Format:
    """A format: how its files' names end, the query that it reads, how a file is begun."""

    extension: str
    query: str
    begin: Callable[[IO[bytes]], Writing]


class Lines:
    """The exact entries, one a line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, lines: bytes) -> None:
        """Write them as they are."""
        self._file.write(lines)
        self._file.write(b"\n")

    def end(self) -> None:
        """Nothing comes after the last line."""


class CloudEventLines:
    """Each entry as a CloudEvent in its JSON format, one a line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, lines: bytes) -> None:
        """Write them as CloudEvents."""
        events = [cloud_event(logged(one.position, one.entry)) for one in _described(lines)]
        self._file.write(_encode_lines(events))

    def end(self) -> None:
        """Nothing comes after the last line."""


class _Shared(msgspec.Struct, frozen=True):
    """What the data of several types have in common."""

    occurred_at: Instant | None = None
    weight: float | None = None


_shared = msgspec.json.Decoder(_Shared).decode


class Table:
    """Parquet with a typed column for all that is asked after often, and the rest as JSON."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise NotInstalled(
                "Parquet is written by pyarrow, which is not installed: pip install tenure[parquet]"
            ) from error
        self._arrow = pa
        text, moment = pa.string(), pa.timestamp("ms", tz="UTC")
        self._schema = pa.schema(
            [
                pa.field("position", pa.int64(), nullable=False),
                pa.field("id", text, nullable=False),
                ("tenant", text),
                pa.field("stream", text, nullable=False),
                pa.field("category", text, nullable=False),
                pa.field("aggregate_id", text, nullable=False),
                pa.field("version", pa.int32(), nullable=False),
                pa.field("type", text, nullable=False),
                pa.field("recorded_at", moment, nullable=False),
                pa.field("principal", text, nullable=False),
                pa.field("request_id", text, nullable=False),
                ("kind", text),
                ("about", text),
                ("action", text),
                ("occurred_at", moment),
                ("weight", pa.float64()),
                pa.field("data", text, nullable=False),
            ]
        )
        self._writer = parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._gathered: list[Described] = []
        self._bytes = 0

    def write(self, lines: bytes) -> None:
        """Gather them, and write a group of rows when there are enough."""
        for one in _described(lines):
            self._gathered.append(one)
            self._bytes += len(bytes(one.entry.data))
            if len(self._gathered) == ROWS_A_GROUP or self._bytes >= BYTES_A_GROUP:
                self._write_group()

    def end(self) -> None:
        """Write the last group, and the index that ends a file."""
        if self._gathered:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        pa = self._arrow
        # Arrow reads a time from its text, and a text from its bytes, sooner than Python makes one.
        columns = [
            pa.array(column, pa.binary() if field.name == "data" else pa.string()).cast(field.type)
            if field.name == "data" or pa.types.is_timestamp(field.type)
            else pa.array(column, field.type)
            for column, field in zip(_columns(self._gathered), self._schema, strict=True)
        ]
        self._writer.write_table(pa.table(columns, schema=self._schema))
        self._gathered, self._bytes = [], 0


def _columns(gathered: Sequence[Described]) -> Iterator[list[Any]]:
    """The columns of entries, in the order of the schema."""
    entries = [one.entry for one in gathered]
    streams = [entry.stream.partition("-") for entry in entries]
    shared = [_shared(entry.data) for entry in entries]
    yield [one.position for one in gathered]
    yield [entry.id for entry in entries]
    yield [entry.tenant for entry in entries]
    yield [entry.stream for entry in entries]
    yield [category for category, _, _ in streams]
    yield [aggregate_id for _, _, aggregate_id in streams]
    yield [entry.version for entry in entries]
    yield [entry.type for entry in entries]
    yield [entry.recorded_at for entry in entries]
    yield [entry.principal for entry in entries]
    yield [entry.request_id for entry in entries]
    yield [one.kind for one in gathered]
    yield [one.about for one in gathered]
    yield [one.action for one in gathered]
    yield [one.occurred_at for one in shared]
    # The log leaves out what is as usual.
    yield [
        1.0 if said.weight is None and one.kind is not None else said.weight
        for one, said in zip(gathered, shared, strict=True)
    ]
    yield [bytes(entry.data) for entry in entries]


FORMATS: dict[FormatName, Format] = {
    "ndjson": Format("ndjson", "documents", Lines),
    "parquet": Format("parquet", "described", Table),
    "cloudevents": Format("ndjson", "described", CloudEventLines),
}
