"""Work in parts, held against what the agent declared; judged, billed, and moved back."""

import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.stories.client import refusal
from tests.stories.document import Document
from tests.stories.market import (
    BASE,
    Market,
    MarketAgent,
    a_listing,
    at_fault,
    map_refusal,
    taken,
)

LEADS = {
    "type": "array",
    "items": {"type": "object", "required": ["phone"], "properties": {"phone": {"type": "string"}}},
}
OUTCOME = {
    "type": "object",
    "required": ["reached"],
    "properties": {"reached": {"type": "boolean"}},
}


def an_item(item_ref: str, **fields: Any) -> dict[str, Any]:
    """One item of work."""
    return {"item_ref": item_ref, "data": f"what became of {item_ref}", **fields}


def results_of(market: Market, job: int) -> dict[str, str]:
    """What became of each item of a job."""
    items = market.client.map_get(f"/jobs/{job}/results", limit=200)["data"]
    return {one["item_ref"]: one["status"] for one in items}


@pytest.fixture
def job(market: Market, worker: MarketAgent) -> int:
    """A job of three units that somebody works on."""
    number = market.job(units=3)
    worker.accepts(number)
    return number


# Schemas


def test_inputs_are_held_against_the_agent_s_schema(market: Market) -> None:
    worker, job = market.agent(input_schema=LEADS), market.job()
    worker.accepts(job)
    path = f"{BASE}/jobs/{job}/inputs"

    wrong = market.client.put(path, {"inputs": [{"phone": "+15550100"}, {"phone": 7}]})

    assert at_fault(wrong) == (422, "SCHEMA_VIOLATION", "inputs.1.phone")
    taken(market.client.put(path, {"inputs": [{"phone": "+15550100"}]}))
    assert worker.map_get(f"/jobs/{job}/inputs")["inputs"] == [{"phone": "+15550100"}]


def test_results_are_held_against_the_agent_s_schema(market: Market) -> None:
    worker, job = market.agent(output_schema=OUTCOME), market.job(units=2)
    worker.accepts(job)

    whole = worker.post(f"{BASE}/job-deliver", {"job_id": job, "delivery_data": {"reached": "no"}})
    items = [an_item("a", data={"reached": True}), an_item("b", data={})]
    parts = worker.post(f"{BASE}/jobs/{job}/results", {"items": items})

    assert at_fault(whole) == (422, "SCHEMA_VIOLATION", "delivery_data.reached")
    assert at_fault(parts) == (422, "SCHEMA_VIOLATION", "items.1.data")
    worker.delivers(job, {"reached": True})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strin"},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/$defs/x", "$defs": {"x": {"$ref": "#/$defs/x"}}},
        {"description": "x" * 20_000},
        {"allOf": [{} for _ in range(2_000)]},
    ],
    ids=["a type that is none", "remote", "a file", "in circles", "too large", "too many parts"],
)
@pytest.mark.parametrize("field", ["input_schema", "output_schema"])
def test_a_schema_that_cannot_be_checked_is_refused(
    market: Market, field: str, schema: dict[str, Any]
) -> None:
    reply = market.developer.post(f"{BASE}/agents", a_listing(**{field: schema}))

    assert at_fault(reply) == (422, "INVALID_SCHEMA", field)


def test_a_pattern_without_end_holds_nobody_up(market: Market) -> None:
    worker, job = market.agent(output_schema={"pattern": "^(a+)+$"}), market.job()
    worker.accepts(job)

    body = {"job_id": job, "delivery_data": "a" * 60 + "!"}
    assert at_fault(worker.post(f"{BASE}/job-deliver", body)) == (
        422,
        "SCHEMA_VIOLATION",
        "delivery_data",
    )
    worker.delivers(job, "aaa")


# Parts


def test_items_are_delivered_and_judged_one_by_one(
    market: Market, worker: MarketAgent, job: int
) -> None:
    receipt = worker.map_post(f"/jobs/{job}/results", {"items": [an_item("a"), an_item("b")]})
    assert receipt["job_status"] == "REQUESTED"

    approved = market.judge(job, item_ref="a")
    rejected = market.judge(job, "reject", item_ref="b", rating=1)
    items = [an_item("b", data="again"), an_item("c")]
    second = worker.map_post(f"/jobs/{job}/results", {"items": items})["delivery_id"]
    market.judge(job, item_ref="b", delivery_id=second)
    last = market.judge(job, item_ref="c", delivery_id=second)

    assert (approved["charged"], rejected["charged"]) == ("1.50", "0.00")
    assert last["job"]["job_status"] == "COMPLETED"
    assert results_of(market, job) == {"a": "APPROVED", "b": "APPROVED", "c": "APPROVED"}
    (invoice,) = market.client.map_get("/invoices")["data"]
    assert (invoice["amount"], invoice["units"]) == ("4.50", 3)
    assert market.client.map_get(f"/invoices/{job}") == invoice
    (payout,) = market.developer.map_get("/payouts")["data"]
    assert (payout["amount"], payout["agent_id"]) == ("4.50", worker.id)


