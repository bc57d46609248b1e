"""Jobs: who asks, who sees them, how they stand, and what is written on them."""

from typing import Any

import pytest

from tests.stories.client import Client, a_key
from tests.stories.conftest import MakePartner
from tests.stories.market import (
    BASE,
    Market,
    MarketAgent,
    Member,
    a_job,
    at_fault,
    map_refusal,
    taken,
)

REQUIREMENTS: dict[str, Any] = {"requirement_json": {"script": "Hello"}, "note": "softly"}


def job_ids(member: Member, **query: Any) -> list[int]:
    """The numbers of the jobs that somebody is shown."""
    return [one["job_id"] for one in member.map_get("/jobs", **query)["data"]]


# Posting


def test_a_job_that_was_posted_is_open_and_shown_with_what_was_written(market: Market) -> None:
    job = market.job(requirements=REQUIREMENTS, units=3)

    shown = market.client.map_get(f"/jobs/{job}")

    assert (shown["job_status"], shown["remaining"], shown["agent_id"]) == ("OPEN", 3, None)
    assert (shown["title"], shown["requirements"]) == ("Call our leads", REQUIREMENTS)
    assert shown["budget"] == {"price_per_unit": "2.00", "currency": "USD"}
    assert shown["user_id"] == market.client.id


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, {"requirement_json": {}}),
        ("call them", {"requirement_json": "call them"}),
        ([1, 2], {"requirement_json": [1, 2]}),
        ({"script": "Hello"}, {"requirement_json": {"script": "Hello"}}),
        (REQUIREMENTS, REQUIREMENTS),
    ],
)
def test_requirements_are_always_an_object_with_requirement_json(
    market: Market, given: object, shown: object
) -> None:
    job = market.job(requirements=given)

    assert market.client.map_get(f"/jobs/{job}")["requirements"] == shown


FAULTS: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    ({"title": None}, (400, "MISSING_FIELD", "title")),
    ({"title": ""}, (422, "INVALID_VALUE", "title")),
    ({"title": "x" * 201}, (422, "INVALID_VALUE", "title")),
    ({"title": 7}, (400, "INVALID_FIELD", "title")),
    ({"capability": "naïve"}, (422, "INVALID_VALUE", "capability")),
    ({"unit": ""}, (422, "INVALID_VALUE", "unit")),
    ({"units": 0}, (422, "INVALID_VALUE", "units")),
    ({"units": 1_000_001}, (422, "INVALID_VALUE", "units")),
    ({"units": "many"}, (400, "INVALID_FIELD", "units")),
    ({"units": True}, (400, "INVALID_FIELD", "units")),
    ({"budget": 7}, (400, "INVALID_FIELD", "budget")),
    ({"budget": {"currency": "USD"}}, (400, "MISSING_FIELD", "budget.price_per_unit")),
    (
        {"budget": {"pricePerUnit": "0", "currency": "USD"}},
        (422, "INVALID_VALUE", "budget.pricePerUnit"),
    ),
    (
        {"budget": {"price_per_unit": "1", "currency": "XXX"}},
        (422, "INVALID_VALUE", "budget.currency"),
    ),
    (
        {"budget": {"price_per_unit": "1", "currency": "dollars"}},
        (422, "INVALID_VALUE", "budget.currency"),
    ),
    ({"deadline": "tomorrow"}, (422, "INVALID_VALUE", "deadline")),
    ({"deadline": "2020-01-01T00:00:00Z"}, (422, "INVALID_VALUE", "deadline")),
    ({"deadline": 7}, (400, "INVALID_FIELD", "deadline")),
    ({"price": 7}, (400, "UNKNOWN_FIELD", "price")),
]


@pytest.mark.parametrize(("fields", "fault"), FAULTS, ids=[str(fields) for fields, _ in FAULTS])
def test_a_job_that_makes_no_sense_is_refused_by_the_field(
    market: Market, fields: dict[str, Any], fault: tuple[int, str, str]
) -> None:
    with market.client.storing_nothing():
        reply = market.client.post(f"{BASE}/jobs", a_job(**fields))

    assert at_fault(reply) == fault


