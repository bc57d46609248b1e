"""A listener on this machine, to which a guarded fetch is led wherever it believes it connects to.

It counts connections. So whatever gets past the guard is counted.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

PATH = "/.well-known/mir-challenge"
PUBLIC = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\n a token"


class Listener:
    """Counts connections, answers each with the same bytes, and remembers what it was asked."""

    def __init__(self, reply: bytes = OK, *, hangs: bool = False) -> None:
        self.reply, self.hangs = reply, hangs
        self.connections = 0
        self.asked: list[bytes] = []
        self.believed: list[tuple[str, int, dict[str, Any]]] = []
        self.port = 0
        self._gone = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.reply)
        if self.hangs:
            await self._gone.wait()
        writer.close()

    def leave(self) -> None:
        self._gone.set()

    async def connect(
        self, address: str, port: int, **how: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Remember where a fetch believes it connects to, and lead it here."""
        self.believed.append((address, port, how))
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def listening(
    reply: bytes = OK, *, tls: ssl.SSLContext | None = None, hangs: bool = False
) -> AsyncIterator[Listener]:
    listener = Listener(reply, hangs=hangs)
    server = await asyncio.start_server(listener.take, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        listener.leave()
        server.close()
        await server.wait_closed()


def resolving_to(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve
