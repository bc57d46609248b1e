"""Erasing: the way from a person to their history is destroyed; the history stays, nobody's."""

import msgspec

from domain.command import Change, Outcome, Subject
from domain.entity import CATEGORY, Erased
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.link import leaving
from domain.refusals import NotFound


class Erasure(msgspec.Struct, frozen=True):
    """The reply to an erasure."""

    entity_id: str
    erased_at: Instant
    position: int


class EraseEntity(msgspec.Struct, frozen=True, kw_only=True):
    """Make a person unidentifiable for good, and take them out of their links.

    Raises NotFound for nobody known.
    """

    id: str
    lookup: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[Erasure]:
        entity_id = known.entity(self.lookup)
        if entity_id is None:
            raise NotFound
        changes = (Change(f"{CATEGORY}-{entity_id}", Erased()), *leaving(entity_id, known))
        return Outcome(
            Erasure(entity_id, now, known.position + len(changes)),
            changes,
            forgets=Subject(self.lookup, entity_id),
        )
