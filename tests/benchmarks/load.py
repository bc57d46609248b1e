"""The load generator: wrk on one thread, with a body of its own for every request.

A closed loop: 64 connections, each sending its next request when the last is answered. So a
latency here is that of a server kept full, and is not to be read as that of a quiet one.
"""

import json
import os
import secrets
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import psutil

from tests.benchmarks.figures import Sample

CONNECTIONS = 64
SETTLING_SECONDS = 0.7
SCRIPT = Path(__file__).parent / "scripts" / "post.lua"

Kind = Literal["events", "evaluate", "empty"]


class Unusable(Exception):
    """Something that the benchmark needs is missing or broken; the text says what to do."""


@dataclass(frozen=True)
class Requests:
    """What to send, and where."""

    url: str
    kind: Kind
    entities: int = 10_000
    api_key: str = ""


def find_wrk() -> str:
    """The path of wrk, or `Unusable` with the name of the package that holds it."""
    found = shutil.which("wrk")
    if found is None:
        raise Unusable("wrk is missing: install the package `wrk` (apt-get install wrk)")
    return found


def foreign_cores(seconds: float = 0.3) -> float:
    """Cores busy while no load of ours runs: what neighbours will take from the sample."""
    # The server still answers what the last load sent when it was cut off.
    time.sleep(SETTLING_SECONDS)
    return psutil.cpu_percent(interval=seconds) / 100 * (psutil.cpu_count() or 1)


def apply(requests: Requests, seconds: float, start: int = 0) -> Sample:
    """Send requests for that long and return what was answered.

    `start` numbers the first request: a call that continues where an earlier one ended takes up
    the turn of the entities there. Idempotency keys differ from call to call in any case, so that
    a repeat is never answered from the first one's records.
    """
    return _wrk(
        requests.url,
        (requests.kind, secrets.token_hex(6), str(start), str(requests.entities)),
        seconds,
        requests.api_key,
    )


def apply_prepared(url: str, prepared: Path, seconds: float) -> Sample:
    """Send requests that are in a file as `scripts/post.lua` reads it, and then again from the
    first, for that long.
    """
    return _wrk(url, ("prepared", str(prepared)), seconds)


def _wrk(url: str, arguments: Sequence[str], seconds: float, api_key: str = "") -> Sample:
    busy = foreign_cores()
    command = [
        find_wrk(),
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{max(1, round(seconds))}s",
        *("--timeout", "10s", "-s", str(SCRIPT), url, "--"),
        *arguments,
    ]
    environment = os.environ | {"BENCHMARK_API_KEY": api_key}
    finished = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        timeout=seconds + 60,
    )
    if finished.returncode != 0:
        raise Unusable(f"wrk failed: {finished.stdout}{finished.stderr}")
    return parse(finished.stdout, busy)


def parse(output: str, busy: float = 0.0) -> Sample:
    """The sample in wrk's output: the JSON line that our script prints at its end."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            found = json.loads(line)
            break
    else:
        raise Unusable(f"wrk printed no result:\n{output}")
    failures = found["bad_statuses"] + found["broken_connections"] + found["timeouts"]
    return Sample(
        requests=found["requests"],
        seconds=found["duration_microseconds"] / 1e6,
        p50_milliseconds=found["p50_microseconds"] / 1e3,
        p99_milliseconds=found["p99_microseconds"] / 1e3,
        failures=failures,
        foreign_cores=busy,
    )


def probe(requests: Requests) -> None:
    """Send one such request and raise `Unusable`, showing the answer, unless it is a 2xx.

    wrk only counts failures; a server that fails every request is better told at once.
    """
    body = bodies(requests.kind)
    headers = {
        "Content-Type": "application/json",
        "x-api-key": requests.api_key,
        "Idempotency-Key": secrets.token_hex(8),
    }
    sent = urllib.request.Request(requests.url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(sent, timeout=10):
            return
    except urllib.error.HTTPError as error:
        answer = error.read().decode(errors="replace")
        raise Unusable(f"POST {requests.url} answered {error.code}: {answer}") from error


def bodies(kind: Kind, entity: str = "employee-0") -> dict[str, object]:
    """A body of that kind, as the script for wrk makes them."""
    if kind == "evaluate":
        return {"actor": {"type": "human", "id": entity}, "action": "data.export_pii"}
    if kind == "events":
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"userExternalId": entity, "eventType": "transaction.completed", "occurredAt": now}
    return {}
