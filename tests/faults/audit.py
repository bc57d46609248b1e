"""The audit: what was acknowledged, against all that is there."""

import time
from typing import Any

import httpx
import psycopg

from application.log.recorder import Log
from domain.known import Key, Row
from projections.catalogue import INLINE
from projections.engine.tables import fold_log
from tests.faults.load import Load

REPEATS = 200


def nothing_is_lost_or_doubled(url: str, api_key: str, log_url: str, load: Load) -> None:
    """Fail unless the log holds what was acknowledged, once, and all is folded from it."""
    assert not load.unexpected
    with httpx.Client(base_url=url, headers={"x-api-key": api_key}, timeout=30) as http:
        listed = every_event(http)
        assert len(listed) == len(set(listed))
        assert set(listed) == {event.id for event in load.acknowledged}
        repeats_are_replays(http, load)
    positions_have_no_hole(log_url)
    with Log(log_url) as log:
        streams = {entry.stream for _, entry in log.entries()}
    assert {f"decision-{decision}" for decision in load.decisions} <= streams
    rows_equal_a_fold_over_the_log(log_url)


def every_event(http: httpx.Client) -> list[str]:
    """The id of every event that is listed, page by page."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = answered(http, "/v1/events", {"limit": "200", **cursor})
        found += [event["id"] for event in page["data"]]
        if not page["pagination"]["hasMore"]:
            return found
        cursor = {"cursor": page["pagination"]["cursor"]}


def answered(http: httpx.Client, path: str, query: dict[str, str]) -> Any:
    """The JSON of a page, asked for again while it cannot be answered."""
    for _ in range(20):
        reply = http.get(path, params=query)
        if reply.status_code == 200:
            return reply.json()
        assert reply.status_code == 503
        time.sleep(0.1)
    raise AssertionError(f"{path} is not answered")


def repeats_are_replays(http: httpx.Client, load: Load) -> None:
    """Send again what took several attempts, and some of the rest."""
    by_effort = sorted(load.acknowledged, key=lambda event: -event.attempts)
    head = http.get("/readyz").json()["position"]
    for event in by_effort[:REPEATS]:
        reply = http.post("/v1/events", json=event.body, headers={"idempotency-key": event.key})
        assert reply.status_code == 201
        assert reply.headers["x-idempotency-replay"] == "true"
        assert reply.content == event.reply
    assert http.get("/readyz").json()["position"] == head


def positions_have_no_hole(log_url: str) -> None:
    """Fail unless positions are 1, 2, 3 … and no entry or stream version is there twice."""
    with psycopg.connect(log_url) as connection:
        found = connection.execute(
            "select min(position), max(position), count(*), count(distinct entry ->> 'id') from log"
        ).fetchone()
        assert found is not None
        first, last, entries, ids = found
        assert (first, last) == (1, entries)
        assert ids == entries
        holes = connection.execute(
            "select stream from log group by stream"
            " having min(version) <> 1 or max(version) <> count(*)"
        ).fetchall()
        assert holes == []


def rows_equal_a_fold_over_the_log(log_url: str) -> None:
    """Fail unless every row folded inline is what a fold over the whole log makes."""
    with Log(log_url) as log:
        expected = fold_log(log.entries(), INLINE)
    stored = rows_of(log_url)
    assert stored.keys() == expected.keys()
    assert stored == expected


def rows_of(log_url: str) -> dict[Key, Row]:
    """Every row of the inline folds, as it is stored."""
    decoders = {fold.name: fold.decode for fold in INLINE}
    with psycopg.connect(log_url) as connection:
        found = connection.execute(
            "select fold, key, version, position, row::text from state"
        ).fetchall()
    return {
        (fold, key): Row(version, position, decoders[fold](row))
        for fold, key, version, position, row in found
    }
