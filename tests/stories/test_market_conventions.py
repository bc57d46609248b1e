"""The M.A.P. family's conventions: who is known, how it says no, in which order."""

import json
from typing import Any

import httpx
import pytest

from tests.stories.client import Client, a_key, is_replay, refusal
from tests.stories.conftest import MakePartner
from tests.stories.market import (
    BASE,
    Market,
    MarketAgent,
    Member,
    a_job,
    a_listing,
    at_fault,
    map_refusal,
)

NOT_A_UID = {
    "empty": "",
    "nonsense": "nonsense",
    "too short": "0" * 63,
    "too long": "0" * 65,
    "nobody's": "0" * 64,
    "capitals": "ABCDEF0123456789" * 4,
    "not ASCII": "caf\xe9",
    "the seed's own": "6ece3c7e299094d84a69d5907728464fcf746f4871b52f627b810a",
}


# Errors


def test_an_error_is_as_the_seed_shows_it(worker: MarketAgent, market: Market) -> None:
    job = market.job()

    reply = worker.post(f"{BASE}/jobs/{job}/offers/accept", {"pricePerUnit": 0, "eta": 1})

    assert reply.status_code == 422
    assert reply.json() == {
        "error": {
            "type": "validation_error",
            "message": "pricePerUnit must be > 0",
            "field": "pricePerUnit",
            "docs": f"{str(worker.http.base_url).rstrip('/')}/docs/errors#validation_error",
        }
    }


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/jobs/1/nothing", "/agents/x/y/z", "/v1"])
@pytest.mark.parametrize("prefix", [BASE, "/ailancer"])
def test_a_path_that_is_none_is_404_in_the_family_s_words(
    nobody: Client, prefix: str, path: str
) -> None:
    assert map_refusal(nobody.try_get(prefix + path)) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/ailancers", "/ailancer.js"])
def test_a_path_of_neither_family_is_404_in_the_other_s_words(nobody: Client, path: str) -> None:
    assert refusal(nobody.try_get(path)) == (404, "NOT_FOUND")


def test_a_method_that_a_path_does_not_take_is_405_and_says_which_it_takes(
    nobody: Client,
) -> None:
    for prefix in (BASE, "/ailancer"):
        reply = nobody.post(f"{prefix}/job-polling", {})

        assert map_refusal(reply) == (405, "METHOD_NOT_ALLOWED")
        assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("path", "code"), [("/nothing", "NOT_FOUND"), ("/job-polling", "UNKNOWN_UID")]
)
def test_where_an_error_leads_it_is_explained(nobody: Client, path: str, code: str) -> None:
    reply = nobody.try_get(BASE + path)
    error = reply.json()["error"]

    page, _, anchor = error["docs"].partition("#")
    explained = httpx.get(page, timeout=10).text

    assert f'id="{anchor}"' in explained
    assert f'id="{code.lower()}"' in explained
    assert reply.links["help"]["url"].endswith(f"#{code.lower()}")


def test_every_reply_has_a_request_id_and_every_write_a_position(market: Market) -> None:
    reply = market.client.post(f"{BASE}/jobs", a_job(), headers={"x-request-id": "mine"})

    assert reply.status_code == 201
    assert reply.headers["x-request-id"] == "mine"
    assert int(reply.headers["x-log-position"]) == market.platform.head()
    assert reply.json()["job_id"] == int(reply.headers["x-log-position"])


# Credentials


@pytest.mark.parametrize("kind", NOT_A_UID)
@pytest.mark.parametrize("header", ["userUid", "agentUid"])
def test_whatever_is_no_living_uid_is_401_with_one_body(
    worker: MarketAgent, nobody: Client, http: httpx.Client, header: str, kind: str
) -> None:
    shown = [
        (name.encode(), (NOT_A_UID[kind] if name == header else value).encode("latin-1"))
        for name, value in worker.headers().items()
    ]

    reply = http.get(f"{BASE}/job-polling", headers=shown)

    assert map_refusal(reply) == (401, "UNKNOWN_UID")
    assert reply.content == nobody.try_get(f"{BASE}/job-polling").content
    assert "userUid" in reply.headers["www-authenticate"]


