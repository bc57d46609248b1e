"""Where the time of a request goes: load one worker, and look into it while it works.

    python -m tests.benchmarks.profile [--kind events|evaluate] [--server tenure|bare|stock]
                                       [--seconds 10] [--gil] [--native] [--perf] [--output FILE]

Prints the processor time that a request costs in each process and its main thread's context
switches, which no sampler of stacks shows; then the functions of the worker by self and by
cumulative time, as sampled by py-spy (`pip install py-spy`). `--native` adds the C functions (and
slows the worker to half), `--gil` counts only what holds the interpreter; `--perf` samples the
worker by `perf` instead, which sees the kernel, too.
`--output` keeps the collapsed stacks (py-spy) for a flame graph.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.benchmarks import load, tenure
from tests.benchmarks.database import Database, temporary_database
from tests.benchmarks.figures import Sample, say, table
from tests.benchmarks.load import Kind, Unusable
from tests.benchmarks.peers import bare_asgi, stock
from tests.benchmarks.processes import Running

SAMPLES_PER_SECOND = 200
SHOWN_FUNCTIONS = 30
MARGIN_SECONDS = 1.0


@dataclass(frozen=True)
class Usage:
    """What a process had used at a moment."""

    user_seconds: float
    system_seconds: float
    switches: int

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(
            self.user_seconds - other.user_seconds,
            self.system_seconds - other.system_seconds,
            self.switches - other.switches,
        )

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.user_seconds + other.user_seconds,
            self.system_seconds + other.system_seconds,
            self.switches + other.switches,
        )


def main(arguments: list[str] | None = None) -> int:
    """Profile as the command line says."""
    parsed = _parser().parse_args(arguments)
    with temporary_database() as database, _server(parsed.server, parsed.kind, database) as running:
        load.probe(running.requests)
        load.apply(running.requests, 2)
        _account(running, database, parsed.seconds)
        if parsed.perf:
            _perf(running, parsed.seconds)
        else:
            _py_spy(running, parsed)
    return 0


@contextmanager
def _server(name: str, kind: Kind, database: Database) -> Iterator[Running]:
    if name == "bare":
        with bare_asgi.running(database.folder) as running:
            yield running
    elif name == "stock":
        with stock.running(database.folder, database) as routes:
            yield next(iter(routes.values()))
    else:
        with tenure.running(database) as served:
            yield Running(served.server, served.requests(kind))


@contextmanager
def _under_load(running: Running, seconds: float) -> Iterator[list[Sample]]:
    """Load in the background; the block begins when it is in full flow."""
    samples: list[Sample] = []

    def apply() -> None:
        samples.append(load.apply(running.requests, seconds + 2 * MARGIN_SECONDS))

    thread = threading.Thread(target=apply, daemon=True)
    thread.start()
    time.sleep(load.SETTLING_SECONDS + 0.3 + MARGIN_SECONDS)
    try:
        yield samples
    finally:
        thread.join()


def _account(running: Running, database: Database, seconds: float) -> None:
    """Processor time and context switches of each process, a request's share."""
    with _under_load(running, seconds) as samples:
        worker = running.server.worker()
        groups = {
            "worker": [worker],
            "the server's other processes": [
                member for member in running.server.family() if member != worker
            ],
            "PostgreSQL": database.processes(),
            "wrk": [
                child for child in psutil.Process().children() if child.name().startswith("wrk")
            ],
        }
        before = {name: _usage(members) for name, members in groups.items()}
        time.sleep(seconds)
        used = {name: _usage(members) - before[name] for name, members in groups.items()}
    requests = samples[0].per_second * seconds
    rows = [
        [
            name,
            f"{(one.user_seconds + one.system_seconds) / seconds:.2f}",
            f"{one.user_seconds / requests * 1e6:.0f}",
            f"{one.system_seconds / requests * 1e6:.0f}",
            f"{one.switches / requests:.2f}",
        ]
        for name, one in used.items()
    ]
    headings = ["", "cores", "user us/request", "system us/request", "switches/request"]
    say(f"{samples[0].per_second:,.0f} requests/s, {samples[0].failures} failed")
    say(table(headings, rows))