def test_what_is_final_gives_up_the_rest(market: Market, worker: MarketAgent, job: int) -> None:
    worker.map_post(f"/jobs/{job}/results", {"items": [an_item("a")], "final": True})

    shown = market.judge(job)["job"]

    assert (shown["job_status"], shown["approved"], shown["given_up"]) == ("COMPLETED", 1, 2)


ITEMS: list[tuple[Any, tuple[int, str, str]]] = [
    ([], (422, "INVALID_VALUE", "items")),
    ("a", (400, "INVALID_FIELD", "items")),
    ([{}], (400, "MISSING_FIELD", "items.0.item_ref")),
    ([an_item("")], (422, "INVALID_VALUE", "items.0.item_ref")),
    ([an_item("two words")], (422, "INVALID_VALUE", "items.0.item_ref")),
    ([an_item("a"), an_item("a")], (422, "INVALID_VALUE", "items")),
    ([an_item("a", units=0)], (422, "INVALID_VALUE", "items.0.units")),
    ([an_item("a", units="1")], (400, "INVALID_FIELD", "items.0.units")),
    ([an_item("a", units=4)], (422, "INVALID_VALUE", "items")),
    ([an_item(f"i{number}") for number in range(501)], (422, "INVALID_VALUE", "items")),
    ([an_item("a", price=1)], (400, "UNKNOWN_FIELD", "items.0.price")),
]


@pytest.mark.parametrize(("items", "fault"), ITEMS)
def test_items_that_make_no_sense_are_refused_by_the_field(
    worker: MarketAgent, job: int, items: object, fault: tuple[int, str, str]
) -> None:
    with worker.storing_nothing():
        reply = worker.post(f"{BASE}/jobs/{job}/results", {"items": items})

    assert at_fault(reply) == fault


def test_an_item_is_delivered_again_only_after_it_was_rejected(
    market: Market, worker: MarketAgent, job: int
) -> None:
    path = f"/jobs/{job}/results"
    first = worker.map_post(path, {"items": [an_item("a")]})
    assert worker.map_post(path, {"items": [an_item("a")]}) == first
    other = worker.post(BASE + path, {"items": [an_item("a", data="other")]})
    market.judge(job, item_ref="a")
    late = worker.post(BASE + path, {"items": [an_item("a", data="other")]})

    assert map_refusal(other) == (409, "DELIVERY_DIFFERS")
    assert map_refusal(late) == (409, "ALREADY_JUDGED")


def test_results_that_are_large_come_a_few_at_a_time(market: Market, worker: MarketAgent) -> None:
    job = market.job(units=7)
    worker.accepts(job)
    for name in "abcdefg":
        items = [an_item(name, data="x" * 1_000_000)]
        worker.map_post(f"/jobs/{job}/results", {"items": items})

    first = market.client.map_get(f"/jobs/{job}/results")
    second = market.client.map_get(f"/jobs/{job}/results", cursor=first["pagination"]["cursor"])

    names = [[one["item_ref"] for one in page["data"]] for page in (first, second)]
    assert names == [["a", "b", "c", "d", "e"], ["f", "g"]]
    assert second["pagination"]["hasMore"] is False


def test_results_come_as_they_happen_to_whoever_follows(
    market: Market, worker: MarketAgent, job: int, http: httpx.Client, document: Document
) -> None:
    path = f"{http.base_url}{BASE}/jobs/{job}/results".replace("//api", "/api")
    with (
        ThreadPoolExecutor(1) as pool,
        httpx.stream(
            "GET", path, params={"follow": "true"}, headers=market.client.headers(), timeout=30
        ) as stream,
    ):
        lines = stream.iter_lines()
        first = pool.submit(next, lines)
        worker.map_post(f"/jobs/{job}/results", {"items": [an_item("a")], "final": True})
        assert json.loads(first.result())["data"] == "what became of a"
        market.judge(job)
        happened = [first.result(), *lines]

    assert [(one["item_ref"], one["status"]) for one in map(json.loads, happened)] == [
        ("a", "DELIVERED"),
        ("a", "APPROVED"),
    ]
    document.check(
        httpx.Response(
            200,
            headers=stream.headers,
            content="\n".join(happened).encode(),
            request=stream.request,
        )
    )


