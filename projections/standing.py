"""How deep is an entity's history, now or then?"""

import msgspec

from domain.command import Outcome
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.policy import ClaimStatus
from domain.refusals import NotFound
from domain.standing import Standing, standing_of


class Resolution(msgspec.Struct, frozen=True):
    """The reply: the standing, as of a position. ``known`` is False for nobody known."""

    standing: Standing
    claim_status: ClaimStatus
    position: int
    known: bool


class AskStanding(msgspec.Struct, frozen=True):
    """The question for one person's standing; ``must_exist`` refuses nobody known."""

    lookup: str
    must_exist: bool = False
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[Resolution]:
        found = standing_of(known.entity(self.lookup), known, now)
        if self.must_exist and found.first_at is None:
            raise NotFound
        return Outcome(Resolution(found, "clean", known.position, found.first_at is not None))
