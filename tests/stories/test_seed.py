"""The seed's own words: what its page shows, word for word."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.stories.client import Client, a_person, an_event, is_replay, refusal
from tests.stories.waiting import holding_the_lock

EVALUATION = b"""{
"actor": { "type": "human", "id": "emp-12345" },
"action": "data.export_pii"
}"""
SEED_KEY = "tx-2026-05-20-001"
IN_PROGRESS = """{
"error": "A request with this Idempotency-Key is currently in progress. Retry after the in-flight request completes.",
"code": "IDEMPOTENCY_IN_PROGRESS"
}"""  # noqa: E501 - word for word
WITHOUT_ACTOR_ID = """
{ "error": "Missing required field: actor.id", "hint": "Provide an org-scoped identifier for the actor" }
"""  # noqa: E501 - word for word

prefixed = pytest.mark.parametrize("prefix", ["/v1", ""], ids=["with /v1", "without"])


@prefixed
def test_the_evaluation_that_it_shows_is_answered(partner: Client, prefix: str) -> None:
    reply = partner.post_bytes(f"{prefix}/policy/evaluate", EVALUATION)

    assert reply.status_code == 200
    assert reply.json()["decision"] in {"ALLOW", "STEP_UP", "LIMIT", "DENY"}
    assert {"tier", "claimStatus", "whyRec", "decision_correlation_id"} <= set(reply.json())


def test_a_repeat_returns_the_original_status_and_body_verbatim(partner: Client) -> None:
    event = an_event()

    first = partner.post("/v1/events", event, key=SEED_KEY)
    second = partner.post("/v1/events", event, key=SEED_KEY)

    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert "x-idempotency-replay" not in first.headers
    assert second.headers["x-idempotency-replay"] == "true"


def test_of_two_at_once_the_other_is_told_so_and_its_retry_is_a_replay(
    partner: Client, log_url: str
) -> None:
    event, key = an_event(), "tx-at-once"

    with ThreadPoolExecutor(1) as pool:
        with holding_the_lock(log_url) as lock:
            winning = pool.submit(partner.post, "/v1/events", event, key=key)
            lock.until_somebody_waits()
            losing = partner.post("/v1/events", event, key=key)
        won = winning.result()

    assert losing.status_code == 409
    assert losing.headers["retry-after"] == "1"
    assert losing.headers["content-type"] == "application/json"
    assert losing.json() == json.loads(IN_PROGRESS)
    assert won.status_code == 201
    assert not is_replay(won)
    retry = partner.post("/v1/events", event, key=key)
    assert (retry.status_code, retry.content, is_replay(retry)) == (201, won.content, True)


def test_without_the_header_an_identical_payload_is_replayed_with_both_headers(
    partner: Client,
) -> None:
    event = an_event()

    first = partner.post("/v1/events", event)
    second = partner.post("/v1/events", event)

    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["x-idempotency-replay"] == "true"
    assert second.headers["x-idempotency-auto"] == "true"


def test_an_actor_without_an_id_gets_the_error_that_it_shows(partner: Client) -> None:
    for actor in ({"type": "human"}, {"type": "service"}):
        reply = partner.post("/policy/evaluate", {"actor": actor, "action": "data.export_pii"})

        assert reply.status_code == 400
        assert reply.json() == json.loads(WITHOUT_ACTOR_ID) | {"code": "MISSING_FIELD"}


def test_an_unknown_event_type_is_rejected_with_its_code(partner: Client) -> None:
    reply = partner.post("/v1/events", an_event(eventType="transaction.imagined"))

    assert refusal(reply) == (400, "INVALID_EVENT_TYPE")


@prefixed
@pytest.mark.parametrize("path", ["/events", "/policy/actions"])
def test_the_pages_that_it_lists_are_there(partner: Client, path: str, prefix: str) -> None:
    assert partner.get(prefix + path)


@prefixed
@pytest.mark.parametrize("path", ["/events", "/policy/actions"])
def test_all_of_it_requires_the_key_in_its_header(nobody: Client, path: str, prefix: str) -> None:
    assert refusal(nobody.try_get(prefix + path)) == (401, "UNAUTHENTICATED")


def test_an_event_creates_the_user_s_record(partner: Client) -> None:
    person = a_person()
    assert partner.try_get("/resolve", userExternalId=person).status_code == 404

    partner.submit(userExternalId=person)

    assert partner.get("/resolve", userExternalId=person)["eventCount"] == 1


def test_no_event_carries_free_form_metadata(partner: Client) -> None:
    reply = partner.post("/v1/events", an_event(metadata={"orderId": "A-1"}))

    assert refusal(reply) == (400, "UNKNOWN_FIELD")


def test_debug_gives_the_full_signals(partner: Client, http: httpx.Client) -> None:
    reply = http.post(
        "/policy/evaluate?debug=true",
        content=EVALUATION,
        headers=partner.headers({"content-type": "application/json"}),
    )

    assert "mirSignals" in reply.json()["debug"]
