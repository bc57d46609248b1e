"""Projections of the tests' own, which processes find by name."""

from collections.abc import Mapping

import msgspec

from domain.entity import Participated
from domain.events import Entry
from domain.fold import AnyFold, Fold
from domain.partner import KeyAdded, KeyDeleted
from projections.at_hand import inline_projections
from projections.engine.projection import Projection


class Count(msgspec.Struct, frozen=True):
    number: int


def count(state: Count | None, entry: Entry) -> Count | None:
    """How many keys a partner holds, or how many events of a kind there are; no row for none."""
    number = (state.number if state else 0) + (-1 if isinstance(entry.data, KeyDeleted) else 1)
    return Count(number) if number else None


def kind_of(entry: Entry) -> tuple[str, ...]:
    return (entry.data.kind,) if isinstance(entry.data, Participated) else ()


BY_KIND = Fold(name="by_kind", state=Count, events=(Participated,), evolve=count, keys=kind_of)
KEYS_HELD = Fold(name="keys_held", state=Count, events=(KeyAdded, KeyDeleted), evolve=count)


def projections_of(*folds: AnyFold, inline: bool = True) -> dict[str, Projection]:
    """Projections by name, each by the code of one fold."""
    return {fold.name: Projection(fold.name, (fold,), inline=inline) for fold in folds}


def some() -> Mapping[str, Projection]:
    """Ours, and two more that are inline as well."""
    return inline_projections() | projections_of(BY_KIND, KEYS_HELD)


def chokes_on(state: Count | None, entry: Entry) -> Count:
    if entry.data.kind == "signal.negative":  # type: ignore[attr-defined]
        raise ZeroDivisionError("of no use")
    return Count((state.number if state else 0) + 1)


CHOKES = Fold(name="chokes", state=Count, events=(Participated,), evolve=chokes_on, keys=kind_of)


def one_that_chokes() -> Mapping[str, Projection]:
    """Ours, and one that is followed and cannot take some entries."""
    return inline_projections() | projections_of(CHOKES, inline=False)


def count_double(state: Count | None, entry: Entry) -> Count:
    """Another code for the same rows."""
    return Count((state.number if state else 0) + 2)


DOUBLE = Fold(
    name="by_kind", state=Count, events=(Participated,), evolve=count_double, keys=kind_of
)


def before() -> Mapping[str, Projection]:
    """Ours and one more, as a release has them that knows of no change."""
    return inline_projections() | projections_of(BY_KIND)


def both() -> Mapping[str, Projection]:
    """The same in the midst of a change: the code of now, and of next."""
    return inline_projections() | {"by_kind": Projection("by_kind", (BY_KIND, DOUBLE), inline=True)}
