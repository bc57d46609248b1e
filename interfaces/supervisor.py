"""Keeps processes running: starts them, waits until they are ready, replaces those that die."""

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0

# A process that ran for so long did not die of its start.
STEADY_SECONDS = 30.0

log = logging.getLogger("tenure.supervisor")


class StartFailed(Exception):
    """A process ended before it was ready; what it wrote to standard error says why."""


@dataclass(frozen=True)
class Program:
    """A command to keep running.

    It is started with `--ready FD`, to write a byte to once it is ready, and `--lifeline FD`, which
    reads as ended when the supervisor is gone, however that went.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    descriptors: Sequence[int] = field(default=())


class Supervisor:
    """Runs programs from `start` until `stop`; tells `ended` the id of each process that ends."""

    def __init__(
        self, programs: Sequence[Program], ended: Callable[[int], object] = lambda _: None
    ) -> None:
        self._programs = programs
        self._ended = ended
        self._running: set[asyncio.subprocess.Process] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = asyncio.Event()
        # Never written to, and held by this process alone: it closes when this process ends.
        self._lifeline, self._held = os.pipe()

    async def start(self) -> Self:
        """Start every program and wait until all are ready. Raises StartFailed."""
        ready = [asyncio.get_running_loop().create_future() for _ in self._programs]
        self._keepers = [
            asyncio.create_task(self._keep(program, is_ready))
            for program, is_ready in zip(self._programs, ready, strict=True)
        ]
        await asyncio.gather(*ready)
        return self

    async def stop(self, seconds: float) -> None:
        """Ask every process to end (SIGTERM), and kill those that still run after `seconds`."""
        self._stopping.set()
        for process in self._running:
            with suppress(ProcessLookupError):
                process.terminate()
        if self._keepers:
            await asyncio.wait(self._keepers, timeout=seconds)
        for process in self._running:
            log.error("Process %d did not end within %.0f s; killing it.", process.pid, seconds)
            with suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(*self._keepers)
        os.close(self._lifeline)
        os.close(self._held)

    async def _keep(self, program: Program, ready: asyncio.Future[None]) -> None:
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started_at = time.monotonic()
            try:
                end = await self._run(program, ready)
            except OSError as error:
                end = f"could not be started: {error}"
            if self._stopping.is_set():
                break
            if not ready.done():
                ready.set_exception(StartFailed(f"The {program.name} {end}, before it was ready."))
                return
            if time.monotonic() - started_at > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            log.error("The %s %s; starting another in %.1f s.", program.name, end, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        if not ready.done():
            ready.cancel()

    async def _run(self, program: Program, ready: asyncio.Future[None]) -> str:
        listening, telling = os.pipe()
        try:
            try:
                process = await asyncio.create_subprocess_exec(
                    *program.command,
                    *("--ready", str(telling), "--lifeline", str(self._lifeline)),
                    env=program.environment,
                    pass_fds=(*program.descriptors, telling, self._lifeline),
                    # The terminal's Ctrl-C is for the supervisor, which then stops the others.
                    start_new_session=True,
                )
            finally:
                os.close(telling)
            self._running.add(process)
            if await _receives_a_byte(listening) and not ready.done():
                ready.set_result(None)
        finally:
            os.close(listening)
        code = await process.wait()
        self._running.discard(process)
        self._ended(process.pid)
        return f"(process {process.pid}) ended with exit code {code}"


async def _receives_a_byte(descriptor: int) -> bool:
    """Wait for a byte, or for the other end's close."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(descriptor, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, 1) != b""