@pytest.mark.parametrize("header", ["userUid", "agentUid"])
def test_a_uid_that_is_shown_twice_is_refused(
    worker: MarketAgent, http: httpx.Client, header: str
) -> None:
    twice = [*worker.headers().items(), (header, worker.headers()[header])]

    reply = http.get(f"{BASE}/job-polling", headers=twice)

    assert at_fault(reply) == (400, "INVALID_FIELD", header.lower())


def test_an_agent_needs_both_uids(worker: MarketAgent, http: httpx.Client) -> None:
    for name in worker.headers():
        shown = {name: worker.headers()[name]}

        reply = http.get(f"{BASE}/job-polling", headers=shown)

        assert map_refusal(reply) == (401, "UNKNOWN_UID")


def test_an_agent_s_uid_goes_with_its_own_developer_s(worker: MarketAgent, market: Market) -> None:
    for other in (market.member("developer"), market.client):
        shown = MarketAgent(worker.http, other.uid, worker.id, worker.agent_uid)

        assert map_refusal(shown.try_get(f"{BASE}/job-polling")) == (401, "UNKNOWN_UID")


def test_an_agent_s_two_uids_do_not_stand_for_each_other(
    worker: MarketAgent, http: httpx.Client
) -> None:
    turned = {"userUid": worker.agent_uid, "agentUid": worker.uid}

    assert map_refusal(http.get(f"{BASE}/job-polling", headers=turned)) == (401, "UNKNOWN_UID")


def test_uids_open_nothing_of_the_other_family_and_keys_nothing_of_this(
    worker: MarketAgent, market: Market, http: httpx.Client
) -> None:
    key = market.platform.key
    assert key is not None

    for uid in (worker.uid, worker.agent_uid):
        assert http.get("/v1/events", headers={"x-api-key": uid}).status_code == 401
    assert http.get("/v1/events", headers=worker.headers()).status_code == 401
    assert map_refusal(http.get(f"{BASE}/jobs", headers={"userUid": key}))[0] == 401
    assert map_refusal(http.get(f"{BASE}/jobs", headers={"x-api-key": key}))[0] == 401


def test_a_member_is_made_with_the_platform_s_key_alone(market: Market, nobody: Client) -> None:
    body = {"roles": ["client"]}

    assert map_refusal(nobody.post(f"{BASE}/users", body)) == (401, "UNAUTHENTICATED")
    assert map_refusal(market.client.post(f"{BASE}/users", body)) == (401, "UNAUTHENTICATED")


ROLES = {
    "/jobs": ("client", a_job()),
    "/agents": ("developer", a_listing()),
    "/evaluations": ("supervisor", {"job_id": 1, "decision": "approve", "rating": 5}),
}


@pytest.mark.parametrize("path", ROLES)
def test_each_role_does_its_own(market: Market, path: str) -> None:
    role, body = ROLES[path]

    for other in {"client", "developer", "supervisor"} - {role}:
        reply = getattr(market, other).post(BASE + path, body)

        assert map_refusal(reply) == (403, "FORBIDDEN")


def test_a_member_of_several_roles_does_what_each_does(market: Market) -> None:
    one = market.member("client", "developer")

    assert one.map_post("/jobs", a_job())["job_id"]
    assert one.map_post("/agents", a_listing())["agent_id"]
    assert map_refusal(one.try_get(f"{BASE}/reviews"))[0] == 403


def test_a_uid_that_was_replaced_is_dead_and_the_new_one_is_the_same_member(
    market: Market,
) -> None:
    client = market.member("client")
    job = market.job(client)

    renewed = client.map_post("/users/uid/rotate")

    assert map_refusal(client.try_get(f"{BASE}/jobs")) == (401, "UNKNOWN_UID")
    again = Member(client.http, renewed["user_uid"], client.id)
    assert [one["job_id"] for one in again.map_get("/jobs")["data"]] == [job]


def test_an_agent_s_uid_that_was_replaced_is_dead(market: Market, worker: MarketAgent) -> None:
    renewed = market.developer.map_post(f"/agents/{worker.id}/uid/rotate")

    assert map_refusal(worker.try_get(f"{BASE}/job-polling")) == (401, "UNKNOWN_UID")
    assert MarketAgent(worker.http, worker.uid, worker.id, renewed["agent_uid"]).poll() == []


