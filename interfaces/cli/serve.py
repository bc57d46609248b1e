"""`tenure serve`."""

import os
from typing import Annotated

import typer

from interfaces import serve as server
from interfaces.cli.options import Data
from interfaces.settings import Settings


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = 8000,
    workers: Annotated[
        int | None,
        typer.Option(help="Worker processes (default: one a CPU, 4 at most).", min=1),
    ] = None,
    data: Data = None,
) -> None:
    """Run the server, with an embedded PostgreSQL unless TENURE_DATABASE_URL names another."""
    server.serve(Settings.load(data), host, port, workers or min(os.cpu_count() or 1, 4))
