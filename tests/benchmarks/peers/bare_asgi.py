"""The ceiling: an empty ASGI application under the same uvicorn, answering every POST alike."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.load import Requests
from tests.benchmarks.processes import Running, free_port, serving, uvicorn

NAME = "bare ASGI, empty"


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Read the body, answer 201 with two bytes."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send(
        {
            "type": "http.response.start",
            "status": 201,
            "headers": [(b"content-type", b"application/json"), (b"content-length", b"2")],
        }
    )
    await send({"type": "http.response.body", "body": b"{}"})


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Serve it on a free port; the same bodies are sent to it as to the others."""
    port = free_port()
    command = uvicorn(f"{__name__}:app", port)
    with serving(command, port=port, log=folder / "bare_asgi.log") as server:
        yield Running(server, Requests(f"{server.url}/v1/events", "events"))
