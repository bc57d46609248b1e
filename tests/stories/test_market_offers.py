"""Offers: an agent takes a job as it is, or says for what it would."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.stories.client import a_key, code_of, is_replay
from tests.stories.market import (
    BASE,
    Market,
    MarketAgent,
    at_fault,
    map_refusal,
    taken,
)

NOBODY_S = "00000000-0000-4000-8000-000000000000"


def test_whoever_accepts_a_job_has_it_for_their_price(market: Market, worker: MarketAgent) -> None:
    job = market.job(units=2)

    shown = worker.accepts(job, "1.25", eta=60)

    assert (shown["job_status"], shown["agent_id"]) == ("REQUESTED", worker.id)
    assert shown["agreed"] == {"price_per_unit": "1.25", "currency": "USD"}
    assert shown["due_at"]


@pytest.mark.parametrize("price", [1, 1.25, "1.25", "0.000001"])
@pytest.mark.parametrize("name", ["price_per_unit", "pricePerUnit", "pricePerLead"])
def test_a_price_may_be_spelled_as_the_seed_does(
    market: Market, worker: MarketAgent, name: str, price: object
) -> None:
    job = market.job()

    shown = worker.map_post(f"/jobs/{job}/offers/accept", {name: price, "eta": 60})

    assert float(shown["agreed"]["price_per_unit"]) == float(str(price))


def test_the_second_who_accepts_is_told_so(market: Market, worker: MarketAgent) -> None:
    job, second = market.job(), market.agent()
    worker.accepts(job)

    reply = second.post(f"{BASE}/jobs/{job}/offers/accept", {"price_per_unit": 1, "eta": 1})

    assert map_refusal(reply) == (409, "OFFER_ALREADY_ACCEPTED")
    assert reply.json()["error"]["message"] == "offer already accepted"
    assert reply.json()["error"]["type"] == "conflict"


def test_of_many_who_accept_at_once_one_has_the_job(market: Market) -> None:
    job = market.job()
    agents = [market.agent() for _ in range(8)]
    body = {"price_per_unit": 1, "eta": 60}

    with ThreadPoolExecutor(len(agents)) as pool:
        replies = list(
            pool.map(lambda one: one.post(f"{BASE}/jobs/{job}/offers/accept", body), agents)
        )

    statuses = sorted(reply.status_code for reply in replies)
    assert statuses == [200, *[409] * 7]
    (winner,) = (reply for reply in replies if reply.is_success)
    assert market.client.map_get(f"/jobs/{job}")["agent_id"] == winner.json()["agent_id"]


def test_a_price_above_the_budget_is_422(market: Market, worker: MarketAgent) -> None:
    job = market.job()
    body = {"pricePerUnit": "2.01", "eta": 60}

    reply = worker.post(f"{BASE}/jobs/{job}/offers/accept", body)

    assert at_fault(reply) == (422, "PRICE_ABOVE_BUDGET", "pricePerUnit")
    assert "2.00 USD" in reply.json()["error"]["message"]


def test_a_job_that_asks_for_something_else_is_not_for_the_agent(market: Market) -> None:
    job, other = market.job(), market.agent(capabilities=["translation"])

    reply = other.post(f"{BASE}/jobs/{job}/offers/accept", {"price_per_unit": 1, "eta": 1})

    assert map_refusal(reply) == (403, "JOB_NOT_OFFERED")
    assert other.poll() == []


def test_a_repeat_of_the_acceptance_gets_the_first_reply(
    market: Market, worker: MarketAgent
) -> None:
    job, key = market.job(), a_key()
    path, body = f"{BASE}/jobs/{job}/offers/accept", {"price_per_unit": 1, "eta": 60}

    first, second = (worker.post(path, body, key=key) for _ in range(2))

    assert (first.status_code, first.content) == (200, second.content)
    assert is_replay(second)


def test_a_job_that_was_declined_is_not_offered_again(market: Market, worker: MarketAgent) -> None:
    job = market.job()
    assert [one["job_id"] for one in worker.poll()] == [job]

    worker.map_post(f"/jobs/{job}/offers/decline")
    worker.map_post(f"/jobs/{job}/offers/decline")

    assert worker.poll() == []
    assert [one["job_id"] for one in market.agent().poll()] == [job]


def test_a_client_takes_an_agent_s_own_price_even_above_the_budget(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job()

    offer = worker.map_post(f"/jobs/{job}/offers/counter", {"price_per_unit": "2.75", "eta": 60})

    assert (offer["price_per_unit"], offer["status"]) == ("2.75", "OPEN")
    assert market.client.map_get(f"/jobs/{job}/offers")["data"] == [offer]
    shown = market.client.map_post(f"/jobs/{job}/offers/{offer['offer_id']}/accept")
    assert shown["agreed"] == {"price_per_unit": "2.75", "currency": "USD"}
    assert shown["agent_id"] == worker.id
    again = market.client.post(f"{BASE}/jobs/{job}/offers/{offer['offer_id']}/accept")
    assert again.status_code == 409
    assert code_of(again) in {"OFFER_CLOSED", "OFFER_ALREADY_ACCEPTED"}


def test_a_counter_offer_that_was_declined_or_replaced_is_closed(
    market: Market, worker: MarketAgent
) -> None:
    job, path = market.job(), "/jobs/{}/offers/counter"
    first, second = (
        worker.map_post(path.format(job), {"price_per_unit": price, "eta": 60})["offer_id"]
        for price in ("3", "2.50")
    )

    replaced = market.client.post(f"{BASE}/jobs/{job}/offers/{first}/accept")
    taken(market.client.post(f"{BASE}/jobs/{job}/offers/{second}/decline"))
    declined = market.client.post(f"{BASE}/jobs/{job}/offers/{second}/accept")

    assert map_refusal(replaced) == map_refusal(declined) == (409, "OFFER_CLOSED")
    assert market.client.map_get(f"/jobs/{job}/offers")["data"] == []


def test_another_s_job_has_no_offers_to_take(market: Market, worker: MarketAgent) -> None:
    job, other = market.job(), market.member("client")
    offer = worker.map_post(f"/jobs/{job}/offers/counter", {"price_per_unit": 3, "eta": 1})

    for path in (f"/jobs/{job}/offers/{offer['offer_id']}", f"/jobs/{job}/offers/{NOBODY_S}"):
        for move in ("accept", "decline"):
            assert map_refusal(other.post(f"{BASE}{path}/{move}")) == (404, "NOT_FOUND")
    assert map_refusal(other.try_get(f"{BASE}/jobs/{job}/offers")) == (404, "NOT_FOUND")


def test_a_client_spends_no_more_than_the_platform_lets_them(
    market: Market, worker: MarketAgent
) -> None:
    cap = f"{BASE}/users/{market.client.id}/spend-cap"
    job = market.job(units=2)
    body = {"price_per_unit": "1.00", "eta": 60}
    assert (
        taken(market.platform.put(cap, {"currency": "USD", "amount": "1.99"}))["amount"] == "1.99"
    )

    reply = worker.post(f"{BASE}/jobs/{job}/offers/accept", body)

    assert map_refusal(reply) == (409, "SPEND_CAP_EXCEEDED")
    taken(market.platform.put(cap, {"currency": "USD", "amount": None}))
    taken(worker.post(f"{BASE}/jobs/{job}/offers/accept", body))
    assert map_refusal(market.client.put(cap, {"currency": "USD", "amount": None}))[0] == 401
