"""The disk's own limit: pgbench, 64 clients, one INSERT a commit into a table like the log."""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import psycopg

from tests.benchmarks.database import Database, programs
from tests.benchmarks.figures import Sample
from tests.benchmarks.load import CONNECTIONS, Unusable, foreign_cores

NAME = "pgbench, INSERT a commit"

# An entry of the log has some 450 bytes.
SCHEMA = """
create table log (position bigint primary key, entry bytea not null);
create sequence log_position;
"""
SCRIPT = """
insert into log values (nextval('log_position'), convert_to(repeat('e', 450), 'UTF8'));
"""


def prepare(database: Database) -> str:
    """The URL of a database with an empty log-like table."""
    url = database.create("benchmark_pgbench")
    with psycopg.connect(url) as connection:
        connection.execute(SCHEMA)
    return url


def apply(url: str, seconds: float) -> Sample:
    """Insert for that long; latencies come from pgbench's own log of each transaction."""
    busy = foreign_cores()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        script = folder / "insert.sql"
        script.write_text(SCRIPT)
        command = [
            *(str(programs() / "pgbench"), "--no-vacuum", "--protocol", "prepared"),
            *("--client", str(CONNECTIONS), "--jobs", "1", "--time", str(max(1, round(seconds)))),
            *("--log", "--log-prefix", str(folder / "transactions"), "--file", str(script), url),
        ]
        finished = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=seconds + 60
        )
        if finished.returncode != 0:
            raise Unusable(f"pgbench failed: {finished.stderr}")
        lines = [
            line for log in folder.glob("transactions.*") for line in log.read_text().splitlines()
        ]
    return parse(finished.stdout, lines, busy)


def parse(output: str, transactions: Sequence[str], busy: float = 0.0) -> Sample:
    """The sample in pgbench's summary and its log (client, transaction, microseconds, ...)."""
    summary = dict(line.split("=", 1) for line in _as_pairs(output))
    done = int(summary["number of transactions actually processed"].split("/")[0])
    failed = int(summary["number of failed transactions"].split()[0])
    per_second = float(summary["tps"].split()[0])
    latencies = sorted(int(line.split()[2]) for line in transactions) or [0]
    return Sample(
        requests=done,
        seconds=done / per_second if per_second else 0.0,
        p50_milliseconds=latencies[len(latencies) // 2] / 1e3,
        p99_milliseconds=latencies[len(latencies) * 99 // 100] / 1e3,
        failures=failed,
        foreign_cores=busy,
    )


def _as_pairs(output: str) -> list[str]:
    """Lines `name: value` and `name = value` alike, as `name=value`."""
    pairs = []
    for line in output.splitlines():
        for separator in (" = ", ": "):
            name, found, value = line.partition(separator)
            if found:
                pairs.append(f"{name}={value}")
                break
    return pairs
