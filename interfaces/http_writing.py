"""What uvicorn writes in parts and is better sent in one: the head of a reply, and its body.

Each write is a system call, and wakes the client for half a reply.
"""

import asyncio
from typing import Any

HELD_BYTES_AT_MOST = 65_536
"""More is handed on at once, so that a client that reads slowly is noticed."""


class OneWrite:
    """A transport that hands on together what is written to it in one turn of the event loop."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def __getattr__(self, name: str) -> Any:
        """Whatever else a transport does."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Hold it until the turn is over, or there is much of it."""
        if not self._held:
            self._loop.call_soon(self._hand_on)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > HELD_BYTES_AT_MOST:
            self._hand_on()

    def close(self) -> None:
        """Close once all that was written has gone."""
        self._hand_on()
        self._transport.close()

    def _hand_on(self) -> None:
        if self._held:
            held, self._held, self._held_bytes = self._held, [], 0
            self._transport.write(b"".join(held))
