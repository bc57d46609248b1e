"""How deep is an entity's history, now or then?"""

import msgspec

from domain.command import Outcome
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.refusals import NotFound
from domain.standing import Assessment, assess


class Resolution(msgspec.Struct, frozen=True):
    """The reply: what is known of somebody, as of a position."""

    found: Assessment
    position: int


class AskStanding(msgspec.Struct, frozen=True):
    """The question for one person's standing.

    With ``must_exist`` it raises NotFound for somebody with neither events nor claims.
    """

    lookup: str
    must_exist: bool = False
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[Resolution]:
        found = assess(known.entity(self.lookup), known, now)
        if self.must_exist and not found.signals.event_count and not found.claims_recorded:
            raise NotFound
        return Outcome(Resolution(found, known.position))