def test_whoever_follows_is_let_go_when_their_uid_is_replaced(
    market: Market, job: int, http: httpx.Client
) -> None:
    path = f"{http.base_url}{BASE}/jobs/{job}/results".replace("//api", "/api")
    with httpx.stream(
        "GET", path, params={"follow": "true"}, headers=market.client.headers(), timeout=30
    ) as stream:
        market.client.map_post("/users/uid/rotate")
        (said,) = (json.loads(line) for line in stream.iter_lines())

    assert said["error"]["type"] == "authentication_error"


# Judging


def test_the_queue_shows_what_awaits_its_evaluation(
    market: Market, worker: MarketAgent, job: int
) -> None:
    assert market.supervisor.map_get("/reviews")["data"] == []
    delivery = worker.delivers(job)["delivery_id"]

    (review,) = market.supervisor.map_get("/reviews")["data"]

    assert (review["job_id"], review["delivery_id"], review["awaiting"]) == (job, delivery, 3)
    assert (review["is_overdue"], review["user_id"]) == (False, None)


def test_two_do_not_judge_the_same_work(market: Market, worker: MarketAgent, job: int) -> None:
    other = market.member("supervisor")
    nothing = market.supervisor.post(f"{BASE}/reviews/{job}/claim")
    worker.delivers(job)

    claimed = market.supervisor.map_post(f"/reviews/{job}/claim")

    assert map_refusal(nothing) == (409, "NOTHING_TO_JUDGE")
    assert claimed["user_id"] == market.supervisor.id
    assert market.supervisor.map_get("/reviews")["data"][0]["user_id"] == market.supervisor.id
    body = {"job_id": job, "decision": "approve", "rating": 5}
    for path, sent in ((f"/reviews/{job}/claim", None), ("/evaluations", body)):
        assert map_refusal(other.post(BASE + path, sent)) == (409, "REVIEW_TAKEN")
    market.judge(job)


def test_a_supervisor_does_not_judge_work_of_an_agent_of_their_own(market: Market) -> None:
    both = market.member("developer", "supervisor")
    worker, job = market.agent(both), market.job()
    worker.accepts(job)
    worker.delivers(job)

    body = {"job_id": job, "decision": "approve", "rating": 5}
    assert map_refusal(both.post(f"{BASE}/evaluations", body)) == (403, "OWN_WORK")
    assert map_refusal(both.post(f"{BASE}/reviews/{job}/claim")) == (403, "OWN_WORK")
    assert both.map_get("/reviews")["data"] == []


def test_from_the_second_delivery_on_the_judgement_names_it(
    market: Market, worker: MarketAgent, job: int
) -> None:
    first = worker.delivers(job)["delivery_id"]
    market.judge(job, "reject")
    second = worker.delivers(job, "better")["delivery_id"]
    body = {"job_id": job, "decision": "approve", "rating": 4}

    unnamed = market.supervisor.post(f"{BASE}/evaluations", body)
    stale = market.supervisor.post(f"{BASE}/evaluations", body | {"delivery_id": first})

    assert at_fault(unnamed) == (400, "MISSING_FIELD", "delivery_id")
    assert map_refusal(stale)[0] == 409
    assert market.judge(job, delivery_id=second)["job"]["job_status"] == "COMPLETED"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"rating": 0}, (422, "INVALID_VALUE", "rating")),
        ({"rating": 6}, (422, "INVALID_VALUE", "rating")),
        ({"rating": "good"}, (400, "INVALID_FIELD", "rating")),
        ({"decision": "maybe"}, (422, "INVALID_VALUE", "decision")),
        ({"decision": 7}, (400, "INVALID_FIELD", "decision")),
        ({"comments": 7}, (400, "INVALID_FIELD", "comments")),
        ({"jobId": 7}, (400, "UNKNOWN_FIELD", "jobId")),
    ],
)
def test_a_judgement_that_makes_no_sense_is_refused_by_the_field(
    market: Market,
    worker: MarketAgent,
    job: int,
    fields: dict[str, Any],
    fault: tuple[int, str, str],
) -> None:
    worker.delivers(job)
    body = {"job_id": job, "decision": "approve", "rating": 5, **fields}

    assert at_fault(market.supervisor.post(f"{BASE}/evaluations", body)) == fault


def test_an_item_is_judged_once(market: Market, worker: MarketAgent, job: int) -> None:
    worker.map_post(f"/jobs/{job}/results", {"items": [an_item("a")]})
    market.judge(job, item_ref="a")
    body = {"job_id": job, "item_ref": "a", "decision": "reject", "rating": 1}

    assert map_refusal(market.supervisor.post(f"{BASE}/evaluations", body)) == (
        409,
        "ALREADY_JUDGED",
    )
    nothing = market.supervisor.post(f"{BASE}/evaluations", body | {"item_ref": "z"})
    assert map_refusal(nothing) == (404, "NOT_FOUND")


