"""With whom is a person linked?"""

import msgspec

from domain.command import Outcome
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.link import Linked, group_of, linked_with


class AskLinks(msgspec.Struct, frozen=True):
    """The question with whom a person is linked; nobody known is linked with nobody."""

    lookup: str
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[Linked]:
        entity_id = known.entity(self.lookup)
        return Outcome(linked_with(group_of(entity_id, known).values() if entity_id else (), known))
