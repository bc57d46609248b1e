"""Commands: what somebody asks, decided purely on what is known and the time.

``decide`` returns an outcome or raises a refusal. It may be run more than once before its outcome
counts, so everything random in it (ids, keys) is chosen by whoever makes the command.
A command whose outcomes never hold changes is a *question*; it may also be asked of the past.
"""

from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import msgspec

from domain.events import Event
from domain.instants import Instant
from domain.known import Key, Known

Reply = TypeVar("Reply", covariant=True)


class Change(msgspec.Struct, frozen=True):
    """An event to append to a stream; ``begins`` when it is the first of a new one.

    ``tenant`` says whose it is, when that is not the principal's own tenant.
    ``id`` becomes the entry's, where several entries of one command are to be known by their ids.
    """

    stream: str
    event: Event
    begins: bool = False
    tenant: str | None = None
    id: str | None = None


class Subject(msgspec.Struct, frozen=True):
    """The way from a person (as a keyed hash) to an entity. Kept beside the log, erasable."""

    lookup: str
    entity_id: str


class Document(msgspec.Struct, frozen=True):
    """What somebody wrote, or may be reached under. Kept beside the log, under a name."""

    name: str
    content: Any


class Outcome(msgspec.Struct, Generic[Reply], frozen=True):
    """What a command does, all of it in one transaction, and what it answers.

    ``subjects`` are new ways from a person to an entity, ``documents`` are new. ``forgets`` names
    an entity whose subjects and kept replies are destroyed, ``erases`` a stream of which all
    documents and kept replies are: those whose names begin with the stream's and a slash.
    """

    reply: Reply
    changes: tuple[Change, ...] = ()
    subjects: tuple[Subject, ...] = ()
    documents: tuple[Document, ...] = ()
    forgets: Subject | None = None
    erases: str | None = None


@runtime_checkable
class Command(Protocol[Reply]):
    """Anything that can decide. ``id`` becomes the id of the first entry it causes."""

    @property
    def id(self) -> str: ...

    @property
    def asks(self) -> tuple[Key, ...]:
        """Rows that it will surely ask for, so that the first load brings them."""

    def decide(self, known: Known, now: Instant) -> Outcome[Reply]:
        """Judge the request. Raises a Refusal."""
