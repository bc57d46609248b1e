"""A reader of webhooks on this machine: a real server, which answers as a test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
HANGS = b""


def answering(status: int, *headers: str) -> bytes:
    """A reply of a status."""
    lines = "".join(f"{line}\r\n" for line in headers)
    return f"HTTP/1.1 {status} As told\r\nContent-Length: 0\r\n{lines}\r\n".encode()


@dataclass
class Received:
    """One message, as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> Any:
        return msgspec.json.decode(self.body)

    def verified(self, secret: str) -> Any:
        """What it says, if the reader's library takes its signature; else that raises."""
        return Webhook(secret).verify(self.body, self.headers)


@dataclass
class Receiver:
    """Remembers what it was sent. ``replies`` are what it answers in turn, HANGS for nothing;
    ``before`` happens before each.
    """

    replies: Iterator[bytes]
    before: Callable[[], object] = lambda: None
    port: int = 0
    received: list[Received] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks?from=tenure"

    async def has(self, count: int) -> list[Received]:
        """Wait until it was sent so many; all of them."""
        async with asyncio.timeout(30):
            while len(self.received) < count:
                self.more.clear()
                await self.more.wait()
        return self.received

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
            headers = dict(line.lower().split(": ", 1) for line in lines if line)
            # Of a signature the case counts.
            headers |= dict(line.split(": ", 1) for line in lines if line.startswith("webhook"))
            body = await reader.readexactly(int(headers["content-length"]))
            reply = next(self.replies)
            self.received.append(Received(first.split(" ")[1], headers, body))
            self.more.set()
            await asyncio.to_thread(self.before)
            if reply is HANGS:
                await reader.read()
            writer.write(reply)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def receiving(
    *replies: bytes, before: Callable[[], object] = lambda: None
) -> AsyncIterator[Receiver]:
    """A receiver that gives some replies in turn, and the last one from then on."""

    def in_turn() -> Iterator[bytes]:
        yield from replies[:-1]
        yield from repeat(replies[-1] if replies else OK)

    receiver = Receiver(in_turn(), before)
    server = await asyncio.start_server(receiver.take, "127.0.0.1", 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
