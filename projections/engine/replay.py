"""The replay engine: a question answered as the log stood at a position.

The rows that the question asks for are folded from the log, up to there: each from the newest row
that is kept from then or before, which is the present one where nothing changed it since, or else a
snapshot. Who a person is, is looked up as it is now: someone erased since is nobody, then as well.
"""

from collections.abc import Iterable
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

AT_A_TIME = 5_000
_STATEMENTS = Path(__file__).parent
MOMENT = (_STATEMENTS / "moment.sql").read_bytes()
ROWS = (_STATEMENTS / "rows.sql").read_bytes()

_entity_ids = msgspec.json.Decoder(str)


class Past:
    """The log as it stood at a position; ``now`` is the recorded time of the entry there.

    What was folded once is remembered, so that several questions of one moment share it.
    """

    def __init__(
        self,
        replay: "Replay",
        position: int,
        now: Instant,
        fetch: Fetch,
        *,
        from_the_beginning: bool = False,
    ) -> None:
        self.position, self.now = position, now
        self._replay, self._fetch = replay, fetch
        self._after = 0 if from_the_beginning else None
        self._known = Known(position)

    async def ask(self, question: Command[Any]) -> Any:
        """The question's reply then. Raises what the question itself refuses with."""
        known = self._known
        while True:
            outcome, refusal = None, None
            try:
                outcome = question.decide(known, self.now)
            except Refusal as raised:
                refusal = raised
            if not known.missing:
                if outcome is None:
                    raise refusal or AssertionError
                return outcome.reply
            await self._load(known.missing)
            known.missing.clear()

    async def states(self, fold: Fold[State], keys: Iterable[str]) -> dict[str, State]:
        """The state that a fold had for each of some keys; what was not there then is left out."""
        addresses = {key: (fold.name, key) for key in keys}
        await self._load(addresses.values())
        rows = {key: self._known.rows[address] for key, address in addresses.items()}
        return {key: row.state for key, row in rows.items() if row.state is not None}

    async def _load(self, keys: Iterable[Key]) -> None:
        """Fold the rows that are not known yet, all of them with one statement a slice."""
        waiting = [key for key in dict.fromkeys(keys) if key not in self._known.rows]
        rows = dict.fromkeys(waiting, NO_ROW)
        after, at_a_time = self._after, self._replay.at_a_time
        while waiting:
            asked = [self._replay.asked(number, key) for number, key in enumerate(waiting)]
            for one in asked:
                one["after"] = self._after
            asked[0]["after"] = after
            found = await self._fetch(
                ROWS,
                {
                    "asked": msgspec.json.encode(asked).decode(),
                    "until": str(self.position),
                    "limit": str(at_a_time),
                },
            )
            for number, position, version, document in found:
                key = waiting[number]
                rows[key] = self._replay.row(key, rows[key], position, version, document)
            if len(found) < at_a_time:
                break
            last, after, *_ = found[-1]
            waiting = waiting[last:]
        self._known.rows |= rows


class Replay:
    """Answers questions about the past. ``folds`` are those whose rows may be asked for, each
    folded from a stream or from what is about an entity; ``at_a_time`` bounds what is in memory.
    """

    def __init__(self, folds: Iterable[AnyFold], at_a_time: int = AT_A_TIME) -> None:
        self._folds = {fold.name: fold for fold in folds}
        self.at_a_time = at_a_time

    async def at(self, as_of: str, fetch: Fetch) -> Past:
        """The log as it stood at a position or a time. Raises UnknownPosition."""
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
        return Past(self, position, recorded_at, fetch)

    async def ask(self, question: Command[Any], as_of: str, fetch: Fetch) -> Any:
        """The question's reply at a position or a time.

        Raises UnknownPosition, or what the question itself refuses with.
        """
        return await (await self.at(as_of, fetch)).ask(question)

    async def ask_at(
        self, question: Command[Any], position: int, now: Instant, fetch: Fetch
    ) -> Any:
        """The question's reply on the log alone up to a position, at a time: no row that is kept is
        trusted, so that it proves what they say. Raises what the question itself refuses with.
        """
        return await Past(self, position, now, fetch, from_the_beginning=True).ask(question)

    def asked(self, number: int, key: Key) -> dict[str, Any]:
        """How a row is asked for: where in the log it is found."""
        kind, name = key
        if kind == SUBJECT:
            return {"number": number, "person": name}
        fold = self._folds[kind]
        if fold.about:
            source = {"about": name, "types": stored_names(fold.events)}
        else:
            assert fold.category is not None, f"{kind} is found nowhere in the log"
            source = {"stream": f"{fold.category}-{name}"}
        return {"number": number, "fold": kind, "key": name, **source}

    def row(self, key: Key, before: Row, position: int, version: int | None, document: str) -> Row:
        """A row after what was found of it: the row as it was kept, or an entry."""
        kind, _ = key
        if kind == SUBJECT:
            return Row(0, 0, _entity_ids.decode(document))
        fold = self._folds[kind]
        if version is None:
            return fold_entry(fold, before, position, decode(document))
        return Row(version, position, fold.decode(document))


def fold_entry(fold: AnyFold, row: Row, position: int, entry: Entry) -> Row:
    """A row after one more entry, if it is one that the fold reads."""
    if not isinstance(entry.data, fold.events):
        return row
    state = fold.evolve(row.state, entry)
    return NO_ROW if state is None else Row(row.version + 1, position, state)