def test_of_agents_that_take_any_job_the_best_that_is_within_the_budget_has_it(
    market: Market,
) -> None:
    dear, cheap = (
        market.agent(
            auto_accept=True,
            pricing={"unit": "lead", "price_per_unit": price, "currency": "USD"},
        )
        for price in ("2.50", "1.99")
    )

    shown = market.client.map_post("/jobs", a_job())

    assert (shown["job_status"], shown["agent_id"]) == ("REQUESTED", cheap.id)
    assert shown["agreed"] == {"price_per_unit": "1.99", "currency": "USD"}
    assert [one["job_status"] for one in cheap.poll()] == ["REQUESTED"]
    assert dear.poll() == []


# Who sees what


def test_each_role_is_shown_its_own_jobs(market: Market, worker: MarketAgent) -> None:
    other_client, other_developer = market.member("client"), market.member("developer")
    open_one, taken_one, theirs = market.job(), market.job(), market.job(other_client)
    worker.accepts(taken_one)

    assert job_ids(market.client) == [taken_one, open_one]
    assert job_ids(other_client) == [theirs]
    assert job_ids(market.developer) == [theirs, taken_one, open_one]
    assert job_ids(other_developer) == [theirs, open_one]
    assert job_ids(market.supervisor) == [theirs, taken_one, open_one]
    assert job_ids(market.supervisor, status="REQUESTED") == [taken_one]


def test_lists_go_on_where_they_were_left(market: Market) -> None:
    jobs = [market.job() for _ in range(5)]

    first = market.client.map_get("/jobs", limit=2)
    second = market.client.map_get("/jobs", limit=2, cursor=first["pagination"]["cursor"])
    third = market.client.map_get("/jobs", limit=2, cursor=second["pagination"]["cursor"])

    seen = [one["job_id"] for page in (first, second, third) for one in page["data"]]
    assert seen == jobs[::-1]
    assert third["pagination"] == {"cursor": None, "hasMore": False}
    wrong = market.client.try_get(f"{BASE}/jobs", cursor="nonsense")
    assert map_refusal(wrong) == (400, "INVALID_CURSOR")


