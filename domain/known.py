"""What is known when a command decides: the rows loaded so far, and a note of those still missing.

A question about a row that is not loaded is answered None and noted in ``missing``. Whoever asked
the command to decide then throws the outcome away, loads what is missing, and asks again. Commands
are pure, so asking twice changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import msgspec

from domain.fold import Fold, State
from domain.refusals import Unavailable

SUBJECT = "subject"
"""The kind under which the way from a person to an entity is asked for, beside the folds' names."""

DOCUMENT = "document"
"""The kind under which what is kept beside the log is asked for, by its name."""

RANGE = "*"
"""After a fold's name: all of its rows whose keys begin as the key does."""

Key = tuple[str, str]
"""A row's address: the fold's name (or ``subject``, or ``document``) and the key."""


class Row(msgspec.Struct, frozen=True):
    """One row: how many entries it has folded, the position of the last, and the state."""

    version: int
    position: int
    state: Any


NO_ROW = Row(0, 0, None)


def lacking(folds: Iterable[str]) -> Unavailable:
    """The refusal of whoever needs folds whose live code is not at hand."""
    names = ", ".join(sorted(folds))
    return Unavailable(reason=f"this worker lacks the code of what is live of {names}")


@dataclass(slots=True)
class Known:
    """Rows by address, at one position of the log; ``authority`` is the last change of it.

    ``lacks`` are the folds whose rows were made by code that is not at hand: whoever asks for one
    is refused with Unavailable.
    """

    position: int
    authority: int = 0
    rows: dict[Key, Row] = field(default_factory=dict)
    missing: set[Key] = field(default_factory=set)
    lacks: frozenset[str] = frozenset()

    def row(self, kind: str, key: str) -> Row:
        """The row under an address; NO_ROW, and a note, when it is not loaded."""
        row = self.rows.get((kind, key))
        if row is None:
            if kind in self.lacks:
                raise lacking(self.lacks)
            self.missing.add((kind, key))
            return NO_ROW
        return row

    def get(self, fold: Fold[State], key: str) -> State | None:
        """The state that a fold has for a key, or None."""
        state: State | None = self.row(fold.name, key).state
        return state

    def within(self, fold: Fold[State], prefix: str) -> list[State]:
        """The states of all rows whose keys begin so, in the order of the keys."""
        if fold.name in self.lacks:
            raise lacking(self.lacks)
        if (fold.name + RANGE, prefix) not in self.rows:
            self.missing.add((fold.name + RANGE, prefix))
            return []
        found = [
            (key, row.state)
            for (kind, key), row in self.rows.items()
            if kind == fold.name and key.startswith(prefix) and row.state is not None
        ]
        return [state for _, state in sorted(found, key=itemgetter(0))]

    def entity(self, lookup: str) -> str | None:
        """The id of the entity that a person's lookup stands for, or None for nobody known."""
        entity_id: str | None = self.row(SUBJECT, lookup).state
        return entity_id

    def document(self, name: str) -> Any:
        """What is kept beside the log under a name, or None."""
        return self.row(DOCUMENT, name).state
