"""The replay engine: a question answered as the log stood at a position.

The rows that the question asks for are folded from the entries of their own streams, up to there.
Who a person is, is looked up as it is now: someone erased since is nobody, then as well.
"""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import msgspec

from domain.command import Command
from domain.events import Entry, decode, stored_names
from domain.fold import AnyFold, Fold, State
from domain.instants import Instant, parse_instant
from domain.known import NO_ROW, SUBJECT, Key, Known, Row
from domain.ports import Fetch
from domain.refusals import Refusal, UnknownPosition

SLICE = 5_000
_STATEMENTS = Path(__file__).parent
MOMENT = (_STATEMENTS / "moment.sql").read_bytes()
STREAM = (_STATEMENTS / "stream.sql").read_bytes()
ABOUT = (_STATEMENTS / "about.sql").read_bytes()
PERSON = (_STATEMENTS / "person.sql").read_bytes()


class Replay:
    """Answers questions about the past. ``folds`` are those whose rows may be asked for."""

    def __init__(self, folds: Iterable[AnyFold]) -> None:
        self._folds = {fold.name: fold for fold in folds}

    async def ask(self, question: Command[Any], as_of: str, fetch: Fetch) -> Any:
        """The question's reply at a position or a time; "now" is that entry's recorded time.

        Raises UnknownPosition, or what the question itself refuses with.
        """
        position, now = await self._moment(as_of, fetch)
        return await self.ask_at(question, position, now, fetch)

    async def ask_at(
        self, question: Command[Any], position: int, now: Instant, fetch: Fetch
    ) -> Any:
        """The question's reply on the log up to a position, at a time.

        Raises what the question itself refuses with.
        """
        known = Known(position)
        while True:
            outcome, refusal = None, None
            try:
                outcome = question.decide(known, now)
            except Refusal as raised:
                refusal = raised
            if not known.missing:
                if outcome is None:
                    raise refusal or AssertionError
                return outcome.reply
            for key in known.missing:
                known.rows[key] = await self._row(key, position, fetch)
            known.missing.clear()

    async def _moment(self, as_of: str, fetch: Fetch) -> tuple[int, Instant]:
        parameters: dict[str, str | None] = {"position": None, "moment": None}
        if as_of.isascii() and as_of.isdigit() and len(as_of) <= 18:
            parameters["position"] = as_of
        else:
            try:
                parameters["moment"] = parse_instant(as_of)
            except ValueError as error:
                raise UnknownPosition(reason=str(error)) from error
        ((position, recorded_at),) = await fetch(MOMENT, parameters)
        if recorded_at is None:
            raise UnknownPosition(reason="the log has no such place")
        return position, recorded_at

    async def _row(self, key: Key, until: int, fetch: Fetch) -> Row:
        kind, name = key
        if kind == SUBJECT:
            found = await fetch(PERSON, {"lookup": name})
            return Row(0, 0, found[0][0]) if found else NO_ROW
        fold, row = self._folds[kind], NO_ROW
        if fold.about:
            entries = _entries(fetch, ABOUT, name, fold, until)
        else:
            entries = _entries(fetch, STREAM, f"{fold.category}-{name}", fold, until)
        async for position, entry in entries:
            row = fold_entry(fold, row, position, entry)
        return row


async def rows_about(
    fold: Fold[State], entity_id: str, until: int, fetch: Fetch
) -> dict[str, State]:
    """The state of every row of a fold that is about an entity, by key, as of a position."""
    rows: dict[str, Row] = {}
    async for position, entry in _entries(fetch, ABOUT, entity_id, fold, until):
        for key in fold.keys(entry):
            rows[key] = fold_entry(fold, rows.get(key, NO_ROW), position, entry)
    return {key: row.state for key, row in rows.items() if row.state is not None}


def fold_entry(fold: AnyFold, row: Row, position: int, entry: Entry) -> Row:
    """A row after one more entry, if it is one that the fold reads."""
    if not isinstance(entry.data, fold.events):
        return row
    state = fold.evolve(row.state, entry)
    return NO_ROW if state is None else Row(row.version + 1, position, state)


async def _entries(
    fetch: Fetch, statement: bytes, source: str, fold: AnyFold, until: int
) -> AsyncIterator[tuple[int, Entry]]:
    """What a fold reads of a source, up to a position, slice by slice."""
    types = msgspec.json.encode(stored_names(fold.events)).decode()
    place = 0
    while True:
        found = await fetch(
            statement,
            {
                "source": source,
                "types": types,
                "after": str(place),
                "until": str(until),
                "limit": str(SLICE),
            },
        )
        for position, _, document in found:
            yield position, decode(document)
        if len(found) < SLICE:
            return
        _, place, _ = found[-1]
