"""The Spark engine: a fold over an exported log that outgrows one machine.

    entries = spark.read.parquet("export/*.parquet")
    rows_of(entries, "entity").write.parquet("entity")

Each key folds alone, so Spark deals the keys out over its workers and brings each key's entries in
order; one state at a time is in memory. The rows are those of every other engine. Workers need
Tenure installed in their Python, and this module needs Spark only where it is called.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import msgspec

import domain.stored  # noqa: F401 - the log holds events of every module
from domain.events import Entry, decode, stored_names
from domain.fold import AnyFold
from domain.instants import Instant, instant
from domain.known import NO_ROW, Row
from projections.catalogue import INLINE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROWS = "key string, version int, position long, row string"
"""What comes of it: as the table of all rows has them, with the state as JSON."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEYED = "key string, position long, entry string"
_ENVELOPE = ("id", "tenant", "stream", "version", "type", "principal", "request_id")

_encode = msgspec.json.Encoder().encode


class UnknownFold(LookupError):
    """No fold has that name; the message names those that there are."""


def fold_named(name: str) -> AnyFold:
    """A fold by the name of its rows. Raises UnknownFold."""
    folds = {fold.name: fold for fold in INLINE}
    if name not in folds:
        raise UnknownFold(f"No fold is called {name}. There are: {', '.join(sorted(folds))}.")
    return folds[name]


def rows_of(entries: "DataFrame", fold: str) -> "DataFrame":
    """The rows of a fold, by its name, over the entries of an export in Parquet.

    Raises UnknownFold.
    """
    names = stored_names(fold_named(fold).events)
    spark = entries.sparkSession
    wanted = entries.where(entries["type"].isin(names)).selectExpr(
        "position", *_ENVELOPE, "unix_millis(recorded_at) as recorded_at", "data"
    )
    keyed = spark.createDataFrame(wanted.rdd.mapPartitions(partial(_by_key, fold)), _KEYED)
    in_order = keyed.repartition("key").sortWithinPartitions("key", "position")
    return spark.createDataFrame(in_order.rdd.mapPartitions(partial(_folded, fold)), ROWS)


def _by_key(name: str, entries: Iterable[Any]) -> Iterator[tuple[str, int, str]]:
    """Entries under each key that they touch."""
    fold = fold_named(name)
    for row in entries:
        document = _document(row)
        for key in fold.keys(decode(document)):
            yield key, row["position"], document.decode()


def _document(row: Any) -> bytes:
    """An entry as it is stored, from its columns."""
    members = {name: row[name] for name in _ENVELOPE}
    recorded_at = _moment(row["recorded_at"])
    return _encode({**members, "recorded_at": recorded_at, "data": msgspec.Raw(row["data"])})


def _moment(milliseconds: int) -> Instant:
    return instant(_EPOCH + timedelta(milliseconds=milliseconds))


def _folded(
    name: str, keyed: Iterable[tuple[str, int, str]]
) -> Iterator[tuple[str, int, int, str]]:
    """The row of each key, whose entries stand together and in order."""
    fold = fold_named(name)
    for key, entries in groupby(keyed, key=itemgetter(0)):
        row = NO_ROW
        for _, position, document in entries:
            row = _after(fold, row, position, decode(document))
        if row.state is not None:
            yield key, row.version, row.position, _encode(row.state).decode()


def _after(fold: AnyFold, row: Row, position: int, entry: Entry) -> Row:
    state = fold.evolve(row.state, entry)
    return NO_ROW if state is None else Row(row.version + 1, position, state)
