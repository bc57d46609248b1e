"""What does the log say, from a position on, to those who may see it?"""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import msgspec

from domain.command import Outcome
from domain.events import EVENTS, UPCASTERS, Stored, read_stored
from domain.instants import Instant
from domain.known import Key, Known
from domain.ports import Fetch
from domain.refusals import NotFound, UnknownStoredName

STATEMENT = Path(__file__).with_name("log.sql").read_bytes()
STREAM = Path(__file__).with_name("log_stream.sql").read_bytes()
ENTRY = Path(__file__).with_name("log_entry.sql").read_bytes()

EXAMINED_AT_MOST = 5_000
"""Entries that are looked at for a page of some types: it may have few of them, or none."""

ANY = ".*"
"""After the beginning of a stored name: all that begin so."""


class Logged(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """An entry as it is shown, with its place. ``data`` are the stored bytes."""

    position: int
    id: str
    stream: str
    version: int
    type: str
    recorded_at: Instant
    tenant: str | None = None
    principal: str
    request_id: str
    data: msgspec.Raw


class Page(msgspec.Struct, frozen=True):
    """Some entries, the position that was read to, and the one to which there was to read."""

    entries: list[Logged]
    position: int
    end: int

    @property
    def has_more(self) -> bool:
        """Whether there was more to read."""
        return self.position < self.end


class AskHead(msgspec.Struct, frozen=True):
    """The question how far the log goes, now or then."""

    id: str = ""
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[int]:
        return Outcome(known.position)


def logged(position: int, entry: Stored) -> Logged:
    """An entry as it is shown: what is stored, and nothing made of it."""
    return Logged(
        position=position,
        id=entry.id,
        stream=entry.stream,
        version=entry.version,
        type=entry.type,
        recorded_at=entry.recorded_at,
        tenant=entry.tenant,
        principal=entry.principal,
        request_id=entry.request_id,
        data=entry.data,
    )


async def read_log(
    fetch: Fetch,
    tenant: str | None,
    *,
    after: int,
    limit: int,
    until: int | None = None,
    types: Sequence[str] | None = None,
    examined: int = EXAMINED_AT_MOST,
) -> Page:
    """The next entries after a position, none beyond another: a tenant's, or all for None. Of some
    types it is a page of what was found among so many ``examined``.
    """
    rows = await fetch(
        STATEMENT,
        {
            "tenant": tenant,
            "after": str(after),
            "until": None if until is None else str(until),
            "limit": str(limit),
            "examined": str(limit if types is None else max(limit, examined)),
            "types": None if types is None else list(types),
        },
    )
    reached, end, *_ = rows[0]
    found = [
        logged(position, read_stored(text)) for _, _, position, text in rows if text is not None
    ]
    return Page(found, reached, end)


async def read_stream(
    fetch: Fetch,
    stream: str,
    *,
    after: int,
    limit: int,
    until: int | None = None,
    types: Sequence[str] | None = None,
) -> Page:
    """The next entries of one stream after a position, none beyond another, as far as they may be
    seen.
    """
    rows = await fetch(
        STREAM,
        {
            "stream": stream,
            "after": str(after),
            "until": None if until is None else str(until),
            "limit": str(limit),
        },
    )
    end, *_ = rows[0]
    found = [logged(position, read_stored(text)) for _, position, text in rows if text is not None]
    reached = found[-1].position if len(found) == limit else max(end, after)
    return Page([one for one in found if types is None or one.type in types], reached, end)


async def one_entry(fetch: Fetch, position: str) -> str:
    """The exact text of an entry. Raises NotFound, too where the caller may not see it."""
    if not (position.isascii() and position.isdigit() and len(position) <= 18):
        raise NotFound
    found = await fetch(ENTRY, {"position": position})
    if not found:
        raise NotFound
    text: str = found[0][0]
    return text


def stored_names_of(types: str) -> list[str]:
    """The stored names that a list of names, and of beginnings such as ``entity.*``, stands for.

    Raises UnknownStoredName.
    """
    names: list[str] = []
    for one in types.split(","):
        begins = one.removesuffix("*") if one.endswith(ANY) else None
        found = [
            name
            for name in (*EVENTS, *UPCASTERS)
            if (name == one if begins is None else name.startswith(begins))
        ]
        if not found:
            raise UnknownStoredName(stored_name=one, nearest=", ".join(_nearest(one)))
        names += found
    return names


def _nearest(text: str) -> list[str]:
    return get_close_matches(text[:64], [*EVENTS, *UPCASTERS], 3, cutoff=0)
