"""A client that follows the log, and reads server-sent events as the standard has them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from tests.stories.client import Client


class Told(NamedTuple):
    """One server-sent event."""

    id: str
    event: str
    data: Any


class Following:
    """A stream of events that is open."""

    def __init__(self, reply: httpx.Response) -> None:
        self.reply = reply
        self._events = _events(reply.iter_lines())

    def next(self, count: int = 1) -> list[Told]:
        """The next so many events, once they are there."""
        return [next(self._events) for _ in range(count)]

    def rest(self) -> list[Told]:
        """The events until the stream ends."""
        return list(self._events)


@contextmanager
def following(
    client: Client, *, headers: dict[str, str] | None = None, url: str | None = None, **query: Any
) -> Iterator[Following]:
    """Follow the log for the length of a block."""
    base = url or str(client.http.base_url)
    with (
        httpx.Client(base_url=base, timeout=30) as connection,
        connection.stream(
            "GET",
            "/v1/log",
            params={"follow": "true", **query},
            headers=client.headers(headers),
        ) as reply,
    ):
        assert reply.status_code == 200
        assert reply.headers["content-type"] == "text/event-stream"
        yield Following(reply)


def _events(lines: Iterator[str]) -> Iterator[Told]:
    last_id, event, data = "", "message", ""
    for line in lines:
        name, _, value = line.partition(": ")
        match name:
            case "id":
                last_id = value
            case "event":
                event = value
            case "data":
                data += value
            case "" if not value and data:
                yield Told(last_id, event, json.loads(data))
                event, data = "message", ""