def test_what_was_approved_by_mistake_is_moved_back(
    market: Market, worker: MarketAgent, job: int
) -> None:
    worker.delivers(job)
    evaluation = market.judge(job)["evaluation_id"]

    back = market.supervisor.map_post(f"/evaluations/{evaluation}/reverse")

    assert (back["charged"], back["is_reversed"]) == ("-4.50", True)
    assert market.client.map_get(f"/invoices/{job}")["credited"] == "4.50"
    again = market.supervisor.post(f"{BASE}/evaluations/{evaluation}/reverse")
    assert map_refusal(again) == (409, "NOT_REVERSIBLE")


def test_a_better_judged_agent_ranks_before_another(market: Market, worker: MarketAgent) -> None:
    other = market.agent()
    for one, decision, rating in ((worker, "reject", 1), (other, "approve", 5)):
        job = market.job()
        one.accepts(job)
        one.delivers(job)
        market.judge(job, decision, rating=rating)

    ranked = market.client.map_get("/agents", capability="voice-outbound")["data"]

    assert [one["agent_id"] for one in ranked] == [other.id, worker.id]
    best = ranked[0]["reputation"]
    assert (best["mean_rating"], best["approval_rate"], best["jobs_done"]) == (5.0, 1.0, 1)
    assert market.client.map_get("/agents", capability="translation")["data"] == []


# Money


def test_every_entry_of_the_ledger_sums_to_zero_and_the_accounts_to_the_bill(
    market: Market, worker: MarketAgent, job: int
) -> None:
    worker.delivers(job)
    market.judge(job)

    of_client, of_developer = (
        one.map_get("/ledger", limit=200) for one in (market.client, market.developer)
    )

    for entry in of_client["data"] + of_developer["data"]:
        assert sum(Decimal(one["amount"]) for one in entry["postings"]) == 0
    balances = {one["account"]: one["amount"] for one in of_client["balances"]}
    assert (balances["receivable"], balances["held"]) == ("4.50", "0.00")
    assert {one["account"]: one["amount"] for one in of_developer["balances"]}["payable"] == "-4.50"
    assert taken(market.platform.try_get(f"{BASE}/ledger"))["data"] == []


def test_each_sees_their_own_money_alone(market: Market, worker: MarketAgent, job: int) -> None:
    worker.delivers(job)
    market.judge(job)
    client, developer = market.member("client"), market.member("developer")

    assert client.map_get("/invoices")["data"] == developer.map_get("/payouts")["data"] == []
    assert client.map_get("/ledger")["data"] == []
    assert map_refusal(client.try_get(f"{BASE}/invoices/{job}")) == (404, "NOT_FOUND")
    assert map_refusal(market.developer.try_get(f"{BASE}/invoices"))[0] == 403
    assert map_refusal(market.client.try_get(f"{BASE}/payouts"))[0] == 403


def test_a_fraction_of_a_cent_is_rounded_once_a_line(market: Market, worker: MarketAgent) -> None:
    job = market.job(units=3, budget={"price_per_unit": "0.005", "currency": "USD"})
    worker.accepts(job, "0.005")
    worker.delivers(job)

    # 0.015 is rounded half to even.
    assert market.judge(job)["charged"] == "0.02"


def test_yen_have_no_decimals(market: Market) -> None:
    pricing = {"unit": "lead", "price_per_unit": 100, "currency": "JPY"}
    worker = market.agent(pricing=pricing)
    job = market.job(budget={"price_per_unit": 150, "currency": "JPY"})
    worker.accepts(job, 120)
    worker.delivers(job)

    assert market.judge(job)["charged"] == "120"


# Where the two systems meet


def test_a_completed_job_becomes_history_of_the_agent(
    market: Market, worker: MarketAgent, job: int
) -> None:
    worker.delivers(job)
    market.judge(job)

    (event,) = market.platform.events(userExternalId=worker.id)

    assert (event["eventType"], event["actorType"]) == ("gig.completed", "AGENT")


def test_a_marketplace_agent_is_one_of_the_registry_without_a_key(
    market: Market, worker: MarketAgent
) -> None:
    shown = market.platform.get(f"/v1/agents/{worker.id}")

    assert (shown["type"], shown["preset"], shown["status"]) == ("AI_AGENT", "operator", "ACTIVE")
    assert shown["allowedEventTypes"] == ["gig.completed"]
    rotated = market.platform.post(f"/v1/agents/{worker.id}/key/rotate")
    assert refusal(rotated) == (409, "UID_IS_ROTATED_BY_DEVELOPER")
