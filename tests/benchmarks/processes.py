"""Server processes of a benchmark: started on a free port, waited for, stopped by their id."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks.load import Requests, Unusable

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A server that listens on a port of the loopback."""

    port: int
    process: psutil.Process

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def family(self) -> list[psutil.Process]:
        """The process started and all that it started."""
        return [self.process, *self.process.children(recursive=True)]

    def worker(self) -> psutil.Process:
        """The process of the family that holds most connections: call it under load."""
        held = {member: self._connections(member) for member in self.family()}
        best = max(held, key=lambda member: held[member])
        if not held[best]:
            raise Unusable("no process of the server holds a connection: is it under load?")
        return best

    def _connections(self, member: psutil.Process) -> int:
        try:
            connections = member.net_connections(kind="tcp")
        except psutil.Error:
            return 0
        return sum(
            connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == self.port
            for connection in connections
        )


@dataclass(frozen=True)
class Running:
    """A server, and the requests that load it."""

    server: Server
    requests: Requests


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str],
    *,
    port: int,
    log: Path,
    ready_path: str = "/",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """Run a server until the block ends; `Unusable` with the end of its log if it never serves."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            list(command),
            cwd=ROOT,
            env=plain_environment() | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own: an interrupt at the terminal reaches only us, who then stop it.
            start_new_session=True,
        )
    server = Server(port, psutil.Process(child.pid))
    try:
        _wait_until_ready(child, f"{server.url}{ready_path}", log)
        yield server
    finally:
        _stop(child, server)


def plain_environment() -> dict[str, str]:
    """Our environment without settings of Tenure: a benchmark measures the defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TENURE_")}


def uvicorn(application: str, port: int) -> list[str]:
    """The command of one uvicorn worker as every peer runs it."""
    return [
        *(sys.executable, "-m", "uvicorn", application, "--host", "127.0.0.1", "--port", str(port)),
        *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
    ]


def _wait_until_ready(child: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise Unusable(f"{child.args!r} ended with {child.returncode}:\n{_tail(log)}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise Unusable(f"{url} was not ready after {PATIENCE_SECONDS} s:\n{_tail(log)}")


def _stop(child: subprocess.Popen[bytes], server: Server) -> None:
    """Ask, wait, then insist: the child and whatever it left behind, each by its id."""
    try:
        family = server.family()
    except psutil.NoSuchProcess:
        family = []
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    try:
        child.wait(timeout=20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    _, left = psutil.wait_procs(family, timeout=5)
    for member in left:
        member.kill()


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
