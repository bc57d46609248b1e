"""A key that is deleted through one worker fails on the other at its next request, on any route."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests.faults.workers import a_connection_to_each
from tests.interfaces.serving import Served
from tests.stories.client import a_key, a_person, an_evaluation, an_event

pytestmark = pytest.mark.faults

Request = tuple[str, str, dict[str, Any]]

REQUESTS: dict[str, Request] = {
    "who am I": ("GET", "/v1/partners/me", {}),
    "keys": ("GET", "/v1/partners/keys", {}),
    "events": ("GET", "/v1/events", {}),
    "event types": ("GET", "/v1/event-types", {}),
    "actions": ("GET", "/v1/policy/actions", {}),
    "an action": ("GET", "/v1/policy/actions/data.export_pii", {}),
    "an unknown action": ("GET", "/v1/policy/actions/none", {}),
    "resolve": ("GET", "/v1/resolve?userExternalId=nobody", {}),
    "resolve then": ("GET", "/v1/resolve?userExternalId=nobody&asOf=1", {}),
    "standing": ("POST", "/v1/policy/standing", {"json": {"actor": an_evaluation()["actor"]}}),
    "an event": ("POST", "/v1/events", {"json": an_event()}),
    "an evaluation": ("POST", "/v1/policy/evaluate", {"json": an_evaluation()}),
    "an evaluation then": ("POST", "/v1/policy/evaluate?asOf=1", {"json": an_evaluation()}),
    "an erasure": ("POST", "/v1/entities/erase", {"json": {"userExternalId": a_person()}}),
    "a key": ("POST", "/v1/partners/keys", {}),
    "a key's end": ("DELETE", "/v1/partners/keys/none", {}),
    "a batch": ("POST", "/v1/events/batch", {"json": {"events": [an_event()]}}),
    "a batch by lines": (
        "POST",
        "/v1/events/batch",
        {"content": json.dumps(an_event()), "headers": {"content-type": "application/x-ndjson"}},
    ),
    "bulk": ("POST", "/v1/policy/evaluate/bulk", {"json": {"evaluations": [an_evaluation()]}}),
    "decisions": ("GET", "/v1/decisions", {}),
    "a decision": ("GET", "/v1/decisions/none", {}),
    "claims": ("GET", "/v1/claims", {}),
    "a claim": (
        "POST",
        "/v1/claims",
        {"json": {"userExternalId": a_person(), "claimType": "fraud"}},
    ),
    "a link": ("POST", "/v1/links", {"json": {"userExternalId": a_person()}}),
    "a timeline": ("GET", "/v1/entities/timeline?userExternalId=nobody", {}),
    "the log": ("GET", "/v1/log", {}),
    "the log by lines": ("GET", "/v1/log", {"headers": {"accept": "application/x-ndjson"}}),
    "the log as it is written": ("GET", "/v1/log?follow=true&limit=1", {}),
    "the log of no type": ("GET", "/v1/log?types=none", {}),
    "an entry": ("GET", "/v1/log/entries/1", {}),
    "no entry": ("GET", "/v1/log/entries/none", {}),
    "who read the log": ("GET", "/v1/log/access", {}),
    "an empty body": ("POST", "/v1/events", {"json": {}}),
    "no JSON": ("POST", "/v1/events", {"content": b"{"}),
    "a large body": ("POST", "/v1/events", {"content": b" " * 70_000}),
    "a wrong query": ("GET", "/v1/events?limit=0", {}),
    "a wrong position": ("GET", "/v1/partners/me", {"headers": {"x-min-position": "x"}}),
}


class Worker(NamedTuple):
    """One worker, over a connection that ends at it."""

    http: httpx.Client

    def answers(self, request: Request, key: str) -> int:
        method, path, more = request
        headers = {"x-api-key": key, **more.get("headers", {})}
        rest = {name: value for name, value in more.items() if name != "headers"}
        return self.http.request(method, path, headers=headers, **rest).status_code

    def makes_a_key(self, key: str) -> tuple[str, str]:
        made = self.http.post("/v1/partners/keys", headers={"x-api-key": key}).json()
        return made["keyId"], made["apiKey"]

    def deletes(self, key_id: str, key: str) -> None:
        path = f"/v1/partners/keys/{key_id}"
        assert self.http.delete(path, headers={"x-api-key": key}).status_code == 200


@pytest.fixture(scope="module")
def workers(server: Served) -> Iterator[tuple[Worker, Worker]]:
    with a_connection_to_each(server) as (first, second):
        yield Worker(first), Worker(second)


@pytest.mark.parametrize("name", REQUESTS)
def test_a_key_deleted_at_one_worker_fails_at_the_other_at_its_next_request(
    workers: tuple[Worker, Worker], api_key: str, name: str
) -> None:
    here, there = workers
    key_id, key = here.makes_a_key(api_key)
    assert there.answers(("GET", "/v1/partners/me", {}), key) == 200

    here.deletes(key_id, api_key)

    assert there.answers(REQUESTS[name], key) == 401


@pytest.mark.parametrize("name", REQUESTS)
def test_a_living_key_is_not_refused_for_it(
    workers: tuple[Worker, Worker], api_key: str, name: str
) -> None:
    # The control: without the deletion none of these is 401.
    _, there = workers

    assert there.answers(REQUESTS[name], api_key) != 401


def test_a_repeat_under_a_deleted_key_is_401_at_the_other_worker(
    workers: tuple[Worker, Worker], api_key: str
) -> None:
    here, there = workers
    key_id, key = here.makes_a_key(api_key)
    event: Request = (
        "POST",
        "/v1/events",
        {"json": an_event(), "headers": {"idempotency-key": a_key()}},
    )
    assert there.answers(event, key) == 201

    here.deletes(key_id, api_key)

    assert there.answers(event, key) == 401
    assert here.answers(event, key) == 401


def test_a_key_made_at_one_worker_opens_the_other_at_once(
    workers: tuple[Worker, Worker], api_key: str
) -> None:
    here, there = workers
    _, key = here.makes_a_key(api_key)

    assert there.answers(("GET", "/v1/partners/me", {}), key) == 200


def test_what_one_worker_acknowledged_the_other_shows_at_once(
    workers: tuple[Worker, Worker], api_key: str
) -> None:
    here, there = workers
    headers = {"x-api-key": api_key}
    for _ in range(50):
        event = an_event()
        here.http.post("/v1/events", json=event, headers=headers)
        person = str(event["userExternalId"])

        found = there.http.get("/v1/resolve", params={"userExternalId": person}, headers=headers)

        assert found.status_code == 200
        assert found.json()["eventCount"] == 1
