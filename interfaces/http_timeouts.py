"""What uvicorn leaves out: an end to requests half sent, and JSON for those that are no HTTP."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import cast
from uuid import uuid4

from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from domain.refusals import InvalidHttp, Refusal, RequestTimeout
from interfaces.api.errors import headers_of, mir_body, status_of
from interfaces.http_writing import OneWrite

HEADER_BYTES = 65_536


@dataclass(frozen=True)
class Timeouts:
    """How long a client may keep a connection waiting."""

    header_seconds: float
    body_seconds: float


class Awaited(Enum):
    """What a connection waits for from its client."""

    NOTHING = 0
    HEADERS = 1
    BODY = 2


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, noting what it waits for and since when, without a timer a request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a first request."""
        super().connection_made(OneWrite(transport, self.loop))  # type: ignore[arg-type]
        self.awaited = Awaited.HEADERS
        self.since = self.loop.time()
        self.header_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Read on; a byte of a body starts its time anew, a byte of headers does not."""
        if self.awaited is Awaited.BODY:
            self.since = self.loop.time()
        super().data_received(data)
        if self.awaited is Awaited.HEADERS:
            self.header_bytes += len(data)
            if self.header_bytes > HEADER_BYTES:
                self._refuse(InvalidHttp())
        elif (
            self.awaited is Awaited.NOTHING
            and self.timeout_keep_alive_task is None
            and self._answered
        ):
            # An empty line between two requests has just cancelled uvicorn's keep-alive timeout.
            self._await_headers()

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._await_headers()

    def on_headers_complete(self) -> None:
        """Its headers are there."""
        self.awaited = Awaited.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Its body too."""
        self.awaited = Awaited.NOTHING
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP, and close."""
        self._refuse(InvalidHttp())

    def enforce(self, timeouts: Timeouts, now: float) -> None:
        """Close the connection if its client has kept it waiting for too long."""
        if self.transport.is_closing():
            return
        waited = now - self.since
        if self.awaited is Awaited.HEADERS and waited > timeouts.header_seconds:
            if self.scope is None:
                self.transport.close()
            elif self._answered:
                self._refuse(RequestTimeout())
        elif self.awaited is Awaited.BODY and waited > timeouts.body_seconds:
            # Paused by ourselves: the client may be willing to go on.
            if self.flow.read_paused:
                return
            if self.cycle.response_started:
                self.transport.close()
            else:
                self._refuse(RequestTimeout())

    def _await_headers(self) -> None:
        self.awaited = Awaited.HEADERS
        self.since = self.loop.time()
        self.header_bytes = 0

    @property
    def _answered(self) -> bool:
        # None before the first request, though uvicorn's annotation denies it.
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _refuse(self, refusal: Refusal) -> None:
        body = mir_body(refusal)
        headers = [
            *self.server_state.default_headers,
            *headers_of(refusal),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
            (b"x-request-id", str(uuid4()).encode()),
        ]
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
        self.transport.write(STATUS_LINE[status_of(type(refusal))] + lines + b"\r\n" + body)
        self.transport.close()


def sweep(connections: Iterable[object], timeouts: Timeouts, now: float) -> None:
    """Enforce the timeouts on every connection; meant to be called once a second."""
    for connection in list(connections):
        if isinstance(connection, TimedProtocol):
            connection.enforce(timeouts, now)
