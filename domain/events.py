"""Events and entries: what happened, and the envelope in which the log keeps it.

An *event* is a fact in the past tense. An *entry* is one JSON object around it that holds all there
is to know: it is what the log stores, what is hashed, and what every fold reads.
Stored names (``entity.participated.v1``) are the storage format. A change of meaning is a new
version with an upcaster from the old; ``tests/domain/golden`` keeps every version loadable.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple, TypeVar, dataclass_transform

import msgspec

from domain.instants import Instant


class Beside(NamedTuple):
    """What stands beside an entry, for SQL: the kind of a participation, the entity that an entry
    of another stream is about, the action of a decision.
    """

    kind: str | None = None
    about: str | None = None
    action: str | None = None


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A fact, immutable. Subclasses are registered under their stored name with ``@stored``."""

    stored_name: ClassVar[str] = ""
    changes_authority: ClassVar[bool] = False
    """True when a credential, a status or a right changes: every worker then looks again."""

    def beside(self) -> Beside:
        """What stands beside its entry."""
        return Beside(about=getattr(self, "entity_id", None))


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event in its envelope. Its position is its place in the log, not part of its bytes.

    ``id`` carries 122 random bits, so that no entry can be guessed from its hash.
    ``stream`` is ``category-aggregate_id``; ``version`` counts from 1 within the stream.
    ``tenant`` is ``environment/partner_id``, or None for what belongs to no tenant.
    """

    id: str
    tenant: str | None
    stream: str
    version: int
    type: str
    recorded_at: Instant
    principal: str
    request_id: str
    data: Event

    @property
    def aggregate_id(self) -> str:
        """The part of the stream's name after its category."""
        return self.stream.partition("-")[2]

    @property
    def category(self) -> str:
        """The part of the stream's name that says what it is a stream of."""
        return self.stream.partition("-")[0]


class Stored(msgspec.Struct, frozen=True):
    """An entry as it is stored, of whatever version; its event is not looked into."""

    id: str
    tenant: str | None
    stream: str
    version: int
    type: str
    recorded_at: Instant
    principal: str
    request_id: str
    data: msgspec.Raw


EVENTS: dict[str, type[Event]] = {}
"""Every event class by its stored name."""

UPCASTERS: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""By retired stored name: the name that succeeds it, and how its data becomes the successor's."""

_encoder = msgspec.json.Encoder()
read_stored = msgspec.json.Decoder(Stored).decode

E = TypeVar("E", bound=type[Event])


class UnknownEventType(LookupError):
    """The log holds a type that this release does not know."""


def stored(name: str) -> Callable[[E], E]:
    """Register an event class under the name that the log stores."""

    def register(event_class: E) -> E:
        assert name not in EVENTS, name
        event_class.stored_name = name
        EVENTS[name] = event_class
        return event_class

    return register


def upcaster(old: str, new: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register how the data of a retired stored name becomes the data of its successor."""

    def register(upcast: Callable[..., Any]) -> Callable[..., Any]:
        UPCASTERS[old] = (new, upcast)
        return upcast

    return register


def stored_names(events: Iterable[type[Event]]) -> list[str]:
    """The names under which the log may hold some events, the retired ones too."""
    names = [event.stored_name for event in events]
    # A retired name comes after its successor as the list grows.
    for name in names:
        names += [old for old, (successor, _) in UPCASTERS.items() if successor == name]
    return names


def encode(entry: Entry) -> bytes:
    """The exact bytes that the log stores for an entry, and that its leaf hashes."""
    return _encoder.encode(entry)


def decode(document: bytes | str) -> Entry:
    """Read an entry of any version as the newest version of its type.

    Raises UnknownEventType for a type written by a newer release, and
    msgspec.ValidationError for a document that is no entry.
    """
    raw = read_stored(document)
    name, data = raw.type, raw.data
    while name in UPCASTERS:
        name, upcast = UPCASTERS[name]
        data = msgspec.Raw(_encoder.encode(upcast(msgspec.json.decode(data))))
    if name not in EVENTS:
        raise UnknownEventType(name)
    return Entry(
        id=raw.id,
        tenant=raw.tenant,
        stream=raw.stream,
        version=raw.version,
        type=name,
        recorded_at=raw.recorded_at,
        principal=raw.principal,
        request_id=raw.request_id,
        data=msgspec.json.decode(data, type=EVENTS[name]),
    )
