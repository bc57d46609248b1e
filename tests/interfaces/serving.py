"""`tenure serve` with the stand-in application, as a process of its own."""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from interfaces.serve import serve
from interfaces.settings import Settings

ROOT = Path(__file__).parents[2]
APP = "tests.interfaces.standin:create_app"
READY_SECONDS = 30


@dataclass
class Served:
    """A running server."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str) -> str:
        """The body of a reply, over a connection of its own."""
        return httpx.get(f"{self.url}{path}", timeout=10, headers={"connection": "close"}).text

    def stop(self) -> int:
        """Ask the server to end; its exit code."""
        self.process.terminate()
        return self.process.wait(30)

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def messages(self) -> str:
        """Everything that it wrote."""
        return self.log.read_text()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def start(
    data: Path, *, port: int = 0, workers: int = 1, app: str = APP, **settings: str
) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a server, without waiting until it is ready; the process and its log."""
    data.mkdir(parents=True, exist_ok=True)
    log = data / f"log-{time.monotonic_ns()}"
    command = [sys.executable, "-m", "tests.interfaces.serving", "--data", str(data)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port), "--workers", str(workers), "--app", app],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return process, log


@contextmanager
def serving(data: Path, *, port: int = 0, workers: int = 1, **settings: str) -> Iterator[Served]:
    """A server that is ready; stopped at the end, if it still runs."""
    process, log = start(data, port=port, workers=workers, **settings)
    try:
        eventually(lambda: "ready: http" in log.read_text() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        line = next(line for line in log.read_text().splitlines() if "ready: http" in line)
        yield Served(process, line.rsplit(" ", 1)[1], log)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def eventually(holds: Callable[[], object], seconds: float = READY_SECONDS) -> None:
    """Wait until something holds; fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def kill(pid: int) -> None:
    """Kill a process in a way that it cannot notice."""
    os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--app")
    given = parser.parse_args()
    serve(
        Settings.load(given.data),
        "127.0.0.1",
        given.port,
        given.workers,
        app=given.app,
        first_key=lambda *_: "mir_sandbox_first",
    )
