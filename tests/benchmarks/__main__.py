"""Benchmarks of Tenure, each figure beside its limit or its peer, measured in the same run.

    python -m tests.benchmarks [names...] [--seconds 3] [--repeats 3] [--json FILE]

Names:

events        POST /v1/events with everything on (authentication, idempotency, inline folds,
              fsync), one worker, 64 connections; beside an empty ASGI application under the same
              uvicorn (the ceiling), FastAPI with a stock `eventsourcing` save (the ordinary way)
              and pgbench with one INSERT a commit (the disk).
evaluate      POST /v1/policy/evaluate, each decision recorded, beside events in the same run.
batch         POST /v1/events/batch, 1,000 new events each, beside one binary COPY of the same rows
              into the same tables and indexes, and a COPY a batch; then single events beside
              batches that do not pause.
append_cost   Buffers that an append touches: in an empty log, for an entity of 100,000 events, in
              a log of 1,000,000. By EXPLAIN (ANALYZE, BUFFERS) and the server's own counters.
memory        Resident memory of the worker while 1,000,000 events over 100,000 entities go in.
agents        A tree of 100,000 agents, 32 deep: lineage, lists and trees over HTTP, the kill of a
              tenth of it, and what events posted meanwhile wait.
market        A marketplace of 10,000 open jobs and 1,000 agents (others with --market-jobs and
              --market-agents): polling, its queries and the pages that it touches; then accept,
              deliver and evaluate, each request another job, beside events in the same run.
as_of         The standing of an entity of 100,000 events as of random moments, over HTTP, with the
              pages that it touches; beside now, and beside folding from the beginning.
rebuild       `tenure projections rebuild` of 1,000,000 events over 100,000 entities (another number
              with --rebuild-events), with the peak memory of its processes, beside the library's
              stock ProjectionRunner on a smaller log, a bare loop in one process, and the same
              counts in SQL, which are the limit.
follow        The lag of a followed version while 3,000 events a second arrive in batches.
export        `tenure log export` of 1,000,000 entries to NDJSON and to Parquet, beside a binary
              COPY out that is thrown away.
peers         The peers alone: what this machine can do without Tenure. Only when named.

Needs: `tenure` installed for this Python, and wrk (`apt-get install wrk`). PostgreSQL comes with
the wheel, runs in a temporary folder with fsync on, and is the same for all in a run.

How to read it: medians of the repeats with their range; ratios are medians of the ratios round
by round. The load is a closed loop, so a latency is that of a server kept full. `foreign cores`
is what others kept busy just before a sample: above 0.1 or so, measure again. A ratio under 1.3
shows nothing on a small machine. Exit code 1 when a target is missed or a benchmark could not run.

`python -m tests.benchmarks.profile` shows where the time of a request goes.
"""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import fill
from types import FrameType
from typing import NoReturn

from tests.benchmarks.agents import agents
from tests.benchmarks.append_cost import append_cost
from tests.benchmarks.as_of import as_of
from tests.benchmarks.batch import batch
from tests.benchmarks.database import Database, temporary_database
from tests.benchmarks.export import export
from tests.benchmarks.figures import Report, say, write_json
from tests.benchmarks.follow import follow
from tests.benchmarks.load import Unusable, find_wrk
from tests.benchmarks.market import market
from tests.benchmarks.memory import memory
from tests.benchmarks.options import Options
from tests.benchmarks.rebuild import rebuild
from tests.benchmarks.write_path import evaluate, events, peers

BENCHMARKS: dict[str, Callable[[Database, Options], Report]] = {
    "events": events,
    "evaluate": evaluate,
    "batch": batch,
    "append_cost": append_cost,
    "memory": memory,
    "agents": agents,
    "market": market,
    "as_of": as_of,
    "rebuild": rebuild,
    "follow": follow,
    "export": export,
    "peers": peers,
}
USUAL = tuple(name for name in BENCHMARKS if name != "peers")
SHOWN_PACKAGES = (
    "eventsourcing",
    "fastapi",
    "uvicorn",
    "uvloop",
    "httptools",
    "pydantic",
    "psycopg",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks named; print each report as it is ready."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if unknown := [name for name in parsed.names if name not in BENCHMARKS]:
        parser.error(f"no benchmark is called {', '.join(unknown)}: {', '.join(BENCHMARKS)}")
    options = Options(
        seconds=parsed.seconds,
        repeats=parsed.repeats,
        warm_up_seconds=min(1.0, parsed.seconds),
        memory_events=parsed.memory_events,
        memory_entities=parsed.memory_entities,
        log_entries=parsed.log_entries,
        entity_entries=parsed.entity_entries,
        agents=parsed.agents,
        market_jobs=parsed.market_jobs,
        market_agents=parsed.market_agents,
        rebuild_events=parsed.rebuild_events,
    )
    # A request to end must unwind the stack, or servers would be left behind.
    signal.signal(signal.SIGTERM, _end)
    find_wrk()
    reports: list[Report] = []
    machine: dict[str, str] = {}
    failed = False
    for name in parsed.names:
        try:
            with temporary_database() as database:
                if not machine:
                    machine = _machine(database)
                    say(fill(", ".join(f"{key} {value}" for key, value in machine.items()), 100))
                report = BENCHMARKS[name](database, options)
        except Unusable as error:
            say(f"\n[{name}] could not run: {error}")
            failed = True
            continue
        reports.append(report)
        say(f"\n{report.text()}")
    if parsed.json and reports:
        write_json(parsed.json, machine, reports)
    return int(failed or not all(target.met for one in reports for target in one.targets))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="name", default=list(USUAL))
    parser.add_argument("--seconds", type=float, default=3.0, help="of each sample")
    parser.add_argument("--repeats", type=int, default=3, help="samples of each server")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")
    parser.add_argument("--memory-events", type=int, default=Options.memory_events)
    parser.add_argument("--memory-entities", type=int, default=Options.memory_entities)
    parser.add_argument("--log-entries", type=int, default=Options.log_entries)
    parser.add_argument("--entity-entries", type=int, default=Options.entity_entries)
    parser.add_argument("--rebuild-events", type=int, default=Options.rebuild_events)
    parser.add_argument("--agents", type=int, default=Options.agents)
    parser.add_argument("--market-jobs", type=int, default=Options.market_jobs)
    parser.add_argument("--market-agents", type=int, default=Options.market_agents)
    return parser


def _machine(database: Database) -> dict[str, str]:
    """What the figures depend on beside the code."""
    found = {"python": platform.python_version(), "cores": str(os.cpu_count())}
    found["load"] = f"{os.getloadavg()[0]:.2f}"
    for package in SHOWN_PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "-"
    return found | {f"pg.{name}": value for name, value in database.settings().items()}


def _end(signal_number: int, _: FrameType | None) -> NoReturn:
    sys.exit(128 + signal_number)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unusable as error:
        sys.exit(f"tests.benchmarks: {error}")
