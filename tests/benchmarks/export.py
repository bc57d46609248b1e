"""[export] `tenure log export` beside a COPY of the same entries that is thrown away.

The log is grown by copies, so that there is enough to export; what is measured is a whole export
into an empty folder, hashed and on disk.
"""

import shutil
import time
from pathlib import Path

import psycopg

from interfaces.export.formats import FormatName
from interfaces.export.segments import Export
from tests.benchmarks import load, tenure
from tests.benchmarks.append_cost import GROWING
from tests.benchmarks.database import Database
from tests.benchmarks.figures import Report, Sample, Series, Target, compare
from tests.benchmarks.load import Unusable
from tests.benchmarks.options import Options

ENTITIES_OF = 10
"""Entries an entity has, on the average."""

TARGETS: dict[FormatName, int] = {"ndjson": 200_000, "parquet": 100_000}
"""Entries a second."""

LIMIT = b"copy (select entry from log order by position) to stdout (format binary)"


def export(database: Database, options: Options) -> Report:
    """Each format in turn, and the limit, round by round."""
    limit = Series("binary COPY out, thrown away, entries")
    formats = {name: Series(f"export as {name}, entries") for name in TARGETS}
    with tenure.running(database) as running:
        _grow(running, options.log_entries)
        head = running.head()
        for number in range(options.repeats):
            limit.samples.append(_copied(running.database_url, head))
            for name, series in formats.items():
                folder = database.folder / f"export-{name}-{number}"
                series.samples.append(_exported(running.database_url, folder, name, head))
    report = compare("export", [limit, *formats.values()])
    report.targets = [
        Target(formats[name].name, formats[name].per_second, bound)
        for name, bound in TARGETS.items()
    ]
    report.remarks = [
        f"{head:,} entries; of the limit: "
        + ", ".join(f"{name} {one.ratio_to(limit):.2f}" for name, one in formats.items())
    ]
    return report


def _grow(running: tenure.Tenure, entries: int) -> None:
    load.probe(running.requests("events"))
    parameters = {"entries": entries, "entities": max(1, entries // ENTITIES_OF)}
    with psycopg.connect(running.database_url) as connection:
        for name in ("new_entities", "find_new_entity", "grow_log"):
            connection.execute(GROWING[name], parameters)
    with psycopg.connect(running.database_url, autocommit=True) as connection:
        connection.execute("vacuum analyze log")


def _copied(url: str, head: int) -> Sample:
    busy = load.foreign_cores()
    started_at = time.perf_counter()
    with psycopg.connect(url) as connection, connection.cursor().copy(LIMIT) as copying:
        for _ in copying:
            pass
    return _sample(head, time.perf_counter() - started_at, busy)


def _exported(url: str, folder: Path, name: FormatName, head: int) -> Sample:
    busy = load.foreign_cores()
    exporting = Export(url, folder, name)
    started_at = time.perf_counter()
    exporting.run()
    seconds = time.perf_counter() - started_at
    if exporting.manifest.position != head:
        raise Unusable("the export does not hold the whole log")
    shutil.rmtree(folder)
    return _sample(head, seconds, busy)


def _sample(head: int, seconds: float, busy: float) -> Sample:
    return Sample(
        requests=head,
        seconds=seconds,
        p50_milliseconds=seconds * 1e3,
        p99_milliseconds=seconds * 1e3,
        foreign_cores=busy,
    )
