"""A fold whose code uses whatever code can use: its fingerprint is the same under every Python."""

import re
from typing import Literal

import msgspec

from domain.entity import Participated
from domain.events import Entry
from domain.fold import Fold

Mood = Literal["good", "bad"]

LIMIT = 1_000  # counted up to here
WORDS = frozenset({"signal", "terms"})
UNUSED = "a constant that no fold uses"
PATTERN = re.compile(r"^(signal|terms)\.")


class Part(msgspec.Struct, frozen=True):
    """A part of the state."""

    mood: Mood = "good"


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state, with a method that the fold uses and one that it does not."""

    number: int = 0
    names: tuple[str, ...] = ()
    part: Part = Part()

    @property
    def more(self) -> int:
        """One more."""
        return min(self.number + 1, LIMIT)

    def unused(self) -> str:
        """Of no use to the fold."""
        return UNUSED


def named(kind: str, *, width: int = 3) -> str:
    """A name, by an f-string with all that an f-string may have."""
    return f"{kind!r:>{width}} {'quoted'} {{braces}} {len(kind) + 1:03d}é\n"


def evolve(state: State | None, entry: Entry) -> State | None:
    """The state after one more entry."""
    state = state or State()
    match entry.data:
        case Participated(kind=kind, weight=0 | 0.5) if PATTERN.match(kind):
            return State(state.more, (*state.names, named(kind)), Part("bad"))
        case Participated(kind=str(kind)) if kind.partition(".")[0] in WORDS:
            return None
    try:
        return State(number=-state.number, names=tuple(sorted({*state.names, "x" * 2})))
    except ValueError:
        return state


EVERYTHING = Fold(
    name="everything",
    state=State,
    events=(Participated,),
    evolve=evolve,
    keys=lambda entry: [key for key in (entry.stream, entry.aggregate_id) if key],
)
