"""[append_cost] The pages that an append touches: however long the entity, however long the log.

Seen twice. By EXPLAIN (ANALYZE, BUFFERS) of the committer's own statements, with its own settings
and its own role; and by the counters of PostgreSQL while events go in over HTTP one at a time.
The log is grown by SQL: copies of an entry that Tenure wrote, with rows and kept replies to match.

A connection keeps its plans while the log grows under it. A plan that is good for an empty table,
and no longer for a full one, is what this is to catch: so the first measurements go on with plans
made on the empty log, and only the last have plans made anew.
"""

import http.client
import json
import secrets
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from application.log.connections import options as begun_as
from application.log.live import Live
from application.log.loading import QUERIES as COMMITTER
from application.log.loading import Loading
from application.sql import named_queries
from projections.catalogue import INLINE
from tests.benchmarks import tenure
from tests.benchmarks.database import Database
from tests.benchmarks.explain import Cost, Explained, Prepared
from tests.benchmarks.figures import Report, Target
from tests.benchmarks.load import Unusable, bodies
from tests.benchmarks.options import Options

LOAD = Loading(Live(0, INLINE, {}, frozenset())).statements["load"]
GROWING = named_queries(Path(__file__).parent / "scripts" / "prefill.sql")
ASKING = named_queries(Path(__file__).parent / "scripts" / "append.sql")

REPEATS = 5
APPENDS = 300
APPENDING_SECONDS = 10
ENTITY_SHARE = 10
"""A grown log has one entity for so many entries."""

LONG = "employee-long"
SHORT = "employee-short"

# A B-tree of a million rows is two levels deeper than an empty one; an append descends a dozen.
PAGES_MORE_AT_MOST = 40
ROWS_MORE_AT_MOST = 0.5


@dataclass(frozen=True)
class Measured:
    """One situation, by both views; counters are an append's share."""

    name: str
    load: Explained
    write: Explained
    counters: Mapping[str, float]

    @property
    def pages(self) -> int:
        """What EXPLAIN saw both statements touch."""
        return (self.load.total + self.write.total).touched


def append_cost(database: Database, options: Options) -> Report:
    """Measure on an empty log, then as one entity and the log grow under plans made before."""
    entity = f"entity of {options.entity_entries:,}"
    log = f"log of {options.log_entries:,}"
    with tenure.running(database) as running:
        long, short = _Person(running, LONG), _Person(running, SHORT)
        _settle(running.database_url)
        with _Appending(running.database_url) as appending:
            situations = [_measure("empty log", appending, short)]
            _grow_entity(running, long, options.entity_entries)
            situations.append(_measure(f"{entity}, plans as they were", appending, long))
            _grow_log(running, short, options.log_entries - running.head())
            situations.append(_measure(f"{log}, plans as they were", appending, short))
        _settle(running.database_url)
        with _Appending(running.database_url) as appending:
            situations.append(_measure(f"{log}, planned anew", appending, short))
            situations.append(_measure(f"{entity} in it, planned anew", appending, long))
    return _report(situations)


class _Person:
    """Somebody whom events are about."""

    def __init__(self, running: tenure.Tenure, external_id: str) -> None:
        self._running, self._external_id = running, external_id
        self.entity_id = self.append()
        self.stream = f"entity-{self.entity_id}"

    def append(self) -> str:
        """Send one event; return the entity's id."""
        headers = {
            "Content-Type": "application/json",
            "x-api-key": self._running.api_key,
            "Idempotency-Key": secrets.token_hex(8),
        }
        body = json.dumps(bodies("events", self._external_id))
        # A connection that stayed open while the log was filled would be closed by then.
        port = self._running.server.port
        with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
            connection.request("POST", tenure.PATHS["events"], body, headers)
            response = connection.getresponse()
            answer = response.read()
        if response.status != http.HTTPStatus.CREATED:
            raise Unusable(f"an event was answered {response.status}: {answer.decode()}")
        return str(json.loads(answer)["entityId"])


