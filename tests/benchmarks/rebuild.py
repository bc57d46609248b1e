"""[rebuild] A projection rebuilt from the whole log, beside what else could be done.

The log is made by SQL: participation events dealt out to a tenth as many entities. It is rebuilt by
the command that an analyst types, start and all, into the fold `entity`. Beside it: the library's
stock runner on a log of its own; a loop as bare as it can be, in one process (binary COPY out,
decode, fold in a dict, COPY in); and, as the limit, the same counts made in SQL of the columns that
stand beside the entries.
"""

import json
import subprocess
import threading
import time
from pathlib import Path

import psutil
import psycopg

from domain.entity import ENTITY
from domain.events import decode
from domain.known import NO_ROW, Row
from interfaces.wiring import prepare
from projections.at_hand import at_hand
from projections.engine.reading import entries
from projections.engine.storing import copy_rows
from projections.engine.versions import begin_version, connect
from tests.benchmarks import load
from tests.benchmarks.database import Database
from tests.benchmarks.figures import Report, Sample, Series, Target, compare
from tests.benchmarks.load import Unusable
from tests.benchmarks.options import Options
from tests.benchmarks.peers import projection_runner
from tests.benchmarks.processes import ROOT, plain_environment
from tests.benchmarks.tenure import program
from tests.projections.logs import grow

ENTRIES_AN_ENTITY = 10
OF_STOCK, OF_BARE = 80, 0.6
MEBIBYTE = 1024 * 1024

IN_SQL = """
create temporary table counted on commit drop as
select
    stream, max(version) as version, max(position) as position, count(*) as event_count,
    min(recorded_at) as first_at, max(recorded_at) as last_at
from log
where type = 'entity.participated.v1'
group by stream
"""


def rebuild(database: Database, options: Options) -> Report:
    """Rebuild, and its peers, round by round."""
    events = options.rebuild_events
    url = database.create("benchmark_rebuild")
    data = database.folder / "benchmark_rebuild"
    data.mkdir(exist_ok=True)
    prepare(url)
    grow(url, events, events // ENTRIES_AN_ENTITY)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze log")
    ours, bare, limit, stock = (
        Series("tenure projections rebuild, events"),
        Series("a bare loop in one process, events"),
        Series("the same in SQL, of columns, events"),
        Series("stock ProjectionRunner, events"),
    )
    peaks = []
    for _ in range(options.repeats):
        sample, peak = _rebuilt(url, data, events)
        ours.samples.append(sample)
        peaks.append(peak)
        bare.samples.append(_bare(url, events))
        limit.samples.append(_in_sql(url, events))
        stock.samples.append(projection_runner.measured(database))
    report = compare("rebuild", [ours, bare, limit, stock])
    report.targets = [
        Target("times the stock runner", ours.ratio_to(stock), OF_STOCK),
        Target("of the bare loop", ours.ratio_to(bare), OF_BARE),
    ]
    report.remarks.append(
        f"{events:,} events over {events // ENTRIES_AN_ENTITY:,} entities; the stock runner's log "
        f"has {projection_runner.EVENTS:,}; peak memory of all processes of a rebuild "
        f"{max(peaks):,.0f} MiB; latencies are of the whole"
    )
    report.data["peak_mebibytes"] = peaks
    return report


def _rebuilt(url: str, data: Path, events: int) -> tuple[Sample, float]:
    """One rebuild, and the most memory that its processes had at once, in MiB."""
    busy = load.foreign_cores()
    command = [program(), "projections", "rebuild", "entity", "--json", "--data", str(data)]
    environment = plain_environment() | {"TENURE_DATABASE_URL": url}
    started_at = time.perf_counter()
    child = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    peaks = [0.0]
    watching = threading.Thread(target=_watch, args=(child.pid, peaks))
    watching.start()
    output, _ = child.communicate()
    seconds = time.perf_counter() - started_at
    watching.join()
    if child.returncode != 0 or json.loads(output)["condition"] == "failed":
        raise Unusable(f"the rebuild ended with {child.returncode}: {output.decode()}")
    return _sample(events, seconds, busy), peaks[0]


def _watch(process_id: int, peaks: list[float]) -> None:
    try:
        process = psutil.Process(process_id)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            family = [process, *process.children(recursive=True)]
            peaks[0] = max(peaks[0], sum(_resident(one) for one in family) / MEBIBYTE)
            time.sleep(0.05)
    except psutil.NoSuchProcess:
        return


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def _bare(url: str, events: int) -> Sample:
    """The same rows by the shortest way, in this process."""
    busy = load.foreign_cores()
    with connect(url) as connection, connection.transaction(force_rollback=True):
        version = begin_version(connection, at_hand()["entity"], partitions=1, until=events)
        started_at = time.perf_counter()
        rows: dict[str, Row] = {}
        evolve = ENTITY.evolve
        for position, document in entries(connection, ENTITY, 0, events):
            entry = decode(document)
            key = entry.aggregate_id
            before = rows.get(key, NO_ROW)
            rows[key] = Row(before.version + 1, position, evolve(before.state, entry))
        copy_rows(connection, version, rows.items())
        seconds = time.perf_counter() - started_at
    return _sample(events, seconds, busy)


def _in_sql(url: str, events: int) -> Sample:
    busy = load.foreign_cores()
    with psycopg.connect(url) as connection:
        started_at = time.perf_counter()
        connection.execute(IN_SQL)
        seconds = time.perf_counter() - started_at
    return _sample(events, seconds, busy)


def _sample(events: int, seconds: float, busy: float) -> Sample:
    return Sample(events, seconds, seconds * 1e3, seconds * 1e3, foreign_cores=busy)
