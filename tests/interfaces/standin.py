"""A tiny application in place of the real one, to test what runs it."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from interfaces.settings import Settings
from tests.interfaces.serving import eventually

SLOW_SECONDS = 3
HELD = "held"


def create_app(settings: Settings, url: str) -> ASGIApp:
    """An application that says who it is, dawdles, echoes or dies, by path."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
            return
        match scope["path"]:
            case "/worker":
                body = str(os.getpid()).encode()
            case "/slow":
                await asyncio.sleep(SLOW_SECONDS)
                body = b"finished"
            case "/held":
                file = settings.data / HELD
                file.touch()
                await asyncio.to_thread(eventually, lambda: not file.exists())
                body = b"finished"
            case "/database":
                body = url.encode()
            case "/metrics-folder":
                body = os.environ["PROMETHEUS_MULTIPROC_DIR"].encode()
            case "/die":
                os._exit(7)
            case _:
                body = await whole_body(receive)
        length = str(len(body)).encode()
        headers = [(b"content-length", length)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def create_broken_app(settings: Settings, url: str) -> ASGIApp:
    """An application that cannot start."""
    raise RuntimeError(f"no application for {settings.data} and {url}")


async def live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def whole_body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Wait for a request to /held, and hold it until the end of the block."""
    eventually((data / HELD).exists)
    yield
    (data / HELD).unlink()
