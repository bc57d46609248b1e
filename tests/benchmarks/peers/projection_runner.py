"""The ordinary way to project: the library's stock `ProjectionRunner` on its own PostgreSQL log.

Each event is one transaction: a row of a view counted up, and the position tracked.
"""

import time
from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL, Identifier

from tests.benchmarks.database import Database
from tests.benchmarks.figures import Sample

EVENTS, AGGREGATES = 5_000, 500


class Participant(Aggregate):
    """Somebody who takes part, as an aggregate of the library."""

    @event("Begun")
    def __init__(self) -> None:
        self.times = 0

    @event("Participated")
    def participate(self, kind: str) -> None:
        """Once more."""
        self.times += 1


class Participants(Application[UUID]):
    """Their events."""

    name = "participants"


class Counts(PostgresTrackingRecorder):
    """How often each took part."""

    def __init__(self, datastore: PostgresDatastore, **settings: Any) -> None:
        super().__init__(datastore, **settings)
        self.sql_create_statements.append(
            SQL("create table if not exists {} (who uuid primary key, number bigint)").format(
                Identifier("counts")
            )
        )

    def count(self, who: UUID, tracking: Tracking) -> None:
        """Count once more, and note how far the log was read."""
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute(
                "insert into counts values (%s, 1)"
                " on conflict (who) do update set number = counts.number + 1",
                [who],
            )
            self._insert_tracking(cursor, tracking)


class Counting(Projection[Counts]):
    """Counts."""

    name = "counting"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Count an event of whoever it is of."""
        self.view.count(domain_event.originator_id, tracking)


def measured(database: Database) -> Sample:
    """Project a log of a few thousand events, none of which was projected before."""
    name = "benchmark_runner"
    database.create(name)
    parts = database.parts()
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": name,
        "POSTGRES_HOST": parts["host"],
        "POSTGRES_PORT": parts["port"],
        "POSTGRES_USER": parts["user"],
        "POSTGRES_PASSWORD": parts["password"],
    }
    application = Participants(environment)
    last = 0
    for _ in range(AGGREGATES):
        participant = Participant()
        for _ in range(EVENTS // AGGREGATES - 1):
            participant.participate("transaction.completed")
        last = application.save(participant)[-1].notification.id
    application.close()
    started_at = time.perf_counter()
    with ProjectionRunner(
        application_class=Participants,
        projection_class=Counting,
        view_class=Counts,
        env=environment,
    ) as runner:
        runner.wait(last, timeout=120)
        seconds = time.perf_counter() - started_at
    return Sample(EVENTS, seconds, seconds * 1e3, seconds * 1e3)
