"""`tenure serve` as a process of its own: the whole of it, or with the stand-in application."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import psycopg

from interfaces.postgres import EmbeddedPostgres
from interfaces.serve import serve
from interfaces.settings import Settings

ROOT = Path(__file__).parents[2]
APP = "tests.interfaces.standin:create_app"
TENURE = str(Path(sys.executable).with_name("tenure"))
READY_SECONDS = 30

# Too long to be a name, so that no resolver is asked, who might know one that answers.
NO_HOST = ".".join(["nowhere"] * 40)

# Of every server on a database that several tests share: it refuses any other secrets.
SECRETS = {"TENURE_PEPPER": "0f" * 32, "TENURE_IDENTIFIER_SECRET": "f0" * 32}


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
        """Process ids of its workers, and of nothing else that it has started."""
        return [
            child.pid
            for child in psutil.Process(self.process.pid).children()
            if "interfaces.worker" in command_of(child)
        ]

    def messages(self) -> str:
        """Everything that it wrote."""
        return self.log.read_text()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.url.rpartition(":")[2])

    @property
    def first_key(self) -> str:
        """The API key that it printed on its first start."""
        return self.messages().partition("shown only now: ")[2].split()[0]


def command_of(process: psutil.Process) -> list[str]:
    """The words of its command, none when it has ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def accepts(url: str) -> bool:
    """Whether a PostgreSQL takes connections."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@contextmanager
def a_data_folder() -> Iterator[Path]:
    """A folder for a server with a PostgreSQL of its own; gone at the end.

    Outside pytest's folders: their parents are private, and their long names no socket takes.
    """
    data = Path(tempfile.mkdtemp(prefix="tenure-tests-"))
    try:
        yield data
    finally:
        postgres = EmbeddedPostgres(data)
        if postgres.is_running():
            # A killed server left it behind: join it, then be the last to leave.
            postgres.start()
            postgres.stop()
        shutil.rmtree(data)


def start(
    data: Path, *, port: int = 0, workers: int = 1, app: str | None = APP, **settings: str
) -> tuple[subprocess.Popen[bytes], Path]:
    """Start a server, without waiting until it is ready; the process and its log.

    Without an application it is the command itself, as its users have it.
    """
    data.mkdir(parents=True, exist_ok=True)
    if "TENURE_DATABASE_URL" in settings:
        settings = SECRETS | settings
    log = data / f"log-{time.monotonic_ns()}"
    command = [TENURE, "serve"]
    environment = os.environ | settings
    if app is not None:
        command = [sys.executable, "-m", "tests.interfaces.serving", "--app", app]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | settings
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--data", str(data), "--port", str(port), "--workers", str(workers)],
            cwd=data if app is None else ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return process, log


@contextmanager
def serving(
    data: Path, *, port: int = 0, workers: int = 1, app: str | None = APP, **settings: str
) -> Iterator[Served]:
    """A server that is ready; stopped at the end, if it still runs."""
    process, log = start(data, port=port, workers=workers, app=app, **settings)
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
