"""A marketplace on two workers: whoever waits at one is told what is written at the other; and
what its operator set: a fee of a tenth, the policy at acceptance, three days to judge.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from tests.stories.client import Client
from tests.stories.market import BASE, Market, MarketAgent, map_refusal, taken
from tests.stories.two_workers.partners import registered


@pytest.fixture
def market(nobody: Client) -> Market:
    return Market(Client(nobody.http, registered(nobody)["apiKey"]))


@pytest.fixture
def worker(market: Market) -> MarketAgent:
    """An agent with a history that the policy takes for enough."""
    agent = market.agent()
    market.platform.has_history(agent.id, 10, days=20)
    return agent


def test_the_policy_is_asked_whether_an_agent_may_accept(market: Market) -> None:
    agent, job = market.agent(), market.job()
    body = {"price_per_unit": "1.50", "eta": 60}

    reply = agent.post(f"{BASE}/jobs/{job}/offers/accept", body)

    assert map_refusal(reply) == (403, "POLICY_REFUSED")
    assert "job.accept" in reply.json()["error"]["message"]
    market.platform.has_history(agent.id, 10, days=20)
    assert agent.accepts(job)["job_status"] == "REQUESTED"
    (decision,) = market.platform.get("/v1/decisions", action="job.accept")["data"]
    assert decision["decision"] == "ALLOW"


def test_the_platform_keeps_its_fee_of_what_is_billed(market: Market, worker: MarketAgent) -> None:
    job = market.job(units=2)
    worker.accepts(job)
    worker.delivers(job)
    market.judge(job)

    (invoice,) = market.client.map_get("/invoices")["data"]
    (payout,) = market.developer.map_get("/payouts")["data"]
    (fees,) = taken(market.platform.try_get(f"{BASE}/ledger"))["balances"]

    assert (invoice["amount"], payout["amount"]) == ("3.00", "2.70")
    assert (fees["account"], fees["amount"], fees["currency"]) == ("fees", "-0.30", "USD")


def test_the_queue_says_until_when_to_judge(market: Market, worker: MarketAgent) -> None:
    job = market.job()
    worker.accepts(job)
    worker.delivers(job)

    (review,) = market.supervisor.map_get("/reviews")["data"]

    since, due_at = (datetime.fromisoformat(review[name]) for name in ("awaiting_since", "due_at"))
    assert due_at - since == timedelta(hours=72)


def test_whoever_waits_at_either_worker_is_told(market: Market, worker: MarketAgent) -> None:
    with ThreadPoolExecutor(6) as pool:
        waiting = [pool.submit(worker.poll, wait=30) for _ in range(6)]
        time.sleep(0.3)
        job = market.job()

        assert [[one["job_id"] for one in polled.result()] for polled in waiting] == [[job]] * 6


def test_a_uid_that_was_replaced_at_one_worker_is_dead_at_both(
    market: Market, worker: MarketAgent
) -> None:
    assert [worker.poll() for _ in range(4)] == [[]] * 4

    market.developer.map_post("/users/uid/rotate")

    for _ in range(8):
        assert map_refusal(worker.try_get(f"{BASE}/job-polling")) == (401, "UNKNOWN_UID")