def test_another_developer_s_agent_is_given_no_uid(market: Market, worker: MarketAgent) -> None:
    reply = market.member("developer").post(f"{BASE}/agents/{worker.id}/uid/rotate")

    assert map_refusal(reply) == (404, "NOT_FOUND")


# Tenants


def test_another_tenant_s_jobs_agents_and_members_are_not_there(
    market: Market, a_partner: MakePartner
) -> None:
    job = market.job()
    others = Market(a_partner())
    stranger = others.agent()

    assert stranger.poll() == []
    for path in (f"/jobs/{job}", f"/jobs/{job}/log", f"/jobs/{job}/results"):
        assert map_refusal(others.client.try_get(BASE + path)) == (404, "NOT_FOUND")
    accepting = stranger.post(
        f"{BASE}/jobs/{job}/offers/accept", {"price_per_unit": "1.00", "eta": 60}
    )
    assert map_refusal(accepting) == (404, "NOT_FOUND")
    delivering = stranger.post(f"{BASE}/job-deliver", {"job_id": job, "delivery_data": ""})
    assert map_refusal(delivering) == (404, "NOT_FOUND")
    for list_of in ("/jobs", "/agents"):
        assert others.client.map_get(list_of)["data"] == (
            [] if list_of == "/jobs" else others.client.map_get(list_of)["data"]
        )


# Bodies


WRONG: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    ({}, (400, "MISSING_FIELD", "price_per_unit")),
    ({"price_per_unit": "1"}, (400, "MISSING_FIELD", "eta")),
    ({"price_per_unit": True, "eta": 1}, (400, "INVALID_FIELD", "price_per_unit")),
    ({"pricePerLead": [], "eta": 1}, (400, "INVALID_FIELD", "pricePerLead")),
    ({"pricePerUnit": None, "eta": 1}, (400, "INVALID_FIELD", "pricePerUnit")),
    ({"price_per_unit": "1", "eta": "soon"}, (400, "INVALID_FIELD", "eta")),
    ({"price_per_unit": "1", "eta": 1.5}, (400, "INVALID_FIELD", "eta")),
    ({"price_per_unit": "1", "eta": 1, "x": 1}, (400, "UNKNOWN_FIELD", "x")),
    (
        {"price_per_unit": "1", "pricePerUnit": "1", "eta": 1},
        (400, "UNKNOWN_FIELD", "pricePerUnit"),
    ),
    ({"pricePerUnit": 0, "eta": 1}, (422, "INVALID_VALUE", "pricePerUnit")),
    ({"pricePerLead": -1, "eta": 1}, (422, "INVALID_VALUE", "pricePerLead")),
    ({"price_per_unit": "one", "eta": 1}, (422, "INVALID_VALUE", "price_per_unit")),
    ({"price_per_unit": "0.0000001", "eta": 1}, (422, "INVALID_VALUE", "price_per_unit")),
    ({"price_per_unit": 1e-7, "eta": 1}, (422, "INVALID_VALUE", "price_per_unit")),
    ({"price_per_unit": 1e300, "eta": 1}, (422, "INVALID_VALUE", "price_per_unit")),
    ({"pricePerLead": "2.01", "eta": 1}, (422, "PRICE_ABOVE_BUDGET", "pricePerLead")),
    ({"price_per_unit": "1", "eta": 0}, (422, "INVALID_VALUE", "eta")),
    ({"price_per_unit": "1", "eta": 10**12}, (422, "INVALID_VALUE", "eta")),
]


@pytest.mark.parametrize(("body", "fault"), WRONG, ids=[json.dumps(body) for body, _ in WRONG])
def test_a_form_is_400_a_value_422_and_the_field_is_named_as_it_was_sent(
    market: Market, worker: MarketAgent, body: dict[str, Any], fault: tuple[int, str, str]
) -> None:
    job = market.job()

    with worker.storing_nothing():
        reply = worker.post(f"{BASE}/jobs/{job}/offers/accept", body)

    assert at_fault(reply) == fault


