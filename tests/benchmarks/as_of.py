"""[as_of] The standing of an entity of 100,000 events as of any moment of its past.

The events come over HTTP, a thousand a batch, so what is asked later is what Tenure itself kept
while it wrote. Then the moments, drawn at random, are asked again with the snapshots gone, which is
what folding from the beginning costs.
"""

import random
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from statistics import median

import msgspec
import psycopg

from application.log.connections import options as begun_as
from domain.entity import ENTITY
from domain.fold import SNAPSHOT_EVERY
from projections.catalogue import INLINE
from projections.engine.replay import ROWS, Replay
from tests.benchmarks import tenure
from tests.benchmarks.client import HEADINGS, Client, row
from tests.benchmarks.database import Database
from tests.benchmarks.explain import Explained, Prepared
from tests.benchmarks.figures import Report, Target
from tests.benchmarks.load import foreign_cores
from tests.benchmarks.options import Options

PERSON = "employee-long"
EVENTS_A_BATCH = 1_000
TIMES, TIMES_FROM_THE_BEGINNING = 300, 5
MEDIAN_MILLISECONDS = 20.0
PAGES_AT_MOST = 2_000
"""A thousand entries, each on a page of its own, and what leads to them."""

ENTITY_OF = "select entry ->> 'id' from log where stream like 'entity-%' and version = 1"


def as_of(database: Database, options: Options) -> Report:
    """Report the events, ask about random moments, and look at the statement that answers."""
    report = Report("as_of", HEADINGS)
    chance = random.Random(options.entity_entries)
    with tenure.running(database) as running:
        client = Client(running)
        first = running.head() + 1
        _report_events(client, options.entity_entries)
        last = running.head()
        moments = [chance.randint(first, last) for _ in range(TIMES)]
        busy = foreign_cores()
        now = [client.timed("POST", _path(None), _asked()) for _ in range(TIMES)]
        then = [client.timed("POST", _path(one), _asked()) for one in moments]
        middle = options.entity_entries // 2 // SNAPSHOT_EVERY * SNAPSHOT_EVERY
        # Just before a snapshot is as far from the one before as can be.
        explained = _explain(running.database_url, first + max(0, middle - 2))
        with psycopg.connect(running.database_url) as connection:
            connection.execute("delete from snapshot")
        alone = [
            client.timed("POST", _path(one), _asked()) for one in moments[:TIMES_FROM_THE_BEGINNING]
        ]
    report.rows = [
        row("standing, now", now),
        row("standing, as of a random moment", then),
        row("the same without snapshots", alone),
    ]
    report.targets = [
        Target("as of, median", median(then) * 1e3, MEDIAN_MILLISECONDS, False, "ms"),
        Target("pages touched", explained.total.touched, PAGES_AT_MOST, False),
        Target(
            "tables read from end to end",
            sum(node.name == "Seq Scan" for node in explained.nodes),
            0,
            False,
        ),
    ]
    report.remarks.append(f"{options.entity_entries:,} events; foreign cores before: {busy:.2f}")
    report.data["explained"] = asdict(explained)
    return report


def _report_events(client: Client, number: int) -> None:
    start = datetime.now(UTC) - timedelta(days=20)
    for begin in range(0, number, EVENTS_A_BATCH):
        client.send(
            "POST",
            "/v1/events/batch",
            {
                "events": [
                    {
                        "userExternalId": PERSON,
                        "eventType": "transaction.completed",
                        "occurredAt": (start + timedelta(seconds=one)).isoformat(),
                    }
                    for one in range(begin, min(begin + EVENTS_A_BATCH, number))
                ]
            },
        )


def _path(position: int | None) -> str:
    return "/v1/policy/standing" + ("" if position is None else f"?asOf={position}")


def _asked() -> dict[str, object]:
    return {"actor": {"type": "human", "id": PERSON}}


def _explain(url: str, position: int) -> Explained:
    """What the statement touches that finds the entity's row of a moment."""
    with psycopg.connect(url, options=begun_as("tenure_writer")) as connection:
        (entity_id,) = connection.execute(ENTITY_OF).fetchall()[0]
        replay = Replay(INLINE)
        asked = replay.asked(0, (ENTITY.name, entity_id))
        prepared = Prepared(connection, "rows", ROWS)
        parameters = {
            "asked": msgspec.json.encode([asked]).decode(),
            "until": str(position),
            "limit": str(replay.at_a_time),
        }
        # The first fills caches of the catalogue, and does not count.
        return [prepared.explain(parameters) for _ in range(2)][1]
