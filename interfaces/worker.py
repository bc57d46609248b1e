"""One worker process of `tenure serve`: uvicorn on a socket that the supervisor opened."""

import argparse
import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from typing import NoReturn

import uvicorn
from uvicorn.importer import import_from_string

from interfaces.http_timeouts import TimedProtocol, Timeouts, sweep
from interfaces.logs import log_to_stderr
from interfaces.settings import Settings

GRACE_SECONDS = 15
KEEP_ALIVE_SECONDS = 65

# Another supervisor may be waiting for the port.
ORPHAN_GRACE_SECONDS = 2

log = logging.getLogger("tenure.worker")


class Worker(uvicorn.Server):
    """A uvicorn server that says when it is ready, and to its application when it is to end, and
    ends when its supervisor does.
    """

    def __init__(
        self, config: uvicorn.Config, draining: asyncio.Event, ready: int, lifeline: int
    ) -> None:
        super().__init__(config)
        self._draining = draining
        self._ready = ready
        self._lifeline = lifeline

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then tell the supervisor."""
        await super().startup(sockets)
        collect_garbage_seldom()
        asyncio.get_running_loop().add_reader(self._lifeline, self._orphaned)
        os.write(self._ready, b"\n")
        os.close(self._ready)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Have what has no end of its own end, then wait for the requests in flight."""
        self._draining.set()
        await super().shutdown(sockets)

    def _orphaned(self) -> None:
        """The supervisor is gone: nothing else holds the other end of the pipe."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._lifeline)
        log.error("The supervisor has died; this worker ends.")
        self.should_exit = True
        loop.call_later(ORPHAN_GRACE_SECONDS, os._exit, 1)


def collect_garbage_seldom() -> None:
    """Leave what the start made out of every later collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def main() -> None:
    """Serve until SIGTERM; started by the supervisor only, which hands down the descriptors."""
    signal.signal(signal.SIGTERM, _leave)
    parser = argparse.ArgumentParser(prog="python -m interfaces.worker")
    parser.add_argument("--app", required=True, help="module:function(settings, url)")
    parser.add_argument("--socket", type=int, required=True, help="listening socket")
    parser.add_argument("--ready", type=int, required=True, help="pipe to write to once ready")
    parser.add_argument("--lifeline", type=int, required=True, help="pipe whose end means: end")
    arguments = parser.parse_args()

    settings = Settings.load()
    log_to_stderr(settings.log_level)
    create_app = import_from_string(arguments.app)
    timeouts = Timeouts(settings.header_timeout_seconds, settings.body_timeout_seconds)

    async def every_second() -> None:
        now = asyncio.get_running_loop().time()
        sweep(worker.server_state.connections, timeouts, now)

    app = create_app(settings, settings.database_url)
    worker = Worker(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=TimedProtocol,
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            backlog=2048,
            callback_notify=every_second,
            timeout_notify=1,
        ),
        # Any application can be served; ours has streams.
        getattr(app, "draining", asyncio.Event()),
        arguments.ready,
        arguments.lifeline,
    )
    worker.run(sockets=[socket.socket(fileno=arguments.socket)])


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


if __name__ == "__main__":
    main()
