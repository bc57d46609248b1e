"""The log as it goes: lines to its end, and events as they are written.

A stream holds one page in memory, and reads the next one when its client has taken that: one who
reads slowly is waited for.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import TypedDict

import msgspec

from domain.refusals import InvalidField, Refusal, Unavailable
from interfaces.api.call import Answered, Call
from interfaces.api.decoding import NDJSON
from interfaces.api.errors import mir_body
from interfaces.cloud_events import CloudEvent, cloud_event
from projections.log import Logged, Page, read_log, read_stream

EVENT_STREAM = b"text/event-stream"
AT_A_TIME = 500
HEARTBEAT_SECONDS = 15.0

_encoder = msgspec.json.Encoder()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries somebody wants, and in which form."""

    after: int
    until: int | None
    limit: int | None
    types: Sequence[str] | None
    stream: str | None
    as_cloud_events: bool

    def shown(self, entry: Logged) -> Logged | CloudEvent:
        """An entry in the form that is wanted."""
        return cloud_event(entry) if self.as_cloud_events else entry


class _Bounds(TypedDict):
    after: int
    until: int | None
    limit: int
    types: Sequence[str] | None


async def pages(
    call: Call, wanted: Wanted, *, at_a_time: int = AT_A_TIME
) -> AsyncGenerator[Page, None]:
    """What is wanted of the log as it stands, page by page."""
    after, until, left = wanted.after, wanted.until, wanted.limit
    while True:
        call.reads_the_log()
        limit = at_a_time if left is None else min(at_a_time, left)
        bounds: _Bounds = {"after": after, "until": until, "limit": limit, "types": wanted.types}
        if wanted.stream is None:
            page = await read_log(call.fetch_log, call.principal.tenant or None, **bounds)
        else:
            page = await read_stream(call.fetch_log, wanted.stream, **bounds)
        yield page
        # What is written meanwhile would have no end.
        after, until = page.position, page.end
        if left is not None:
            left -= len(page.entries)
        if not page.has_more or left == 0:
            return


async def lines(call: Call, wanted: Wanted) -> Answered:
    """All that is wanted, one entry a line; the last line says so if it is not all."""
    found = pages(call, wanted)
    # A refusal still has its status before the first line.
    first = await anext(found)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield _encoder.encode_lines([wanted.shown(entry) for entry in first.entries])
        async with _listening(call) as is_there:
            async for page in found:
                if call.services.draining.is_set():
                    raise Unavailable(reason="this server is stopping")
                if not is_there():
                    return
                yield _encoder.encode_lines([wanted.shown(entry) for entry in page.entries])

    return Answered(200, b"", media_type=NDJSON, stream=stream())


async def followed(call: Call, wanted: Wanted) -> Answered:
    """All that is wanted, and then each entry as it is written, until the client or the server
    goes, or the credential dies.
    """
    await call.reach()
    await call.confirm()
    return Answered(
        200,
        b"",
        [(b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")],
        media_type=EVENT_STREAM,
        stream=_events(call, wanted),
    )


def last_event_id(call: Call) -> int | None:
    """After which position a follower goes on that was here before. Raises InvalidField."""
    text = call.sent.get(b"last-event-id")
    if text is None:
        return None
    if not text.isdigit() or len(text) > 18:
        raise InvalidField(field="Last-Event-ID", reason="a position of the log is wanted")
    return int(text)


async def _events(call: Call, wanted: Wanted) -> AsyncGenerator[bytes, None]:
    try:
        async with _listening(call) as is_there:
            async for part in _written(call, wanted, is_there):
                yield part
    except Refusal as refusal:
        yield b"event: refused\ndata: " + mir_body(refusal) + b"\n\n"


async def _written(
    call: Call, wanted: Wanted, is_there: Callable[[], bool]
) -> AsyncGenerator[bytes, None]:
    tail, told_at = call.services.tail, monotonic()
    while is_there() and not call.services.draining.is_set():
        word = tail.next_word()
        async for page in _in_turn(call, wanted):
            if page.entries:
                yield b"".join([_event(one.position, wanted.shown(one)) for one in page.entries])
                told_at = monotonic()
            limit = None if wanted.limit is None else wanted.limit - len(page.entries)
            wanted = msgspec.structs.replace(wanted, after=page.position, limit=limit)
            if limit == 0 or not is_there():
                return
        if monotonic() - told_at > HEARTBEAT_SECONDS:
            yield b": still here\nid: %d\n\n" % wanted.after
            told_at = monotonic()
        await tail.heard(word)


async def _in_turn(call: Call, wanted: Wanted) -> AsyncIterator[Page]:
    """The pages there are, each read when it is this stream's turn."""
    found = pages(call, wanted)
    while True:
        async with call.services.tail.reading:
            page = await anext(found, None)
        if page is None:
            return
        yield page


def _event(position: int, shown: Logged | CloudEvent) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (position, _encoder.encode(shown))


@asynccontextmanager
async def _listening(call: Call) -> AsyncIterator[Callable[[], bool]]:
    """Tells whether the client is still there to be told."""
    leaving = asyncio.create_task(call.left())
    try:
        yield lambda: not leaving.done()
    finally:
        leaving.cancel()
