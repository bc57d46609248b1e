"""A client that sends lines and reads the answers while it sends, as the stream wants it.

Answers are looked at as every reply is: they hold what the document says.
"""

import json
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.stories.client import Client

Answers = list[dict[str, Any]]


class LineStream:
    """A POST of NDJSON that is on its way."""

    def __init__(
        self, connection: socket.socket, look_at: Callable[[HTTPResponse, bytes], None]
    ) -> None:
        self._connection, self._look_at = connection, look_at
        self.reply = HTTPResponse(connection, method="POST")

    def send(self, *items: object) -> None:
        """Send lines: what is not bytes as JSON."""
        self.send_bytes(b"".join(line_of(item) for item in items))

    def send_bytes(self, chunk: bytes) -> None:
        """Send bytes as they are."""
        self._connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))

    def end(self) -> None:
        """Say that the body is whole."""
        self._connection.sendall(b"0\r\n\r\n")

    def answers(self, count: int) -> Answers:
        """As many answers, once they are there."""
        return self._read(self.reply.readline() for _ in range(count))

    def rest(self) -> Answers:
        """All answers that are left."""
        return self._read(self.reply)

    def _read(self, answers: Iterable[bytes]) -> Answers:
        if not self.reply.headers:
            self.reply.begin()
        lines = list(answers)
        self._look_at(self.reply, b"".join(lines))
        return [json.loads(line) for line in lines]


def line_of(item: object) -> bytes:
    """A line: what is not bytes as JSON."""
    return (item if isinstance(item, bytes) else json.dumps(item).encode()) + b"\n"


@contextmanager
def streaming(
    partner: Client, *, key: str | None = None, path: str = "/v1/events/batch"
) -> Iterator[LineStream]:
    """A POST of NDJSON whose headers are sent; broken off at the end, if it is not over."""
    url = urlsplit(str(partner.http.base_url))
    headers = partner.headers(
        {"host": url.netloc, "content-type": "application/x-ndjson; charset=utf-8"}
    )
    if key is not None:
        headers["idempotency-key"] = key
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    assert url.hostname is not None

    def look_at(reply: HTTPResponse, content: bytes) -> None:
        request = httpx.Request("POST", partner.http.base_url.join(path), headers=headers)
        whole = httpx.Response(
            reply.status, headers=reply.getheaders(), content=content, request=request
        )
        for look in partner.http.event_hooks["response"]:
            look(whole)

    with socket.create_connection((url.hostname, url.port), timeout=30) as connection:
        head = f"POST {path} HTTP/1.1\r\ntransfer-encoding: chunked\r\n{lines}\r\n"
        connection.sendall(head.encode())
        yield LineStream(connection, look_at)


def stream(partner: Client, items: Iterable[object], *, key: str | None = None) -> Answers:
    """Send so few lines that their answers need not be read meanwhile; the answers."""
    with streaming(partner, key=key) as sent:
        sent.send(*items)
        sent.end()
        return sent.rest()