def test_what_is_written_is_shown_to_those_whom_it_concerns_alone(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job()
    market.client.put(f"{BASE}/jobs/{job}/inputs", {"inputs": [{"phone": "+15550100"}]})
    worker.accepts(job)
    worker.delivers(job, {"reached": True})
    stranger = market.agent(market.member("developer"))
    concerned = (market.client, market.developer, market.supervisor, worker)
    strangers = (market.member("client"), market.member("developer"), stranger)

    for path in ("", "/inputs", "/results", "/log"):
        for one in concerned:
            assert one.map_get(f"/jobs/{job}{path}")
        for one in strangers:
            reply = one.try_get(f"{BASE}/jobs/{job}{path}")
            assert map_refusal(reply) == (404, "NOT_FOUND"), (path, one)


# The past


def test_a_job_is_shown_as_it_stood_then(market: Market, worker: MarketAgent) -> None:
    job = market.job()
    posted = market.platform.head()
    worker.accepts(job)

    then = market.client.map_get(f"/jobs/{job}", asOf=posted)
    before = market.client.try_get(f"{BASE}/jobs/{job}", asOf=posted - 1)

    assert (then["job_status"], then["agent_id"]) == ("OPEN", None)
    assert "title" not in then
    assert map_refusal(before) == (404, "NOT_FOUND")
    assert map_refusal(market.client.try_get(f"{BASE}/jobs/{job}", asOf="soon")) == (
        400,
        "INVALID_AS_OF",
    )


def test_the_story_of_a_job_reads_like_one(market: Market, worker: MarketAgent) -> None:
    job = market.job()
    worker.accepts(job)
    delivery = worker.delivers(job)["delivery_id"]
    market.judge(job, "reject", delivery_id=delivery, rating=2, comments="again")
    delivery = worker.delivers(job, "better")["delivery_id"]
    market.judge(job, "approve", delivery_id=delivery)

    story = market.client.map_get(f"/jobs/{job}/log", limit=200)["data"]

    types = [one["type"] for one in story]
    assert types[0] == "job.posted.v1"
    assert types[-1] == "job.ended.v1"
    assert types.count("job.delivered.v1") == types.count("job.judged.v1") == 2
    assert all(one["sentence"].endswith(".") for one in story)
    assert story[0]["principal"] == f"member:{market.client.id}"
    assert [one["position"] for one in story] == sorted(one["position"] for one in story)


# Cancelling


def test_a_job_that_nobody_took_is_cancelled_at_once(market: Market, worker: MarketAgent) -> None:
    job = market.job()

    assert market.client.map_post(f"/jobs/{job}/cancel")["job_status"] == "CANCELLED"

    assert worker.poll() == []
    again = market.client.post(f"{BASE}/jobs/{job}/cancel")
    assert map_refusal(again) == (409, "INVALID_JOB_STATE")
    assert map_refusal(market.member("client").post(f"{BASE}/jobs/{job}/cancel"))[0] == 404


def test_what_was_delivered_is_judged_although_the_rest_is_cancelled(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job(units=3)
    worker.accepts(job)
    worker.map_post(f"/jobs/{job}/results", {"items": [{"item_ref": "a", "data": 1}]})

    shown = market.client.map_post(f"/jobs/{job}/cancel")

    assert (shown["closed"], shown["awaiting"], shown["given_up"]) == ("CANCELLED", 1, 2)
    assert market.judge(job)["job"]["job_status"] == "COMPLETED"
    (invoice,) = market.client.map_get("/invoices")["data"]
    assert (invoice["amount"], invoice["units"]) == ("1.50", 1)


def test_an_agent_that_is_revoked_leaves_what_it_has_not_delivered_to_others(
    market: Market, worker: MarketAgent
) -> None:
    job = market.job()
    worker.accepts(job)

    taken(market.platform.post(f"/v1/agents/{worker.id}/revoke"))

    assert market.client.map_get(f"/jobs/{job}")["job_status"] == "OPEN"
    assert map_refusal(worker.try_get(f"{BASE}/job-polling")) == (401, "UNKNOWN_UID")
    assert [one["job_id"] for one in market.agent().poll()] == [job]


# Erasing


def test_all_that_was_written_on_a_job_is_destroyed(market: Market, worker: MarketAgent) -> None:
    job = market.job()
    market.client.put(f"{BASE}/jobs/{job}/inputs", {"inputs": "a list"})
    worker.accepts(job)
    worker.delivers(job, "a secret")
    assert map_refusal(market.client.post(f"{BASE}/jobs/{job}/erase")) == (409, "INVALID_JOB_STATE")
    market.judge(job, comments="well done")

    erased = market.client.map_post(f"/jobs/{job}/erase")

    assert erased["erased_at"]
    shown = market.client.map_get(f"/jobs/{job}")
    assert (shown["title"], shown["requirements"], shown["delivery_info"]) == (None, None, "")
    (item,) = market.client.map_get(f"/jobs/{job}/results")["data"]
    assert (item["data"], item["status"]) == (None, "APPROVED")
    assert map_refusal(market.client.try_get(f"{BASE}/jobs/{job}/inputs")) == (404, "NOT_FOUND")
    assert market.client.map_get(f"/jobs/{job}/log")["data"]


def test_the_platform_erases_any_job_and_another_s_nobody(
    market: Market, a_partner: MakePartner
) -> None:
    job = market.job()
    market.client.map_post(f"/jobs/{job}/cancel")
    stranger: Client = a_partner()

    assert map_refusal(stranger.post(f"{BASE}/jobs/{job}/erase")) == (404, "NOT_FOUND")
    assert map_refusal(market.member("client").post(f"{BASE}/jobs/{job}/erase"))[0] == 404
    assert taken(market.platform.post(f"{BASE}/jobs/{job}/erase"))["erased_at"]


def test_a_repeat_of_what_was_erased_shows_nothing_of_it(
    market: Market, worker: MarketAgent
) -> None:
    key, job = a_key(), market.job()
    worker.accepts(job)
    body = {"job_id": job, "delivery_data": "a secret"}
    taken(worker.post(f"{BASE}/job-deliver", body, key=key))
    market.judge(job)
    market.client.map_post(f"/jobs/{job}/erase")

    again = worker.post(f"{BASE}/job-deliver", body, key=key)

    assert map_refusal(again)[0] == 409


# Size


def test_a_document_of_a_mebibyte_is_taken_and_one_beyond_is_413(market: Market) -> None:
    room = 1024 * 1024 - len('{"requirements":{"requirement_json":""},"title":"Call our leads"}')

    job = market.job(requirements="x" * room)

    shown = market.client.map_get(f"/jobs/{job}")["requirements"]["requirement_json"]
    assert len(shown) == room
    for size in (room + 1, 2_000_000):
        reply = market.client.post(f"{BASE}/jobs", a_job(requirements="x" * size))
        assert map_refusal(reply) == (413, "PAYLOAD_TOO_LARGE")
