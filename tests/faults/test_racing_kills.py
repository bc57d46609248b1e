"""The kill switch races at two workers with spawns, approvals and itself: nobody escapes it."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.faults.audit import positions_have_no_hole, rows_equal_a_fold_over_the_log
from tests.faults.workers import a_connection_to_each
from tests.interfaces.serving import Served, eventually
from tests.stories.agents import Agent, lets_spawn, moved, registered, seen, spawned
from tests.stories.client import Client, refusal
from tests.stories.logged import logged
from tests.stories.waiting import holding_the_lock

pytestmark = pytest.mark.faults

UNKNOWN_KEY = (401, "UNAUTHENTICATED")
PARENT_NOT_ACTIVE = (409, "PARENT_NOT_ACTIVE")
INVALID_STATE = (409, "INVALID_AGENT_STATE")

SPAWNERS = 4
SPAWNED_BEFORE = 40
SPAWNS_AT_MOST = 2_000
REFUSED_AND_DONE = 5


# One after the other, in an order that the log's lock decides


@pytest.fixture(scope="module")
def workers(server: Served) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    with a_connection_to_each(server) as (here, there):
        yield here, there


class Pair:
    """A partner at each of two workers, with an agent and a child that waits for approval."""

    def __init__(self, here: httpx.Client, there: httpx.Client, api_key: str) -> None:
        self.here, self.there = Client(here, api_key), Client(there, api_key)
        lets_spawn(self.here, approvalFromDepth=2)
        self.root = registered(self.here)
        self.child = spawned(self.root)
        self.pending = spawned(self.child)

    def kill(self) -> Any:
        return moved(self.here, self.root, "revoke-descendants")

    def everybody(self) -> dict[str, str]:
        found = self.here.get("/v1/agents/tree", root=self.root.id)["data"]
        return {one["id"]: one["status"] for one in found}


@pytest.fixture
def pair(workers: tuple[httpx.Client, httpx.Client], api_key: str) -> Pair:
    return Pair(*workers, api_key)


def in_order(log_url: str, first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """What two come to that are both on their way, at a worker each, and committed in order."""
    with ThreadPoolExecutor(2) as threads:
        with holding_the_lock(log_url) as lock:
            one = threads.submit(first)
            lock.until_somebody_waits()
            other = threads.submit(second)
            lock.until_somebody_waits(writers=2)
        return one.result(), other.result()


def test_who_was_spawned_just_before_the_kill_ends_with_it(pair: Pair, log_url: str) -> None:
    child = pair.child.over(pair.there.http)

    made, ended = in_order(log_url, lambda: spawned(child, name="Late"), pair.kill)

    assert "Late" in {one["name"] for one in ended["agents"]}
    assert set(pair.everybody().values()) == {"REVOKED"}
    assert refusal(made.try_get("/v1/events")) == UNKNOWN_KEY


@pytest.mark.parametrize("by_partner", [False, True])
def test_nobody_is_spawned_just_after_the_kill(pair: Pair, log_url: str, by_partner: bool) -> None:
    child = pair.child.over(pair.there.http)
    maker = pair.there if by_partner else child

    _, reply = in_order(
        log_url, pair.kill, lambda: maker.post(f"{child.path}/spawn", {"name": "Too late"})
    )

    assert refusal(reply) == (PARENT_NOT_ACTIVE if by_partner else UNKNOWN_KEY)
    assert set(pair.everybody().values()) == {"REVOKED"}


def test_who_was_approved_just_before_the_kill_ends_with_it(pair: Pair, log_url: str) -> None:
    approved, _ = in_order(log_url, lambda: moved(pair.there, pair.pending, "approve"), pair.kill)

    assert approved["status"] == "ACTIVE"
    assert set(pair.everybody().values()) == {"REVOKED"}
    assert refusal(pair.pending.try_get("/v1/events")) == UNKNOWN_KEY


def test_nobody_is_approved_just_after_the_kill(pair: Pair, log_url: str) -> None:
    _, reply = in_order(log_url, pair.kill, lambda: pair.there.post(f"{pair.pending.path}/approve"))

    assert refusal(reply) == INVALID_STATE
    assert set(pair.everybody().values()) == {"REVOKED"}


@pytest.mark.parametrize("move", ["key/rotate", "reactivate", "suspend", "revoke"])
def test_nobody_is_woken_just_after_the_kill(pair: Pair, log_url: str, move: str) -> None:
    if move == "reactivate":
        moved(pair.here, pair.child, "suspend")

    _, reply = in_order(log_url, pair.kill, lambda: pair.there.post(f"{pair.child.path}/{move}"))

    assert refusal(reply) == INVALID_STATE
    assert set(pair.everybody().values()) == {"REVOKED"}


def test_of_two_kills_at_once_the_first_ends_everybody(pair: Pair, log_url: str) -> None:
    before = pair.here.head()

    first, second = in_order(
        log_url, pair.kill, lambda: moved(pair.there, pair.root, "revoke-descendants")
    )

    assert (first["count"], second["count"]) == (3, 0)
    assert len(logged(log_url, after=before)) == 3


def test_a_kill_in_the_middle_and_one_above_end_each_agent_once(pair: Pair, log_url: str) -> None:
    below, above = in_order(
        log_url, lambda: moved(pair.there, pair.child, "revoke-descendants"), pair.kill
    )

    assert {one["id"] for one in below["agents"]} == {pair.child.id, pair.pending.id}
    assert [one["id"] for one in above["agents"]] == [pair.root.id]


# All at once


class Race:
    """A tree that grows by many hands, until nobody in it has children any more."""

    def __init__(self, partner: Client) -> None:
        lets_spawn(
            partner,
            maxDepth=32,
            maxChildren=10_000,
            maxDescendants=100_000,
            approvalFromDepth=3,
        )
        self.partner, self.root = partner, registered(partner)
        self.made = {self.root.id: self.root}
        self.active = [self.root]
        self.refused: set[tuple[int, str]] = set()

    def spawn(self, seed: int) -> None:
        """Spawn under whoever is active, until it is refused again and again."""
        chance, refused = random.Random(seed), 0
        while refused < REFUSED_AND_DONE:
            assert len(self.made) < SPAWNS_AT_MOST, "nothing stops it"
            parent = chance.choice(self.active)
            maker = chance.choice((self.partner, parent))
            reply = maker.post(f"{parent.path}/spawn", {"name": "Child"})
            if reply.is_success:
                child = Agent(maker.http, reply.json())
                self.made[child.id] = child
                if reply.status_code == 201:
                    self.active.append(child)
            else:
                self.refused.add(refusal(reply))
                refused += 1

    def approve(self) -> None:
        """Approve whoever waits, while the root is active."""
        while seen(self.partner, self.root)["status"] == "ACTIVE":
            page = self.partner.get("/v1/agents", status="PENDING_APPROVAL", limit=5)
            for one in page["data"]:
                reply = self.partner.post(f"/v1/agents/{one['id']}/approve")
                if reply.is_success:
                    self.active += filter(None, [self.made.get(one["id"])])
                else:
                    self.refused.add(refusal(reply))


@pytest.fixture
def partner(server: Served, api_key: str) -> Iterator[Client]:
    """A partner whose every request is a connection of its own, so that both workers are met."""
    with httpx.Client(
        base_url=server.url, timeout=30, headers={"connection": "close"}, verify=False
    ) as http:
        yield Client(http, api_key)


@pytest.mark.parametrize("seed", range(4))
def test_nobody_below_is_alive_when_many_spawned_and_approved_meanwhile(
    partner: Client, log_url: str, seed: int
) -> None:
    race = Race(partner)
    path = f"{race.root.path}/revoke-descendants"

    with ThreadPoolExecutor(SPAWNERS + 3) as threads:
        spawning = [threads.submit(race.spawn, seed * SPAWNERS + n) for n in range(SPAWNERS)]
        approving = threads.submit(race.approve)
        eventually(lambda: len(race.made) > SPAWNED_BEFORE)
        kills = [threads.submit(partner.post, path) for _ in range(2)]
        for one in (*spawning, approving):
            one.result()

    ended = [agent["id"] for kill in kills for agent in kill.result().json()["agents"]]
    tree = partner.get("/v1/agents/tree", limit=SPAWNS_AT_MOST)["data"]
    assert {one["status"] for one in tree} == {"REVOKED"}
    assert {one["id"] for one in tree} == race.made.keys()
    assert sorted(ended) == sorted(race.made)
    assert race.refused <= {UNKNOWN_KEY, PARENT_NOT_ACTIVE, INVALID_STATE}
    for agent in race.made.values():
        assert refusal(agent.try_get("/v1/events")) == UNKNOWN_KEY
    revoked = [one["stream"] for one in logged(log_url) if one["type"] == "agent.revoked.v1"]
    assert max(Counter(revoked).values()) == 1


def test_after_all_of_it_the_rows_are_what_the_log_says(log_url: str) -> None:
    positions_have_no_hole(log_url)
    rows_equal_a_fold_over_the_log(log_url)
