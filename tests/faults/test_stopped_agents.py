"""An agent that is stopped at one worker is so at the other, at once, whatever was on its way."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import httpx
import pytest

from tests.faults.workers import a_connection_to_each
from tests.interfaces.serving import Served
from tests.stories.agents import (
    OPERATOR_FOR,
    Agent,
    lets_spawn,
    moved,
    narrowed,
    registered,
    spawned,
)
from tests.stories.client import (
    Client,
    a_key,
    a_person,
    an_actor,
    an_evaluation,
    an_event,
    is_replay,
    refusal,
)
from tests.stories.logged import logged
from tests.stories.waiting import holding_the_lock

pytestmark = pytest.mark.faults

Refused = tuple[int, str]


class Family(NamedTuple):
    """A partner with an agent that comes from another, each of them at one worker."""

    partner: Client
    parent: Agent
    child: Agent


@pytest.fixture(scope="module")
def workers(server: Served) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    with a_connection_to_each(server) as (here, there):
        yield here, there


@pytest.fixture
def family(workers: tuple[httpx.Client, httpx.Client], api_key: str) -> Family:
    """The partner and the parent at one worker; the child at the other, which knows it by now."""
    here, there = workers
    partner = Client(here, api_key)
    lets_spawn(partner)
    parent = registered(partner)
    child = spawned(parent).over(there)
    assert child.reports().status_code == 201
    return Family(partner, parent, child)


STOPS: dict[str, tuple[Callable[[Family], object], Refused]] = {
    "it is suspended": (
        lambda family: moved(family.partner, family.child, "suspend"),
        (403, "AGENT_SUSPENDED"),
    ),
    "its parent is suspended": (
        lambda family: moved(family.partner, family.parent, "suspend"),
        (403, "ANCESTOR_SUSPENDED"),
    ),
    "it is revoked": (
        lambda family: moved(family.partner, family.child, "revoke"),
        (401, "UNAUTHENTICATED"),
    ),
    "its parent and all below are ended": (
        lambda family: moved(family.partner, family.parent, "revoke-descendants"),
        (401, "UNAUTHENTICATED"),
    ),
    "its key is replaced": (
        lambda family: moved(family.partner, family.child, "key/rotate"),
        (401, "UNAUTHENTICATED"),
    ),
}
NARROWINGS: dict[str, tuple[Callable[[Family], object], Refused]] = {
    "its preset is narrowed": (
        lambda family: narrowed(family.partner, family.child, preset="reader"),
        (403, "FORBIDDEN"),
    ),
    "its parent's preset is narrowed": (
        lambda family: narrowed(family.partner, family.parent, preset="reader"),
        (403, "FORBIDDEN"),
    ),
    "its event types are narrowed": (
        lambda family: narrowed(family.partner, family.child, allowedEventTypes=["message.sent"]),
        (403, "AGENT_EVENT_TYPE_NOT_ALLOWED"),
    ),
    "its parent's event types are narrowed": (
        lambda family: narrowed(family.partner, family.parent, allowedEventTypes=["message.sent"]),
        (403, "AGENT_EVENT_TYPE_NOT_ALLOWED"),
    ),
}

Ask = Callable[[Agent], httpx.Response]

WRITES: dict[str, Ask] = {
    "an event": lambda agent: agent.reports(),
    "a batch": lambda agent: agent.post("/v1/events/batch", {"events": [an_event()]}, key=a_key()),
    "a claim": lambda agent: agent.post(
        "/v1/claims", {"userExternalId": a_person(), "claimType": "fraud"}, key=a_key()
    ),
    "an evaluation": lambda agent: agent.post("/v1/policy/evaluate", an_evaluation()),
    "evaluations": lambda agent: agent.post(
        "/v1/policy/evaluate/bulk", {"evaluations": [an_evaluation()]}
    ),
    "a spawn": lambda agent: agent.post(f"{agent.path}/spawn", {"name": "Child"}),
}
REQUESTS = WRITES | {
    "lines": lambda agent: agent.post_bytes(
        "/v1/events/batch",
        json.dumps(an_event()).encode(),
        media_type="application/x-ndjson",
        key=a_key(),
    ),
    "events": lambda agent: agent.try_get("/v1/events"),
    "event types": lambda agent: agent.try_get("/v1/event-types"),
    "standing": lambda agent: agent.post("/v1/policy/standing", {"actor": an_actor("x")}),
    "standing then": lambda agent: agent.post(
        "/v1/policy/standing", {"actor": an_actor("x")}, asOf=1
    ),
    "claims": lambda agent: agent.try_get("/v1/claims"),
    "itself": lambda agent: agent.try_get(agent.path),
    "the tree": lambda agent: agent.try_get("/v1/agents/tree"),
    "the spawn policy": lambda agent: agent.try_get("/v1/spawn-policy"),
    "an empty body": lambda agent: agent.post("/v1/events", {}, key=a_key()),
    "no JSON": lambda agent: agent.post_bytes("/v1/events", b"{"),
    "a wrong query": lambda agent: agent.try_get("/v1/events", limit=0),
    "nothing there": lambda agent: agent.try_get("/v1/agents/no-such"),
}


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("stop", STOPS)
def test_stopped_at_one_worker_it_is_refused_at_the_other_at_its_next_request(
    family: Family, stop: str, name: str
) -> None:
    stops, refused = STOPS[stop]
    stops(family)

    assert refusal(REQUESTS[name](family.child)) == refused


@pytest.mark.parametrize("name", REQUESTS)
def test_an_agent_that_is_not_stopped_is_not_refused_for_it(family: Family, name: str) -> None:
    # The control: without a stop none of these is refused for who asks.
    moved(family.partner, registered(family.partner), "suspend")

    assert REQUESTS[name](family.child).status_code not in {401, 403}


@pytest.mark.parametrize("narrowing", NARROWINGS)
def test_narrowed_at_one_worker_it_is_so_at_the_other_at_its_next_request(
    family: Family, narrowing: str
) -> None:
    narrows, refused = NARROWINGS[narrowing]
    narrows(family)

    assert refusal(family.child.reports()) == refused


def test_what_is_lifted_at_one_worker_is_lifted_at_the_other(family: Family) -> None:
    moved(family.partner, family.parent, "suspend")
    assert family.child.reports().status_code == 403

    moved(family.partner, family.parent, "reactivate")

    assert family.child.reports().status_code == 201


LESS: dict[str, dict[str, object]] = {
    "by its preset": {"preset": "reader"},
    "by its event types": {"allowedEventTypes": ["message.sent"]},
}
REPORTS = {name: REQUESTS[name] for name in ("an event", "a batch", "lines")}


def is_known_to_have_less(family: Family, less: str) -> None:
    """Narrow the child, and have its worker remember it so: a first request notices it."""
    narrowed(family.partner, family.child, **LESS[less])
    for _ in range(2):
        assert family.child.reports().status_code == 403


@pytest.mark.parametrize("less", LESS)
@pytest.mark.parametrize("name", REPORTS)
def test_what_it_may_more_at_one_worker_it_may_at_the_other(
    family: Family, name: str, less: str
) -> None:
    is_known_to_have_less(family, less)

    narrowed(family.partner, family.child, preset="operator", allowedEventTypes=OPERATOR_FOR)

    reply = REPORTS[name](family.child)
    assert reply.is_success
    assert "AGENT_EVENT_TYPE_NOT_ALLOWED" not in reply.text


@pytest.mark.parametrize("less", LESS)
@pytest.mark.parametrize("stop", STOPS)
def test_a_stopped_agent_is_told_so_and_not_what_it_may_not_do(
    family: Family, stop: str, less: str
) -> None:
    is_known_to_have_less(family, less)
    stops, refused = STOPS[stop]

    stops(family)

    assert refusal(family.child.reports()) == refused


def test_a_pending_agent_is_let_in_at_every_worker_once_it_is_approved(family: Family) -> None:
    lets_spawn(family.partner, approvalFromDepth=1)
    pending = spawned(family.parent).over(family.child.http)
    assert refusal(pending.reports()) == (401, "UNAUTHENTICATED")

    moved(family.partner, pending, "approve")

    assert pending.reports().status_code == 201


@pytest.mark.parametrize("stop", STOPS)
def test_a_repeat_of_a_stopped_agent_s_is_not_replayed(family: Family, stop: str) -> None:
    stops, refused = STOPS[stop]
    key, body = a_key(), an_event()
    family.child.post("/v1/events", body, key=key)
    assert is_replay(family.child.post("/v1/events", body, key=key))

    stops(family)

    assert refusal(family.child.post("/v1/events", body, key=key)) == refused


# Between authentication and commit


@pytest.mark.parametrize("cause", STOPS | NARROWINGS)
def test_what_was_on_its_way_when_an_agent_was_stopped_writes_nothing(
    family: Family, log_url: str, cause: str
) -> None:
    stops, refused = (STOPS | NARROWINGS)[cause]
    before = family.partner.head()

    with ThreadPoolExecutor(2) as threads:
        with holding_the_lock(log_url) as lock:
            stopped = threads.submit(stops, family)
            lock.until_somebody_waits()
            reported = threads.submit(family.child.reports)
            lock.until_somebody_waits(writers=2)
        stopped.result()
        reply = reported.result()

    assert refusal(reply) == refused
    assert written_by(family.child, after=before, url=log_url) == 0


@pytest.mark.parametrize("name", WRITES)
def test_nothing_of_any_kind_is_written_by_whoever_was_suspended_on_the_way(
    family: Family, log_url: str, name: str
) -> None:
    before = family.partner.head()

    with ThreadPoolExecutor(2) as threads:
        with holding_the_lock(log_url) as lock:
            suspended = threads.submit(moved, family.partner, family.child, "suspend")
            lock.until_somebody_waits()
            asked = threads.submit(WRITES[name], family.child)
            lock.until_somebody_waits(writers=2)
        suspended.result()
        reply = asked.result()

    assert refusal(reply) == (403, "AGENT_SUSPENDED")
    assert written_by(family.child, after=before, url=log_url) == 0


@pytest.mark.parametrize("name", WRITES)
def test_what_came_before_the_suspension_is_written(
    family: Family, log_url: str, name: str
) -> None:
    # The control: the other way round it is taken, so the order decides.
    before = family.partner.head()

    with ThreadPoolExecutor(2) as threads:
        with holding_the_lock(log_url) as lock:
            asked = threads.submit(WRITES[name], family.child)
            lock.until_somebody_waits()
            suspended = threads.submit(moved, family.partner, family.child, "suspend")
            lock.until_somebody_waits(writers=2)
        suspended.result()
        reply = asked.result()

    assert reply.is_success
    assert written_by(family.child, after=before, url=log_url) == 1


def written_by(agent: Agent, *, after: int, url: str) -> int:
    """How many entries an agent wrote after a position."""
    return [one["principal"] for one in logged(url, after=after)].count(f"agent:{agent.id}")