def _usage(members: Sequence[psutil.Process]) -> Usage:
    found = Usage(0.0, 0.0, 0)
    for member in members:
        try:
            times, switches = member.cpu_times(), member.num_ctx_switches()
        except psutil.Error:
            continue
        found += Usage(times.user, times.system, switches.voluntary + switches.involuntary)
    return found


def _py_spy(running: Running, parsed: argparse.Namespace) -> None:
    program = shutil.which("py-spy") or str(Path(sys.executable).with_name("py-spy"))
    if not Path(program).exists():
        raise Unusable("py-spy is missing: pip install py-spy")
    with tempfile.TemporaryDirectory() as folder:
        stacks = parsed.output or Path(folder) / "stacks.txt"
        with _under_load(running, parsed.seconds) as samples:
            command = [
                *(program, "record", "--pid", str(running.server.worker().pid)),
                *("--duration", str(round(parsed.seconds)), "--rate", str(SAMPLES_PER_SECOND)),
                *("--format", "raw", "--output", str(stacks), "--nonblocking"),
                *(["--gil"] if parsed.gil else []),
                *(["--native"] if parsed.native else []),
            ]
            if parsed.native:
                # Native frames can only be unwound while the process stands still.
                command.remove("--nonblocking")
            finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode != 0:
            raise Unusable(f"py-spy failed: {finished.stderr}")
        say(f"\n{samples[0].per_second:,.0f} requests/s while sampled")
        say(top_functions(stacks.read_text()))


def _perf(running: Running, seconds: float) -> None:
    program = shutil.which("perf")
    if program is None:
        raise Unusable("perf is missing: install the package `linux-perf`")
    with tempfile.TemporaryDirectory() as folder:
        recorded = str(Path(folder) / "perf.data")
        with _under_load(running, seconds):
            command = [
                *(program, "record", "-F", "999", "-g", "-o", recorded),
                *("-p", str(running.server.worker().pid), "--", "sleep", str(round(seconds))),
            ]
            finished = subprocess.run(command, capture_output=True, text=True, check=False)
        if finished.returncode != 0:
            raise Unusable(f"perf failed: {finished.stderr}")
        for order in ("dso", "dso,symbol"):
            report = [
                *(program, "report", "-i", recorded, "--stdio", "--no-children", "-g", "none"),
                *("--sort", order, "--percent-limit", "0.5"),
            ]
            shown = subprocess.run(report, capture_output=True, text=True, check=False).stdout
            say("\n".join(line.rstrip("- ") for line in shown.splitlines() if line[:1] != "#"))


def top_functions(stacks: str) -> str:
    """Two tables from collapsed stacks (`outer;inner COUNT` a line): self and cumulative time."""
    own: Counter[str] = Counter()
    cumulative: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, number = line.rpartition(" ")
        frames = [_without_line(frame) for frame in stack.split(";")]
        own[frames[-1]] += int(number)
        # A set: a function that calls itself is on the stack once.
        cumulative.update(dict.fromkeys(frames, int(number)))
    whole = sum(own.values()) or 1
    parts = [f"{whole} samples"]
    for title, counter in (("self", own), ("cumulative", cumulative)):
        rows = [
            [name, f"{number / whole:.1%}"] for name, number in counter.most_common(SHOWN_FUNCTIONS)
        ]
        parts.append(table([title, "of samples"], rows))
    return "\n\n".join(parts)


def _without_line(frame: str) -> str:
    """`name (file.py:12)` without the line, so that a function's lines are counted together."""
    head, separator, tail = frame.rpartition(":")
    return f"{head})" if separator and tail.rstrip(")").isdigit() else frame


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.profile",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--server", choices=["tenure", "bare", "stock"], default="tenure")
    parser.add_argument("--kind", choices=["events", "evaluate"], default="events")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--gil", action="store_true")
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--perf", action="store_true")
    parser.add_argument("--output", type=Path, metavar="FILE")
    return parser


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unusable as error:
        sys.exit(f"tests.benchmarks.profile: {error}")
