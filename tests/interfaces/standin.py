"""A tiny application in place of the real one, to test what runs it."""

import asyncio
import os
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from interfaces.settings import Settings


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
                (settings.data / "slow-began").touch()
                await asyncio.sleep(1.5)
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


def began(data: Path) -> bool:
    """Whether a request to /slow has reached the application."""
    return (data / "slow-began").exists()
