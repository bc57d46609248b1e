"""The ordinary way: a FastAPI route with a pydantic body, one stock `eventsourcing` save each.

Library defaults on PostgreSQL, a new aggregate a request (its cheapest write), no
authentication and no idempotency: less than Tenure does. The same route twice: as a plain `def`,
which FastAPI runs in its thread pool, and as an `async def`, whose save holds the event loop up.
The second is no way to serve, but has fewer threads to switch between, and may be the faster.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from fastapi import FastAPI
from pydantic import BaseModel

from tests.benchmarks.database import Database
from tests.benchmarks.load import Requests
from tests.benchmarks.processes import Running, free_port, serving, uvicorn

NAMES = {
    "/v1/events": "FastAPI + stock save, thread pool",
    "/v1/events-in-loop": "FastAPI + stock save, event loop",
}

# As many connections as threads: none of FastAPI's 40 ever waits for one.
POOL_SIZE = "40"


class Participation(Aggregate):
    """An event of a person, as an aggregate of the library."""

    @event("Recorded")
    def __init__(self, user_external_id: str, event_type: str, occurred_at: datetime) -> None:
        self.user_external_id = user_external_id
        self.event_type = event_type
        self.occurred_at = occurred_at


class EventBody(BaseModel):
    """The body that Tenure takes, too."""

    userExternalId: str  # noqa: N815 - the field's name on the wire
    eventType: str  # noqa: N815 - the field's name on the wire
    occurredAt: datetime  # noqa: N815 - the field's name on the wire


class Reply(BaseModel):
    """What the ordinary route answers."""

    id: UUID
    position: int


def create_app() -> FastAPI:
    """The application; the library reads its settings from the environment."""
    api = FastAPI()
    application: Application[UUID] = Application(dict(os.environ))

    @api.get("/")
    def ready() -> dict[str, str]:
        return {"status": "ready"}

    def save(body: EventBody) -> Reply:
        participation = Participation(body.userExternalId, body.eventType, body.occurredAt)
        recordings = application.save(participation)
        return Reply(id=participation.id, position=recordings[-1].notification.id)

    @api.post("/v1/events", status_code=201)
    def record(body: EventBody) -> Reply:
        return save(body)

    @api.post("/v1/events-in-loop", status_code=201)
    async def record_in_loop(body: EventBody) -> Reply:
        return save(body)

    return api


@contextmanager
def running(folder: Path, database: Database) -> Iterator[dict[str, Running]]:
    """Serve it on a free port, with a database of its own; both routes, by the name to show."""
    port = free_port()
    database.create("benchmark_stock")
    parts = database.parts()
    environment = {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": "benchmark_stock",
        "POSTGRES_HOST": parts["host"],
        "POSTGRES_PORT": parts["port"],
        "POSTGRES_USER": parts["user"],
        "POSTGRES_PASSWORD": parts["password"],
        "POSTGRES_POOL_SIZE": POOL_SIZE,
    }
    command = [*uvicorn(f"{__name__}:create_app", port), "--factory"]
    log = folder / "stock.log"
    with serving(command, port=port, log=log, environment=environment) as server:
        yield {
            name: Running(server, Requests(f"{server.url}{path}", "events"))
            for path, name in NAMES.items()
        }