class _Appending(ExitStack):
    """Appends by hand, as the committer would: its statements, settings and role, prepared once."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url
        self._asking = self.enter_context(psycopg.connect(url, autocommit=True))
        role = begun_as("tenure_writer")
        self._writing = self.enter_context(psycopg.connect(url, options=role))
        self._load = Prepared(self._writing, "load", LOAD)
        self._write = Prepared(self._writing, "write", COMMITTER["write"])

    def append(self, person: _Person) -> tuple[Explained, Explained]:
        """Append one event, commit it, and return what loading and writing touched."""
        given = {"entity_id": person.entity_id, "stream": person.stream}
        self._writing.execute(COMMITTER["lock"])
        loaded = self._load.explain(_parameters(self._asking, "load_parameters", given))
        written = self._write.explain(_parameters(self._asking, "write_parameters", given))
        self._writing.commit()
        return loaded, written


def _measure(name: str, appending: _Appending, person: _Person) -> Measured:
    # The first fills caches of the catalogue, and does not count.
    pairs = [appending.append(person) for _ in range(REPEATS + 1)][1:]
    pairs.sort(key=lambda pair: (pair[0].total + pair[1].total).touched)
    load, write = pairs[REPEATS // 2]
    return Measured(name, load, write, _count_appends(appending.url, person))


def _parameters(
    connection: psycopg.Connection[Any], name: str, given: Mapping[str, str]
) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(ASKING[name], given).fetchone()
    if found is None:
        raise Unusable(f"nothing to append to: {name} found no row")
    return found


def _count_appends(url: str, person: _Person) -> dict[str, float]:
    """Each counter's rise while events go in one at a time, divided by their number."""
    before = _counters(url, person)
    deadline = time.monotonic() + APPENDING_SECONDS
    # The append that brings the counters up to date falls between the two readings.
    sent = 1
    while sent <= APPENDS and time.monotonic() < deadline:
        person.append()
        sent += 1
    after = _counters(url, person)
    return {name: (after[name] - before[name]) / sent for name in after}


def _counters(url: str, person: _Person) -> dict[str, float]:
    # A connection publishes what it counted at the end of a transaction, once a second at most.
    time.sleep(1.2)
    person.append()
    time.sleep(0.1)
    with psycopg.connect(url) as connection:
        found = _parameters(connection, "counters", {})
    return {name: float(value or 0) for name, value in found.items()}


def _settle(url: str) -> None:
    """Give the tables statistics, now and not again: fresh ones would have every plan made anew."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("alter system set autovacuum = off")
        connection.execute("select pg_reload_conf()")
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def _grow_entity(running: tenure.Tenure, person: _Person, entries: int) -> None:
    given = {"stream": person.stream, "entity_id": person.entity_id, "entries": entries}
    with psycopg.connect(running.database_url) as connection:
        connection.execute(COMMITTER["lock"])
        for name in ("grow_entity", "grow_versions"):
            connection.execute(GROWING[name], given)


def _grow_log(running: tenure.Tenure, person: _Person, entries: int) -> None:
    # The last entry is what is copied: let it be this person's.
    person.append()
    given = {
        "entity_id": person.entity_id,
        "entries": max(1, entries),
        "entities": max(1, entries // ENTITY_SHARE),
        "position": running.head(),
    }
    with psycopg.connect(running.database_url) as connection:
        connection.execute(COMMITTER["lock"])
        for name in (
            *("new_entities", "find_new_entity", "grow_log"),
            *("grow_states", "grow_subjects", "grow_records"),
        ):
            connection.execute(GROWING[name], given)


def _report(situations: list[Measured]) -> Report:
    counted = list(situations[0].counters)
    report = Report(
        "append_cost",
        [
            "pages: found+read, dirtied",
            "load",
            "write",
            *(name.replace("_", " ") for name in counted),
        ],
    )
    for one in situations:
        shares = [f"{one.counters[name]:.1f}" for name in counted]
        report.rows.append([one.name, _shown(one.load.total), _shown(one.write.total), *shares])
    empty = situations[0]
    for one in situations[1:]:
        more = one.pages - empty.pages
        report.targets.append(
            Target(f"{one.name}: pages more than on an empty log", more, PAGES_MORE_AT_MOST, False)
        )
        rows = one.counters["rows_by_index"] - empty.counters["rows_by_index"]
        report.targets.append(
            Target(
                f"{one.name}: rows read more than on an empty log", rows, ROWS_MORE_AT_MOST, False
            )
        )
    report.remarks = [
        "load, write: the committer's two statements by EXPLAIN, planned once, an event each",
        f"the rest: PostgreSQL's counters while {APPENDS} events came over HTTP, an event's share",
    ]
    report.data["situations"] = [asdict(one) for one in situations]
    return report


def _shown(cost: Cost) -> str:
    return f"{cost.hit}+{cost.read}, {cost.dirtied}"
