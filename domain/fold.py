"""Folds: how the log becomes rows.

A fold is pure and folds each key alone: it reads no clock, no setting, no other key. So the same
fold runs inline with the write, behind it, over the whole log, or up to a position in the past,
and every engine gives the same rows.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from domain.events import Entry, Event

State = TypeVar("State", bound=msgspec.Struct)

SNAPSHOT_EVERY = 1_000
"""At each multiple of so many versions a row is kept as it is then, beside the row itself, so that
its past is never folded from further back."""


def aggregate_of(entry: Entry) -> tuple[str, ...]:
    """The key of a fold whose rows are aggregates."""
    return (entry.aggregate_id,)


@dataclass(frozen=True, eq=False)
class Fold(Generic[State]):
    """Rows of one kind, each the state of one key.

    ``name`` is the stored name of its rows, the same in each version: what a changed fold makes is
    built beside what is there, and takes its place. ``events`` are the types it reads, ``keys`` the
    rows an entry touches (by default the entry's aggregate). ``evolve`` takes None for a row that
    is not there, and returns None for a row that is to go. It never refuses: yesterday's log must
    load under today's rules. ``category`` says whose stream alone a key is folded from, None when
    several; ``about`` that a key is an entity, and its row is folded from entries of other streams
    whose events name it as ``entity_id``. ``by_lookup`` that a key is a keyed hash, by which
    somebody is let in: readers are not shown it. ``ends`` are events after which there is no row,
    whatever was there, so that nobody need look.
    """

    name: str
    state: type[State]
    events: tuple[type[Event], ...]
    evolve: Callable[[State | None, Entry], State | None]
    keys: Callable[[Entry], Iterable[str]] = aggregate_of
    category: str | None = None
    about: bool = False
    by_lookup: bool = False
    ends: tuple[type[Event], ...] = ()
    _decoder: msgspec.json.Decoder[State] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decoder", msgspec.json.Decoder(self.state))

    def decode(self, row: msgspec.Raw | bytes | str) -> State:
        """Read a stored row."""
        return self._decoder.decode(row)


AnyFold = Fold[Any]


def folds_by_type(folds: Iterable[AnyFold]) -> dict[str, tuple[AnyFold, ...]]:
    """Which folds read an event, by the event's stored name."""
    table: dict[str, tuple[AnyFold, ...]] = {}
    for fold in folds:
        for event in fold.events:
            table[event.stored_name] = (*table.get(event.stored_name, ()), fold)
    return table
