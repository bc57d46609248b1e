"""A proxy between a server and its PostgreSQL that loses a COMMIT, or the answer to it.

It understands as much of PostgreSQL's protocol as it takes to know a trip that writes: its
statements are bound by the names ``write`` and ``commit``, and it ends with a Sync.
"""

import asyncio
import contextlib
import shutil
import tempfile
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Literal, Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Loss = Literal["commit", "answer"]

BIND, SYNC, READY = b"B", b"S", b"Z"
# Whatever else ends what a client has to say for now.
HANDED_ON = {SYNC, b"Q", b"H", b"p", b"d", b"c", b"f", b"X"}
PORT = 5432


class Proxy:
    """Listens on a unix socket for the length of a block; ``url`` leads through it.

    ``lose`` arms it: the next trip that writes loses its COMMIT on the way there, or the answer to
    it on the way back, and then its connection; or ``silently`` all of the trip, or all that is
    answered, and the connection stays as when a network is cut. ``lost`` counts.
    """

    def __init__(self, database_url: str) -> None:
        self._target = conninfo_to_dict(database_url)
        self._folder = Path(tempfile.mkdtemp(prefix="tenure-proxy-"))
        self.url = make_conninfo(database_url, host=str(self._folder), port=PORT)
        self._losses: list[Loss] = []
        self.silently = False
        self.lost = 0
        self._loop = asyncio.new_event_loop()
        self._running = threading.Thread(target=self._loop.run_forever)

    def lose(self, *losses: Loss, silently: bool = False) -> None:
        """Lose these, one a trip that writes, in this order."""
        self.lost, self.silently = 0, silently
        self._losses = list(losses)

    def __enter__(self) -> Self:
        self._running.start()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = self._wait_for(
            asyncio.start_unix_server(self._connected, self._folder / f".s.PGSQL.{PORT}")
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()
        self._wait_for(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._running.join()
        self._loop.close()
        shutil.rmtree(self._folder)

    def _wait_for(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there = await self._connect()
            try:
                await Connection(self, (reader, writer), there).run()
            finally:
                there[1].close()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._tasks.discard(task)

    async def _connect(self) -> tuple[StreamReader, StreamWriter]:
        host, port = str(self._target.get("host", "")), self._target.get("port", PORT)
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(str(port)))

    def takes(self, statements: list[str]) -> Loss | None:
        """What is lost of a trip, if anything."""
        if not self._losses or not {"write", "commit"} <= set(statements):
            return None
        self.lost += 1
        return self._losses.pop(0)


class Connection:
    """One connection through the proxy: a pump each way."""

    def __init__(
        self,
        proxy: Proxy,
        here: tuple[StreamReader, StreamWriter],
        there: tuple[StreamReader, StreamWriter],
    ) -> None:
        self._proxy, self._here, self._there = proxy, here, there
        self._swallowing = False

    async def run(self) -> None:
        """Pass everything on until one end closes, or something is to be lost."""
        pumps = [asyncio.create_task(pump) for pump in (self._requests(), self._answers())]
        try:
            done, _ = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in done:
                pump.result()
        finally:
            for pump in pumps:
                pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(*pumps, return_exceptions=True)

    async def _requests(self) -> None:
        reader, writer = self._here[0], self._there[1]
        # The first message has no letter before its length.
        writer.write(await rest_of_message(reader))
        while True:
            trip, statements = [], []
            kind = b""
            while kind not in HANDED_ON:
                kind = await reader.readexactly(1)
                message = await rest_of_message(reader)
                if kind == BIND:
                    statements.append(message[4:].split(b"\0", 2)[1].decode())
                trip.append((kind, message))
            loss = self._proxy.takes(statements)
            if loss == "commit" and self._proxy.silently:
                await asyncio.Event().wait()
            if loss == "commit":
                place = at_commit(trip)
                writer.writelines(kind + message for kind, message in trip[:place])
                await writer.drain()
                return
            self._swallowing = loss == "answer"
            writer.writelines(kind + message for kind, message in trip)
            await writer.drain()

    async def _answers(self) -> None:
        reader, writer = self._there[0], self._here[1]
        while True:
            kind = await reader.readexactly(1)
            message = await rest_of_message(reader)
            if not self._swallowing:
                writer.write(kind + message)
                await writer.drain()
            elif kind == READY and not self._proxy.silently:
                return


async def rest_of_message(reader: StreamReader) -> bytes:
    """A message from its length on."""
    length = await reader.readexactly(4)
    return length + await reader.readexactly(int.from_bytes(length) - 4)


def at_commit(trip: list[tuple[bytes, bytes]]) -> int:
    """Where in a trip the COMMIT begins."""
    return next(
        place
        for place, (kind, message) in enumerate(trip)
        if kind == BIND and message[4:].split(b"\0", 2)[1] == b"commit"
    )
