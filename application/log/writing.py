"""Writing: what commands did, collected and handed to the database by columns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from application.log.arrays import Binary, digests, documents, integers, texts
from application.log.line import Call
from domain.command import Subject
from domain.instants import Instant
from domain.known import Key, Row

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Writing:
    """What one ``write`` will hold. ``head`` is the position before its first entry.

    ``envelopes`` are the columns beside each of ``entries``; ``records`` are kept replies;
    ``snapshots`` are rows to be kept as they are, ``authority`` are positions that changed it,
    ``forgotten`` are entities, ``erased`` are streams.
    """

    head: int
    entries: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[Any, ...]] = field(default_factory=list)
    rows: dict[Key, Row] = field(default_factory=dict)
    snapshots: list[tuple[Any, ...]] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    documents: list[Any] = field(default_factory=list)
    records: list[tuple[Any, ...]] = field(default_factory=list)
    authority: list[int] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)

    def keep(self, key: Key, row: Row) -> None:
        """Take a snapshot of a row that will go on."""
        self.snapshots.append((*key, row.version, row.position, _encode(row.state)))

    def calls(self, now: Instant) -> list[Call]:
        """The statements that write it, in order; none where nothing happened."""
        if not self.entries:
            return []
        rows: list[tuple[Any, ...]] = [
            (fold, key, row.version, row.position, _encode(row.state))
            for (fold, key), row in self.rows.items()
            if row.state is not None
        ]
        dropped: dict[str, list[str]] = {}
        for (fold, key), row in self.rows.items():
            if row.state is None:
                dropped.setdefault(fold, []).append(key)
        streams, versions, types, tenants, kinds, abouts, actions = columns(self.envelopes, 7)
        record_keys, record_positions, fingerprints, statuses, bodies = columns(self.records, 5)
        write: Call = (
            "write",
            (
                str(self.head),
                now,
                texts(streams),
                integers(versions),
                texts(types),
                texts(tenants),
                texts(kinds),
                texts(abouts),
                texts(actions),
                documents(self.entries),
                *_rows(rows),
                digests([subject.lookup for subject in self.subjects]),
                texts([subject.entity_id for subject in self.subjects]),
                digests(record_keys),
                integers(record_positions),
                digests(fingerprints),
                integers(statuses),
                texts(bodies),
                integers(self.authority),
            ),
        )
        calls = [write]
        # A statement of its own, on the same trip: few batches have any.
        if self.snapshots:
            calls.append(("keep", _rows(self.snapshots)))
        if self.documents:
            calls.append(("file", (_encode(self.documents),)))
        calls += [("drop_rows", (fold, texts(gone))) for fold, gone in dropped.items()]
        if self.forgotten:
            calls.append(("forget", (_encode(self.forgotten),)))
        if self.erased:
            calls.append(("erase", (texts(self.erased),)))
        return calls


def _rows(rows: Sequence[tuple[Any, ...]]) -> tuple[Binary, ...]:
    """Rows by columns: folds, keys, versions, positions and states."""
    folds, keys, versions, positions, states = columns(rows, 5)
    return texts(folds), texts(keys), integers(versions), integers(positions), documents(states)


def columns(rows: Sequence[tuple[Any, ...]], count: int) -> Sequence[tuple[Any, ...]]:
    """The columns of rows, as many as they are even where there is no row."""
    return list(zip(*rows, strict=True)) or [()] * count
