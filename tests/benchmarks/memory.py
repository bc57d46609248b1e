"""[memory] The resident memory of the worker while events go in: flat, and bounded."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

import psutil

from tests.benchmarks import load, tenure
from tests.benchmarks.database import Database
from tests.benchmarks.figures import Report, Target
from tests.benchmarks.load import Requests, Unusable
from tests.benchmarks.options import Options

PEAK_MEBIBYTES = 200.0
GROWTH_MEBIBYTES = 8.0
WARM_UP_SHARE = 0.2
SAMPLING_SECONDS = 0.25
MEBIBYTE = 1024 * 1024
SHOWN_SHARES = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Reading:
    """Resident memory at a moment."""

    at: float
    mebibytes: float


@dataclass(frozen=True)
class Segment:
    """One call of wrk: until when, and how many events were in by then."""

    ended_at: float
    events: int


def memory(database: Database, options: Options) -> Report:
    """Send `memory_events` over `memory_entities`, sampling the worker all the while."""
    with tenure.running(database) as running:
        requests = running.requests("events", options.memory_entities)
        load.probe(requests)
        worker = _find_worker(running, requests)
        with _watching(worker) as readings:
            segments = _send(requests, options)
    return summarise(segments, readings)


def summarise(segments: list[Segment], readings: list[Reading]) -> Report:
    """The memory at each share of the events, its peak, and its growth after warm-up."""
    total = segments[-1].events
    report = Report("memory", ["events sent", "RSS MiB"])
    for share in SHOWN_SHARES:
        reached = next(one for one in segments if one.events >= share * total)
        before = [reading for reading in readings if reading.at <= reached.ended_at]
        if before:
            report.rows.append([f"{reached.events:,}", f"{before[-1].mebibytes:.1f}"])
    middle = _between(segments, readings, WARM_UP_SHARE, 2 * WARM_UP_SHARE)
    end = _between(segments, readings, 1 - WARM_UP_SHARE, 1.0)
    peak = max(reading.mebibytes for reading in readings)
    report.targets = [
        Target("peak", peak, PEAK_MEBIBYTES, False, "MiB"),
        Target("growth after warm-up", end - middle, GROWTH_MEBIBYTES, False, "MiB"),
    ]
    report.remarks = [
        f"growth: median of the last fifth less that of the second fifth ({middle:.1f}, {end:.1f})"
    ]
    report.data["readings"] = [[reading.at, reading.mebibytes] for reading in readings]
    return report


def _between(segments: list[Segment], readings: list[Reading], low: float, high: float) -> float:
    """The median reading while that share of the events went in."""
    total = segments[-1].events
    starts = max((one.ended_at for one in segments if one.events <= low * total), default=0.0)
    ends = next(one.ended_at for one in segments if one.events >= high * total)
    found = [reading.mebibytes for reading in readings if starts <= reading.at <= ends]
    if not found:
        raise Unusable("too few readings: send more events")
    return median(found)


def _send(requests: Requests, options: Options) -> list[Segment]:
    sent = 0
    segments: list[Segment] = []
    seconds = 1.0
    while sent < options.memory_events:
        sample = load.apply(requests, seconds, start=sent)
        if sample.failures:
            raise Unusable(f"{sample.failures} of {sample.requests} requests failed")
        sent += sample.requests
        segments.append(Segment(time.monotonic(), sent))
        # wrk stops by the clock, not by a count: some twenty calls give enough marks.
        wanted = min(options.memory_events / 20, options.memory_events - sent)
        seconds = min(30.0, max(1.0, wanted / sample.per_second))
    return segments


def _find_worker(running: tenure.Tenure, requests: Requests) -> psutil.Process:
    """The process that answers, seen while it does."""
    loading = threading.Thread(target=load.apply, args=(requests, 2.0), daemon=True)
    loading.start()
    # wrk starts only after the quiet time that `load.apply` measures.
    time.sleep(load.SETTLING_SECONDS + 1.3)
    worker = running.server.worker()
    loading.join()
    return worker


@contextmanager
def _watching(worker: psutil.Process) -> Iterator[list[Reading]]:
    readings: list[Reading] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLING_SECONDS):
            readings.append(Reading(time.monotonic(), worker.memory_info().rss / MEBIBYTE))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield readings
    finally:
        ended.set()
        watcher.join()
