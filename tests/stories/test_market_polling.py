"""The seed's two endpoints, to the letter; and waiting for what there is to do."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.stories.client import a_key, is_replay
from tests.stories.market import (
    BASE,
    Market,
    MarketAgent,
    at_fault,
    map_refusal,
    taken,
)

FOR_LONG = 30


# GET /job-polling


def test_where_there_is_nothing_to_do_there_are_no_jobs(worker: MarketAgent) -> None:
    reply = worker.try_get(f"{BASE}/job-polling")

    assert reply.json() == {"jobs": []}
    assert reply.headers["retry-after"] == "20"


def test_a_polled_job_is_as_the_seed_shows_it(market: Market, worker: MarketAgent) -> None:
    requirements = {"requirement_json": {"script": "Hello"}, "note": "softly"}
    job = market.job(requirements=requirements)

    (polled,) = worker.poll()

    assert set(polled) == {"job_id", "job_status", "delivery_info", "requirements"}
    assert polled["job_id"] == job
    assert isinstance(polled["job_id"], int)
    assert (polled["job_status"], polled["delivery_info"]) == ("OFFERED", "")
    assert polled["requirements"].items() >= requirements.items()
    assert polled["requirements"]["budget"] == {"price_per_unit": "2.00", "currency": "USD"}


def test_work_goes_from_offered_to_requested_and_away_when_it_is_delivered(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job()
    assert [one["job_status"] for one in worker.poll()] == ["OFFERED"]
    worker.accepts(job)
    assert [one["job_status"] for one in worker.poll()] == ["REQUESTED"]
    worker.delivers(job)
    assert worker.poll() == []


def test_rejected_work_comes_back_with_what_the_supervisor_said(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job()
    worker.accepts(job)
    worker.delivers(job)

    market.judge(job, "reject", comments="Say goodbye, too")

    (polled,) = worker.poll()
    assert (polled["job_status"], polled["delivery_info"]) == ("REQUESTED", "Say goodbye, too")
    worker.delivers(job, "better")
    assert worker.poll() == []


def test_the_oldest_comes_first_and_no_more_than_fifty_come_at_once(
    market: Market, worker: MarketAgent
) -> None:
    jobs = [market.job() for _ in range(52)]

    assert [one["job_id"] for one in worker.poll()] == jobs[:50]


def test_a_job_whose_deadline_has_passed_is_offered_to_nobody(
    market: Market, worker: MarketAgent
) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    market.job(deadline=soon)

    while worker.poll():
        time.sleep(0.1)


# Waiting


def test_whoever_waits_is_told_as_soon_as_there_is_something(
    market: Market, worker: MarketAgent
) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(worker.poll, wait=FOR_LONG)
        time.sleep(0.3)
        assert not waiting.done()
        began = time.monotonic()
        job = market.job()

        assert [one["job_id"] for one in waiting.result()] == [job]
        assert time.monotonic() - began < FOR_LONG / 2


def test_many_who_wait_are_all_told(market: Market) -> None:
    agents = [market.agent() for _ in range(20)]
    with ThreadPoolExecutor(len(agents)) as pool:
        waiting = [pool.submit(one.poll, wait=FOR_LONG) for one in agents]
        time.sleep(0.3)
        job = market.job()

        assert all(one.result()[0]["job_id"] == job for one in waiting)


def test_whoever_waits_is_told_that_their_work_was_rejected(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job()
    worker.accepts(job)
    worker.delivers(job)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(worker.poll, wait=FOR_LONG)
        time.sleep(0.2)
        market.judge(job, "reject", comments="again")

        assert [one["delivery_info"] for one in waiting.result()] == ["again"]


def test_whoever_waits_in_vain_is_told_so_in_time(worker: MarketAgent) -> None:
    began = time.monotonic()

    assert worker.poll(wait=1) == []

    assert time.monotonic() - began >= 1


@pytest.mark.parametrize("end", ["revoke", "suspend", "agent's uid", "developer's uid"])
def test_a_poll_ends_with_the_credential(market: Market, worker: MarketAgent, end: str) -> None:
    ends: dict[str, Any] = {
        "revoke": lambda: market.platform.post(f"/v1/agents/{worker.id}/revoke"),
        "suspend": lambda: market.platform.post(f"/v1/agents/{worker.id}/suspend"),
        "agent's uid": lambda: market.developer.post(f"{BASE}/agents/{worker.id}/uid/rotate"),
        "developer's uid": lambda: market.developer.post(f"{BASE}/users/uid/rotate"),
    }
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(worker.try_get, f"{BASE}/job-polling", wait=FOR_LONG)
        time.sleep(0.3)
        assert not waiting.done()
        began = time.monotonic()
        taken(ends[end]())

        reply = waiting.result()

        assert time.monotonic() - began < FOR_LONG / 2
    assert map_refusal(reply) in {(401, "UNKNOWN_UID"), (403, "AGENT_SUSPENDED")}


# POST /job-deliver


@pytest.mark.parametrize("prefix", [BASE, "/ailancer"])
@pytest.mark.parametrize("handed_in", ["", "text", {"any": ["json"]}, [], 7, None, False])
def test_a_delivery_is_text_or_any_json(
    market: Market, worker: MarketAgent, prefix: str, handed_in: object
) -> None:
    job = market.job(units=3)
    worker.accepts(job)

    reply = worker.post(f"{prefix}/job-deliver", {"job_id": job, "delivery_data": handed_in})

    receipt = taken(reply)
    assert reply.status_code == 200
    assert set(receipt) == {"job_id", "job_status", "delivery_id", "received_at"}
    assert (receipt["job_id"], receipt["job_status"]) == (job, "DELIVERED")
    (item,) = market.client.map_get(f"/jobs/{job}/results")["data"]
    assert (item["data"], item["units"]) == (handed_in, 3)


def test_the_same_again_gets_the_same_receipt_and_other_data_is_refused(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job()
    worker.accepts(job)
    first = worker.delivers(job, {"a": 1, "b": 2})

    assert worker.delivers(job, {"b": 2, "a": 1}) == first
    body = {"job_id": job, "delivery_data": "other"}
    assert map_refusal(worker.post(f"{BASE}/job-deliver", body)) == (409, "DELIVERY_DIFFERS")


def test_a_repeat_with_a_key_is_a_replay_even_after_the_judgement(
    market: Market, worker: MarketAgent
) -> None:
    job, key = market.job(), a_key()
    worker.accepts(job)
    body = {"job_id": job, "delivery_data": "done"}
    first = worker.post(f"{BASE}/job-deliver", body, key=key)
    market.judge(job)

    second = worker.post(f"{BASE}/job-deliver", body, key=key)

    assert (second.content, is_replay(second)) == (first.content, True)


def test_the_seed_s_other_spelling_of_the_job_is_taken(market: Market, worker: MarketAgent) -> None:
    job = market.job()
    worker.accepts(job)
    wrong = worker.post(f"{BASE}/job-deliver", {"jobId": "one", "delivery_data": ""})

    assert at_fault(wrong) == (400, "INVALID_FIELD", "jobId")
    assert worker.map_post("/job-deliver", {"jobId": job, "delivery_data": ""})["job_id"] == job


def test_a_job_is_delivered_by_whoever_works_on_it_alone(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job()
    body = {"job_id": job, "delivery_data": ""}
    assert map_refusal(worker.post(f"{BASE}/job-deliver", body)) == (409, "INVALID_JOB_STATE")
    worker.accepts(job)

    other = market.agent()
    assert map_refusal(other.post(f"{BASE}/job-deliver", body)) == (404, "NOT_FOUND")
    for job_id in (0, -1, 10**12, 10**30):
        nowhere = worker.post(f"{BASE}/job-deliver", {"job_id": job_id, "delivery_data": ""})
        assert map_refusal(nowhere)[0] in {404, 422}, job_id


def test_what_is_over_is_not_delivered(market: Market, worker: MarketAgent) -> None:
    job = market.job()
    worker.accepts(job)
    market.client.map_post(f"/jobs/{job}/cancel")

    reply = worker.post(f"{BASE}/job-deliver", {"job_id": job, "delivery_data": ""})

    assert map_refusal(reply) == (409, "INVALID_JOB_STATE")


def test_a_suspended_agent_is_told_so(market: Market, worker: MarketAgent) -> None:
    taken(market.platform.post(f"/v1/agents/{worker.id}/suspend"))

    assert map_refusal(worker.try_get(f"{BASE}/job-polling")) == (403, "AGENT_SUSPENDED")
    taken(market.platform.post(f"/v1/agents/{worker.id}/reactivate"))
    assert worker.poll() == []


def test_jobs_that_say_much_come_a_few_at_a_time(market: Market, worker: MarketAgent) -> None:
    jobs = [market.job(requirements="x" * 1_000_000) for _ in range(7)]

    first = [one["job_id"] for one in worker.poll()]

    assert first == jobs[:5]
    for job in first:
        worker.map_post(f"/jobs/{job}/offers/decline")
    assert [one["job_id"] for one in worker.poll()] == jobs[5:]
