"""Loading: from the rows that commands ask for to what is known, in one round trip."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec
from psycopg import sql

from application.log.arrays import digests, texts
from application.log.line import Call
from application.log.live import Live
from application.sql import named_queries
from domain.instants import Instant
from domain.known import DOCUMENT, NO_ROW, RANGE, SUBJECT, Key, Known, Row

QUERIES = named_queries(Path(__file__).with_name("log.sql"))
_TEXTS = named_queries(Path(__file__).with_suffix(".sql"))

RECORD = "record"
"""The kind under which a kept reply is asked for, beside the folds' names."""


class KeptReply(msgspec.Struct, frozen=True):
    """A reply kept for repeats of its request."""

    status: int
    body: str
    fingerprint: str | None = None


class Head(msgspec.Struct, frozen=True):
    """The newest position, its time, and the last change of authority."""

    position: int
    recorded_at: Instant | None
    authority: int


class Switched(Exception):
    """Other folds are live than those by which the rows were to be read."""


class _Row(msgspec.Struct, frozen=True, array_like=True):
    kind: str
    key: str
    version: int
    position: int
    row: msgspec.Raw


class _Document(msgspec.Struct, frozen=True):
    position: int
    recorded_at: Instant | None
    authority: int
    generation: int
    rows: list[_Row]


_documents = msgspec.json.Decoder(_Document)
_rows = msgspec.json.Decoder(list[_Row])


class Loading:
    """Asks for rows of the folds that are live, and reads the answer."""

    def __init__(self, live: Live) -> None:
        self._live, folds = live, live.folds
        self._along = [fold.name for fold in folds if fold.about or fold.category == "entity"]
        self._decoders: dict[str, Any] = {fold.name: fold.decode for fold in folds}
        self._decoders[SUBJECT] = msgspec.json.Decoder(str).decode
        self._decoders[DOCUMENT] = msgspec.json.decode
        self._decoders[RECORD] = msgspec.json.Decoder(KeptReply).decode

    @property
    def statements(self) -> Mapping[str, bytes]:
        """What must be prepared on a line beside the log's statements: ``load`` for these folds."""
        along = [
            _TEXTS["along"].decode().format(fold=sql.Literal(name).as_string())
            for name in self._along
        ]
        return {"load": _TEXTS["load"].decode().format(along="\n".join(along)).encode()}

    def calls(self, keys: Iterable[Key]) -> Sequence[Call]:
        """The statements that find some keys: ``load``, and one for each fold and range."""
        subjects, records, names = [], [], []
        ranges: list[Call] = []
        asked: dict[str, list[str]] = {}
        for kind, key in keys:
            if kind == SUBJECT:
                subjects.append(key)
            elif kind == RECORD:
                records.append(key)
            elif kind == DOCUMENT:
                names.append(key)
            elif kind.endswith(RANGE):
                ranges.append(("range", (kind.removesuffix(RANGE), key)))
            else:
                asked.setdefault(kind, []).append(key)
        load = "load", (digests(subjects), digests(records), texts(names))
        return [load, *(("rows", (fold, texts(keys))) for fold, keys in asked.items()), *ranges]

    def read(self, found: Sequence[bytes | None], keys: Iterable[Key]) -> tuple[Head, Known]:
        """What the statements found. A key without a row is known not to have one.

        Raises Switched.
        """
        first, *others = found
        document = _documents.decode(first or b"")
        if document.generation != self._live.generation:
            raise Switched
        head = Head(document.position, document.recorded_at, document.authority)
        lacks = self._live.lacks
        rows = dict.fromkeys(keys, NO_ROW)
        if lacks:
            rows = {
                key: row for key, row in rows.items() if key[0].removesuffix(RANGE) not in lacks
            }
        for row in chain(document.rows, *(_rows.decode(other or b"") for other in others)):
            if row.kind in lacks:
                continue
            state = self._decoders[row.kind](row.row)
            if row.kind == SUBJECT:
                for fold in self._along:
                    rows.setdefault((fold, state), NO_ROW)
            rows[row.kind, row.key] = Row(row.version, row.position, state)
        return head, Known(head.position, head.authority, rows, lacks=lacks)
