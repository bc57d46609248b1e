"""[follow] How far behind a followed version is while events arrive, 3,000 a second.

A server with everything on, and a version of `entity` that is built and not live, so the followers'
process follows it. Events come in batches at an even pace. Of each position that the head was seen
at, the lag is the time until the version has read it, as another connection sees both.
"""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from statistics import median, quantiles
from typing import NamedTuple

import psycopg

from projections.engine.rebuild import rebuild
from tests.benchmarks import load, tenure
from tests.benchmarks.batch import body_of, post
from tests.benchmarks.database import Database
from tests.benchmarks.figures import Report, Sample, Target
from tests.benchmarks.load import Unusable
from tests.benchmarks.options import Options

EVENTS_A_SECOND = 3_000
EVENTS_A_BATCH = 60
CONNECTIONS = 4
LOOK_SECONDS = 0.002
P99_MILLISECONDS = 100.0
PATIENCE_SECONDS = 10.0

LOOK = """
select
    (select max(position) from log),
    (select position from follower where name = 'projection entity 2')
"""


class Seen(NamedTuple):
    """What was seen at a moment: the head, and how far the version had read."""

    at: float
    head: int
    position: int


def follow(database: Database, options: Options) -> Report:
    """Send at an even pace, and watch both positions."""
    busy = load.foreign_cores()
    with tenure.running(database) as running:
        post(running, body_of(count(), EVENTS_A_BATCH))
        version = rebuild(running.database_url, "entity")
        assert version.follower == "projection entity 2"
        # Somebody leads it within a second or two of its being built, which is no lag.
        post(running, body_of(count(), EVENTS_A_BATCH))
        _wait_until_followed(running.database_url)
        with _watching(running.database_url) as seen:
            sent, seconds = _send(running, options.seconds * options.repeats)
    lags = [lag * 1e3 for lag in lags_of(seen)]
    if not lags:
        raise Unusable("the version was never seen to follow")
    p99 = quantiles(lags, n=100)[-1]
    sample = Sample(sent, seconds, median(lags), p99, foreign_cores=busy)
    report = Report("follow", ["", "events/s", "lag p50 ms", "lag p99 ms", "lag max ms"])
    shown = (median(lags), p99, max(lags))
    report.rows.append(["entity 2", f"{sample.per_second:,.0f}", *(f"{one:.1f}" for one in shown)])
    report.targets = [
        Target("lag p99", p99, P99_MILLISECONDS, False, "ms"),
        Target("events a second", sample.per_second, 0.95 * EVENTS_A_SECOND),
    ]
    report.remarks.append(f"foreign cores {busy:.2f}; a look every {LOOK_SECONDS * 1e3:g} ms")
    return report


def lags_of(seen: list[Seen]) -> list[float]:
    """For each head that was new when it was seen, the seconds until the version had read it."""
    lags, after = [], 0
    before = 0
    for one in seen:
        if one.head == before:
            continue
        before = one.head
        while after < len(seen) and seen[after].position < one.head:
            after += 1
        if after == len(seen):
            break
        lags.append(max(seen[after].at - one.at, 0.0))
    return lags


def _wait_until_followed(url: str) -> None:
    deadline = time.perf_counter() + PATIENCE_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while time.perf_counter() < deadline:
            ((head, position),) = connection.execute(LOOK).fetchall()
            if position == head:
                return
            time.sleep(LOOK_SECONDS)
    raise Unusable("nobody follows the version")


@contextmanager
def _watching(url: str) -> Iterator[list[Seen]]:
    seen: list[Seen] = []
    ended = threading.Event()

    def look() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            until = float("inf")
            while time.perf_counter() < until:
                ((head, position),) = connection.execute(LOOK).fetchall()
                seen.append(Seen(time.perf_counter(), head, position))
                if ended.is_set() and until == float("inf"):
                    until = time.perf_counter() + PATIENCE_SECONDS
                if ended.is_set() and position >= head:
                    return
                time.sleep(LOOK_SECONDS)

    watching = threading.Thread(target=look)
    watching.start()
    try:
        yield seen
    finally:
        ended.set()
        watching.join()


def _send(running: tenure.Tenure, seconds: float) -> tuple[int, float]:
    """Batches at an even pace, however long each takes; how many events, and in what time."""
    numbers, sent = count(EVENTS_A_BATCH), 0
    pause = EVENTS_A_BATCH / EVENTS_A_SECOND
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        started_at = time.perf_counter()
        sending = []
        while time.perf_counter() < started_at + seconds:
            sending.append(pool.submit(post, running, body_of(numbers, EVENTS_A_BATCH)))
            sent += EVENTS_A_BATCH
            time.sleep(max(started_at + len(sending) * pause - time.perf_counter(), 0))
        for one in sending:
            one.result()
        return sent, time.perf_counter() - started_at