def test_checks_come_in_the_order_uid_size_media_type_json_permission_fields(
    worker: MarketAgent, market: Market, nobody: Client
) -> None:
    path, large = f"{BASE}/job-deliver", b'{"x": "' + b"x" * 1_200_000
    order = [
        nobody.post_bytes(path, large, media_type="text/plain"),
        worker.post_bytes(path, large, media_type="text/plain"),
        worker.post_bytes(path, b"{", media_type="text/plain"),
        worker.post_bytes(path, b'{"unknown": NaN}'),
        market.client.post_bytes(f"{BASE}/evaluations", b"{}"),
        worker.post_bytes(path, b"{}"),
    ]

    assert [map_refusal(reply) for reply in order] == [
        (401, "UNKNOWN_UID"),
        (413, "PAYLOAD_TOO_LARGE"),
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (400, "INVALID_JSON"),
        (403, "FORBIDDEN"),
        (400, "MISSING_FIELD"),
    ]


@pytest.mark.parametrize("job_id", ["0", "-1", "x", "1.0", "9" * 30, "%00", "99999999"])
def test_a_job_that_is_none_is_404(market: Market, job_id: str) -> None:
    assert map_refusal(market.client.try_get(f"{BASE}/jobs/{job_id}")) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("wait=31", (422, "INVALID_VALUE", "wait")),
        ("wait=-1", (422, "INVALID_VALUE", "wait")),
        ("wait=soon", (400, "INVALID_FIELD", "wait")),
        ("wait=1&wait=2", (400, "INVALID_FIELD", "query")),
        ("x=1", (400, "UNKNOWN_FIELD", "x")),
    ],
)
def test_a_wrong_query_is_refused(
    worker: MarketAgent, query: str, fault: tuple[int, str, str]
) -> None:
    assert at_fault(worker.try_get(f"{BASE}/job-polling?{query}")) == fault


# Repeats


def test_a_repeat_gets_the_first_reply_and_no_secret(market: Market) -> None:
    key, body = a_key(), {"roles": ["client"]}

    first = market.platform.post(f"{BASE}/users", body, key=key)
    second = market.platform.post(f"{BASE}/users", body, key=key)

    assert is_replay(second)
    assert second.json() == first.json() | {"user_uid": None}


def test_a_job_that_is_posted_twice_with_one_key_is_one_job(market: Market) -> None:
    key, body = a_key(), a_job()

    first = market.client.post(f"{BASE}/jobs", body, key=key)
    second = market.client.post("/ailancer/jobs", body, key=key)
    other = market.client.post(f"{BASE}/jobs", body | {"units": 2}, key=key)

    assert (second.status_code, second.content, is_replay(second)) == (201, first.content, True)
    assert map_refusal(other) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_one_key_on_two_routes_is_two(market: Market) -> None:
    key = a_key()
    one = market.member("client", "developer")

    assert one.post(f"{BASE}/jobs", a_job(), key=key).status_code == 201
    assert one.post(f"{BASE}/agents", a_listing(), key=key).status_code == 201


# Limits, and what is not there yet


def test_whoever_asks_too_often_is_429_and_told_when_to_ask_again(
    market: Market, worker: MarketAgent
) -> None:
    limited = market.platform.patch(f"/v1/agents/{worker.id}", {"rateLimitPerMinute": 1})
    assert limited.status_code == 200

    replies = [worker.try_get(f"{BASE}/job-polling") for _ in range(3)]

    assert map_refusal(replies[-1]) == (429, "RATE_LIMITED")
    assert replies[-1].json()["error"]["type"] == "rate_limited"
    assert int(replies[-1].headers["retry-after"]) >= 1


def test_a_read_of_a_position_that_is_not_reached_is_503_in_the_family_s_words(
    worker: MarketAgent,
) -> None:
    reply = worker.try_get(f"{BASE}/job-polling", headers={"x-min-position": "999999999999"})

    assert map_refusal(reply) == (503, "UNAVAILABLE")
    assert reply.json()["error"]["type"] == "server_error"
    assert reply.headers["retry-after"] == "1"
