"""[batch] `POST /v1/events/batch` beside one binary COPY of the very rows that it wrote.

COPY is the fastest way into PostgreSQL: no look-ups, no decisions, rows as bytes. It fills the same
tables, with the same indexes and partitions, in a database of its own, in one transaction.
"""

import http.client
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from statistics import median, quantiles

import psycopg
from psycopg import sql

from interfaces.wiring import prepare
from tests.benchmarks import load, tenure
from tests.benchmarks.database import Database
from tests.benchmarks.figures import Report, Sample, Series, Target, compare
from tests.benchmarks.load import Unusable
from tests.benchmarks.options import Options

PATH = "/v1/events/batch"
EVENTS_A_BATCH = 1_000
BATCHES_A_ROUND = 30
CONNECTIONS = 4
ENTITIES = 10_000
OF_COPY = 0.3

WRITTEN = {
    "log": "select * from log where position > {before}",
    "state": "select * from state where position > {before}",
    "subject": """
        select subject.* from subject
        join log on stream = 'entity-' || entity_id and version = 1
        where position > {before}
    """,
    "idempotency": "select * from idempotency where position > {before}",
}
"""By table, the rows that events after a position made."""


def batch(database: Database, options: Options) -> Report:
    """Batches over a few connections and COPY, round by round."""
    numbers = count()
    batches, copy = Series(f"Tenure POST {PATH}, events"), Series("one binary COPY, events")
    with tenure.running(database) as running:
        _send(running, list(_bodies(numbers, CONNECTIONS)))
        for number in range(options.repeats):
            bodies = list(_bodies(numbers, BATCHES_A_ROUND))
            before = running.head()
            batches.samples.append(_send(running, bodies))
            if running.head() - before != len(bodies) * EVENTS_A_BATCH:
                raise Unusable("not every event that was answered is in the log")
            rows = _rows_after(running.database_url, before)
            copy.samples.append(_copy(database.create(f"benchmark_copy_{number}"), rows))
    report = compare("batch", [batches, copy])
    report.targets = [Target(f"of {copy.name}", batches.ratio_to(copy), OF_COPY)]
    report.remarks.append(
        f"{BATCHES_A_ROUND} batches of {EVENTS_A_BATCH:,} new events a round, "
        f"{CONNECTIONS} connections, {ENTITIES:,} people; latencies are a batch's, COPY's the whole"
    )
    return report


def _bodies(numbers: Iterator[int], batches: int) -> Iterator[bytes]:
    """New events: no two have the same time."""
    start = datetime.now(UTC) - timedelta(days=1)
    for _ in range(batches):
        events = []
        for number in (next(numbers) for _ in range(EVENTS_A_BATCH)):
            at = (start + timedelta(milliseconds=number)).isoformat(timespec="milliseconds")
            events.append(
                {
                    "userExternalId": f"employee-{number % ENTITIES}",
                    "eventType": "transaction.completed",
                    "occurredAt": at.replace("+00:00", "Z"),
                }
            )
        yield json.dumps({"events": events}).encode()


def _send(running: tenure.Tenure, bodies: list[bytes]) -> Sample:
    busy = load.foreign_cores()
    waiting = iter(bodies)
    headers = {"content-type": "application/json", "x-api-key": running.api_key}
    all_new = b'{"summary":{"total":%d,"created":%d,' % (EVENTS_A_BATCH, EVENTS_A_BATCH)

    def send() -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", running.server.port, timeout=60)
        seconds = []
        # One thread at a time takes from a list's iterator.
        for body in waiting:
            sent_at = time.perf_counter()
            connection.request("POST", PATH, body, headers)
            answer = connection.getresponse().read()
            seconds.append(time.perf_counter() - sent_at)
            if not answer.startswith(all_new):
                raise Unusable(f"a batch was answered {answer[:300].decode()}")
        connection.close()
        return seconds

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        started_at = time.perf_counter()
        sending = [pool.submit(send) for _ in range(CONNECTIONS)]
        latencies = [one for sent in sending for one in sent.result()]
        seconds = time.perf_counter() - started_at
    return Sample(
        requests=len(bodies) * EVENTS_A_BATCH,
        seconds=seconds,
        p50_milliseconds=median(latencies) * 1e3,
        p99_milliseconds=quantiles(latencies, n=100)[-1] * 1e3,
        foreign_cores=busy,
    )


def _rows_after(url: str, before: int) -> dict[str, bytes]:
    found = {}
    with psycopg.connect(url) as connection:
        for table, query in WRITTEN.items():
            statement = sql.SQL("copy ({}) to stdout (format binary)").format(
                sql.SQL(query).format(before=sql.Literal(before))
            )
            with connection.cursor().copy(statement) as copied:
                found[table] = b"".join(copied)
    return found


def _copy(url: str, rows: dict[str, bytes]) -> Sample:
    prepare(url)
    busy = load.foreign_cores()
    with psycopg.connect(url) as connection:
        connection.execute("select tenure_housekeep()")
        connection.commit()
        started_at = time.perf_counter()
        for table, written in rows.items():
            statement = sql.SQL("copy {} from stdin (format binary)").format(sql.Identifier(table))
            with connection.cursor().copy(statement) as copying:
                copying.write(written)
        connection.commit()
        seconds = time.perf_counter() - started_at
    return Sample(
        requests=BATCHES_A_ROUND * EVENTS_A_BATCH,
        seconds=seconds,
        p50_milliseconds=seconds * 1e3,
        p99_milliseconds=seconds * 1e3,
        foreign_cores=busy,
    )
