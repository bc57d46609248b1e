"""[batch] `POST /v1/events/batch` beside binary COPY of the very rows that it wrote.

COPY is the fastest way into PostgreSQL: no look-ups, no decisions, rows as bytes. It fills the same
tables, with the same indexes and partitions, in a database of its own that begins empty: once a
whole round in one transaction, and once a transaction a batch, which is as durable as the answers.
"""

import http.client
import json
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count, islice
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
EVENTS_A_ROUND = BATCHES_A_ROUND * EVENTS_A_BATCH
# Each has one event a round: COPY could not write the row of whoever has more as often as we do.
ENTITIES = EVENTS_A_ROUND
OF_COPY = 0.3

WRITTEN = {
    "log": "select * from log where position > {after} and position <= {until}",
    "state": "select * from state where position > {after} and position <= {until}",
    "subject": """
        select subject.* from subject
        join log on stream = 'entity-' || entity_id and version = 1
        where position > {after} and position <= {until}
    """,
    "idempotency": "select * from idempotency where position > {after} and position <= {until}",
}
"""By table, the rows that events made, after one position until another."""


def batch(database: Database, options: Options) -> Report:
    """Batches over a few connections, COPY, and single events beside batches, round by round."""
    numbers = count()
    batches, copy = Series(f"Tenure POST {PATH}, events"), Series("one binary COPY, events")
    copies = Series("a binary COPY a batch, events")
    beside = Series(f"{tenure.EVENTS} beside batches")
    with tenure.running(database) as running:
        _send(running, list(_bodies(numbers, CONNECTIONS)))
        for number in range(options.repeats):
            bodies = list(_bodies(numbers, BATCHES_A_ROUND))
            before = running.head()
            batches.samples.append(_send(running, bodies))
            if running.head() - before != EVENTS_A_ROUND:
                raise Unusable("not every event that was answered is in the log")
            for peer, events in ((copy, EVENTS_A_ROUND), (copies, EVENTS_A_BATCH)):
                transactions = [
                    _rows(running.database_url, after, after + events)
                    for after in range(before, before + EVENTS_A_ROUND, events)
                ]
                url = database.create(f"benchmark_copy_{events}_{number}")
                peer.samples.append(_copy(url, transactions))
            beside.samples.append(_beside(running, numbers, options.seconds))
    report = compare("batch", [batches, copy, copies, beside])
    report.targets = [Target(f"of {copy.name}", batches.ratio_to(copy), OF_COPY)]
    report.remarks.append(
        f"{BATCHES_A_ROUND} batches of {EVENTS_A_BATCH:,} new events a round, {CONNECTIONS} "
        f"connections, {ENTITIES:,} people; latencies are a batch's, and COPY's the whole round's"
    )
    return report


def _bodies(numbers: Iterator[int], batches: int) -> Iterator[bytes]:
    """New events: no two have the same time."""
    for _ in range(batches):
        yield body_of(numbers, EVENTS_A_BATCH)


def body_of(numbers: Iterator[int], size: int) -> bytes:
    """A batch of so many new events."""
    start = datetime.now(UTC) - timedelta(days=1)
    events = []
    for number in islice(numbers, size):
        at = (start + timedelta(milliseconds=number)).isoformat(timespec="milliseconds")
        events.append(
            {
                "userExternalId": f"employee-{number % ENTITIES}",
                "eventType": "transaction.completed",
                "occurredAt": at.replace("+00:00", "Z"),
            }
        )
    return json.dumps({"events": events}).encode()


def post(running: tenure.Tenure, body: bytes) -> None:
    """Send one batch, over a connection of its own. Raises Unusable unless all of it is new."""
    headers = {"content-type": "application/json", "x-api-key": running.api_key}
    connection = http.client.HTTPConnection("127.0.0.1", running.server.port, timeout=60)
    connection.request("POST", PATH, body, headers)
    summary = json.loads(connection.getresponse().read())["summary"]
    connection.close()
    if summary["created"] != summary["total"]:
        raise Unusable(f"a batch was answered {summary}")


def _send(running: tenure.Tenure, bodies: Iterable[bytes]) -> Sample:
    busy = load.foreign_cores()
    waiting = iter(bodies)
    headers = {"content-type": "application/json", "x-api-key": running.api_key}
    all_new = b'{"summary":{"total":%d,"created":%d,' % (EVENTS_A_BATCH, EVENTS_A_BATCH)

    def send() -> list[float]:
        connection = http.client.HTTPConnection("127.0.0.1", running.server.port, timeout=60)
        seconds = []
        # One thread at a time takes from an iterator that is not a generator.
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
        requests=len(latencies) * EVENTS_A_BATCH,
        seconds=seconds,
        p50_milliseconds=median(latencies) * 1e3,
        p99_milliseconds=quantiles(latencies, n=100)[-1] * 1e3,
        foreign_cores=busy,
    )


def _beside(running: tenure.Tenure, numbers: Iterator[int], seconds: float) -> Sample:
    """Events one by one, while another client sends batches without a pause."""
    busy = load.foreign_cores()
    ended = threading.Event()
    bodies = iter(lambda: None if ended.is_set() else next(_bodies(numbers, 1)), None)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(_send, running, bodies)
        try:
            sample = load.apply(running.requests("events"), seconds)
        finally:
            ended.set()
        sending.result()
    return replace(sample, foreign_cores=busy)


def _rows(url: str, after: int, until: int) -> dict[str, bytes]:
    found = {}
    with psycopg.connect(url) as connection:
        for table, query in WRITTEN.items():
            statement = sql.SQL("copy ({}) to stdout (format binary)").format(
                sql.SQL(query).format(after=sql.Literal(after), until=sql.Literal(until))
            )
            with connection.cursor().copy(statement) as copied:
                found[table] = b"".join(copied)
    return found


def _copy(url: str, transactions: list[dict[str, bytes]]) -> Sample:
    prepare(url)
    busy = load.foreign_cores()
    with psycopg.connect(url) as connection:
        connection.execute("select tenure_housekeep()")
        connection.commit()
        started_at = time.perf_counter()
        for rows in transactions:
            for table, written in rows.items():
                statement = sql.SQL("copy {} from stdin (format binary)").format(
                    sql.Identifier(table)
                )
                with connection.cursor().copy(statement) as copying:
                    copying.write(written)
            connection.commit()
        seconds = time.perf_counter() - started_at
    return Sample(
        requests=EVENTS_A_ROUND,
        seconds=seconds,
        p50_milliseconds=seconds * 1e3,
        p99_milliseconds=seconds * 1e3,
        foreign_cores=busy,
    )
