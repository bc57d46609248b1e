"""Tenure itself, as its user runs it: `tenure serve` with one worker, everything on."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.benchmarks.database import Database
from tests.benchmarks.load import Kind, Requests, Unusable
from tests.benchmarks.processes import ROOT, Server, free_port, plain_environment, serving

EVENTS = "Tenure POST /v1/events"
EVALUATE = "Tenure POST /v1/policy/evaluate"
PATHS: dict[Kind, str] = {"events": "/v1/events", "evaluate": "/v1/policy/evaluate"}


@dataclass(frozen=True)
class Tenure:
    """A running Tenure with a partner's key."""

    server: Server
    database_url: str
    api_key: str

    def requests(self, kind: Kind, entities: int = 10_000) -> Requests:
        """Requests of that kind about that many people, with the partner's key."""
        return Requests(f"{self.server.url}{PATHS[kind]}", kind, entities, self.api_key)

    def head(self) -> int:
        """The position of the last entry in the log: what is really stored."""
        with psycopg.connect(self.database_url) as connection:
            found = connection.execute("select coalesce(max(position), 0) from log").fetchone()
        return int(found[0]) if found else 0


def program() -> str:
    """The path of `tenure`, beside this Python; `Unusable` when it is not installed."""
    beside = Path(sys.executable).with_name("tenure")
    found = str(beside) if beside.exists() else shutil.which("tenure")
    if found is None:
        raise Unusable("`tenure` is not installed for this Python: pip install -e .")
    return found


@contextmanager
def running(database: Database, name: str = "benchmark_tenure") -> Iterator[Tenure]:
    """Serve Tenure on a free port with an empty database, and approve a partner."""
    url = database.create(name)
    port = free_port()
    data = database.folder / name
    data.mkdir(exist_ok=True)
    environment = {"TENURE_DATABASE_URL": url}
    command = [program(), "serve", "--data", str(data), "--port", str(port), "--workers", "1"]
    with serving(
        command,
        port=port,
        log=database.folder / f"{name}.log",
        ready_path="/readyz",
        environment=environment,
    ) as server:
        yield Tenure(server, url, _approve(data, environment))


def _approve(data: Path, environment: dict[str, str]) -> str:
    command = [
        *(program(), "partner", "approve", "--name", "bench", "--json", "--data", str(data)),
    ]
    finished = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=plain_environment() | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if finished.returncode != 0:
        raise Unusable(f"no partner could be approved: {finished.stdout}{finished.stderr}")
    return str(json.loads(finished.stdout)["apiKey"])
