"""Guardrails over HTTP: what an agent's type, preset and rate hold it to, and in which order."""

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import httpx
import pytest

from tests.stories.agents import (
    Agent,
    a_service_of,
    an_agent,
    lets_spawn,
    narrowed,
    registered,
    seen,
    spawned,
)
from tests.stories.client import (
    Client,
    a_key,
    a_person,
    ago,
    an_actor,
    an_evaluation,
    an_event,
    is_replay,
    refusal,
)
from tests.stories.conftest import MakePartner
from tests.stories.document import told
from tests.stories.lines import stream

T = TypeVar("T")

NDJSON = "application/x-ndjson"
KEY_MISSING = (400, "AGENT_IDEMPOTENCY_REQUIRED")
TYPE_NOT_ALLOWED = (403, "AGENT_EVENT_TYPE_NOT_ALLOWED")
NOT_ALLOWED = "review.received"


def a_claim() -> dict[str, str]:
    return {"userExternalId": a_person(), "claimType": "fraud"}


def events(count: int) -> list[dict[str, object]]:
    return [an_event(userExternalId=a_person()) for _ in range(count)]


def evaluations(count: int) -> dict[str, object]:
    return {"evaluations": [an_evaluation() for _ in range(count)]}


# Type


@pytest.mark.parametrize("preset", ["reader", "reporter", "operator"])
def test_an_ai_agent_has_any_preset_but_admin(partner: Client, preset: str) -> None:
    assert partner.post("/v1/agents", an_agent(preset=preset)).status_code == 201
    assert refusal(partner.post("/v1/agents", an_agent(preset="admin"))) == (
        403,
        "AGENT_PRESET_FORBIDDEN",
    )
    assert seen(partner, a_service_of(partner, preset="admin"))["preset"] == "admin"


@pytest.mark.parametrize("allowed", ["absent", None, []])
def test_an_ai_agent_says_what_it_may_report(partner: Client, allowed: object) -> None:
    body = {**an_agent(), "allowedEventTypes": allowed}
    if allowed == "absent":
        del body["allowedEventTypes"]

    with partner.storing_nothing():
        reply = partner.post("/v1/agents", body)

    assert refusal(reply) == (400, "AGENT_ALLOWLIST_REQUIRED")


def test_an_ai_agent_always_names_its_repeats(partner: Client) -> None:
    refused = partner.post("/v1/agents", an_agent(requireIdempotency=False))

    assert refusal(refused) == (400, "AGENT_IDEMPOTENCY_REQUIRED")
    for fields in ({}, {"requireIdempotency": True}):
        assert seen(partner, registered(partner, **fields))["requireIdempotency"] is True


def test_a_service_account_names_its_repeats_if_it_is_told_to(partner: Client) -> None:
    free, held = a_service_of(partner), a_service_of(partner, requireIdempotency=True)

    assert free.post("/v1/events", an_event()).status_code == 201
    assert refusal(held.post("/v1/events", an_event())) == KEY_MISSING
    assert held.reports().status_code == 201


# Repeats


def test_what_an_ai_agent_records_it_sends_with_a_key(partner: Client) -> None:
    agent, line = registered(partner), json.dumps(an_event()).encode()

    with partner.storing_nothing():
        replies = [
            agent.post("/v1/events", an_event()),
            agent.post("/v1/events/batch", {"events": events(2)}),
            agent.post_bytes("/v1/events/batch", line, media_type=NDJSON),
            agent.post("/v1/claims", a_claim()),
        ]

    assert {refusal(reply) for reply in replies} == {KEY_MISSING}
    taken = [
        agent.post("/v1/events", an_event(), key=a_key()),
        agent.post("/v1/events/batch", {"events": events(2)}, key=a_key()),
        agent.post_bytes("/v1/events/batch", line, media_type=NDJSON, key=a_key()),
        agent.post("/v1/claims", a_claim(), key=a_key()),
    ]
    assert [reply.status_code for reply in taken] == [201, 207, 207, 201]


def test_what_changes_nothing_needs_no_key(partner: Client) -> None:
    agent = registered(partner)

    assert agent.evaluate(a_person())["decision"] == "DENY"
    assert agent.standing(a_person())["tier"] == 0


def test_one_key_stands_for_each_item_of_a_batch(partner: Client) -> None:
    agent, key, items = registered(partner), a_key(), {"events": events(3)}
    first = agent.post("/v1/events/batch", items, key=key)

    again = agent.post("/v1/events/batch", items, key=key)

    assert first.json()["summary"]["created"] == 3
    assert again.json()["summary"]["replayed"] == 3


# Event types


def test_an_agent_reports_what_it_is_allowed_to_and_nothing_else(partner: Client) -> None:
    agent = registered(partner)

    with partner.storing_nothing():
        reply = agent.reports(eventType=NOT_ALLOWED)

    assert refusal(reply) == TYPE_NOT_ALLOWED
    assert NOT_ALLOWED in reply.json()["error"]
    assert agent.reports(eventType="message.sent").status_code == 201


def test_a_service_account_has_bounds_if_it_is_given_some(partner: Client) -> None:
    bound = a_service_of(partner, allowedEventTypes=["message.sent"])
    dumb = a_service_of(partner, allowedEventTypes=[])

    assert a_service_of(partner).reports(eventType=NOT_ALLOWED).status_code == 201
    assert refusal(bound.reports(eventType=NOT_ALLOWED)) == TYPE_NOT_ALLOWED
    assert refusal(dumb.reports(eventType="message.sent")) == TYPE_NOT_ALLOWED


def test_an_item_of_a_batch_that_is_not_allowed_fails_alone(partner: Client) -> None:
    agent = registered(partner)
    items = [an_event(), an_event(eventType=NOT_ALLOWED), an_event(), an_event(eventType="no.such")]

    by_document = agent.post("/v1/events/batch", {"events": items}, key=a_key()).json()["results"]
    by_lines = stream(agent, items, key=a_key())

    for results in (by_document, by_lines):
        assert [one["status"] for one in results] == ["created", "error", "created", "error"]
        assert [one["code"] for one in results[1::2]] == [TYPE_NOT_ALLOWED[1]] * 2


def test_an_agent_may_not_report_old_history(partner: Client) -> None:
    agent, service = registered(partner), a_service_of(partner, preset="admin")
    old = {"occurredAt": ago(timedelta(days=40)), "batchType": "BACKFILL"}

    with partner.storing_nothing():
        replies = [
            agent.reports(**old),
            service.reports(**old),
            agent.reports(batchType="BACKFILL"),
        ]
        batch = agent.post("/v1/events/batch", {"events": [an_event(**old)]}, key=a_key())

    assert {refusal(reply) for reply in replies} == {(403, "AGENT_BACKFILL_FORBIDDEN")}
    assert batch.json()["results"][0]["code"] == "AGENT_BACKFILL_FORBIDDEN"
    assert refusal(agent.reports(occurredAt=old["occurredAt"])) == (400, "BACKFILL_REQUIRED")


# How much at once


@pytest.mark.parametrize(("make", "at_most"), [(registered, 25), (a_service_of, 100)])
def test_evaluations_at_once_are_bounded_by_type(
    partner: Client, make: Callable[[Client], Agent], at_most: int
) -> None:
    agent = make(partner)

    whole = agent.post("/v1/policy/evaluate/bulk", evaluations(at_most))
    with partner.storing_nothing():
        too_many = agent.post("/v1/policy/evaluate/bulk", evaluations(at_most + 1))

    assert whole.json()["summary"]["total"] == at_most
    assert refusal(too_many) == (400, "BULK_LIMIT_EXCEEDED")
    assert str(at_most) in too_many.json()["error"]


@pytest.mark.parametrize(("make", "at_most"), [(registered, 100), (a_service_of, 1_000)])
def test_events_at_once_are_bounded_by_type(
    partner: Client, make: Callable[[Client], Agent], at_most: int
) -> None:
    agent = make(partner)

    whole = agent.post("/v1/events/batch", {"events": events(at_most)}, key=a_key())
    with partner.storing_nothing():
        too_many = agent.post("/v1/events/batch", {"events": events(at_most + 1)}, key=a_key())

    assert whole.json()["summary"]["created"] == at_most
    assert refusal(too_many) == (400, "BATCH_LIMIT_EXCEEDED")
    assert str(at_most) in too_many.json()["error"]


def test_lines_beyond_the_bound_end_the_stream_and_what_came_before_stays(
    partner: Client,
) -> None:
    agent, items, key = registered(partner), events(105), a_key()

    *answers, last = stream(agent, items, key=key)

    assert [one["status"] for one in answers] == ["created"] * 100
    assert "index" not in last, last
    assert last["code"] == "BATCH_LIMIT_EXCEEDED"
    again = stream(agent, items[:100], key=key)
    assert [one["status"] for one in again] == ["replayed"] * 100


def test_lines_of_a_service_account_are_as_many_as_it_likes(partner: Client) -> None:
    answers = stream(a_service_of(partner), events(1_005))

    assert [one["status"] for one in answers] == ["created"] * 1_005


# Presets

Ask = Callable[[Client, Agent], httpx.Response]

READS: dict[str, Ask] = {
    "events": lambda client, _: client.try_get("/v1/events"),
    "event types": lambda client, _: client.try_get("/v1/event-types"),
    "timeline": lambda client, _: client.try_get("/v1/entities/timeline", userExternalId="x"),
    "who am I": lambda client, _: client.try_get("/v1/partners/me"),
    "actions": lambda client, _: client.try_get("/v1/policy/actions"),
    "decisions": lambda client, _: client.try_get("/v1/decisions"),
    "resolve": lambda client, _: client.try_get("/v1/resolve", userExternalId="x"),
    "standing": lambda client, _: client.post("/v1/policy/standing", {"actor": an_actor("x")}),
    "agents": lambda client, _: client.try_get("/v1/agents"),
    "an agent": lambda client, one: client.try_get(one.path),
    "lineage": lambda client, one: client.try_get(f"{one.path}/lineage"),
    "tree": lambda client, _: client.try_get("/v1/agents/tree"),
    "spawn policy": lambda client, _: client.try_get("/v1/spawn-policy"),
}
REPORTS: dict[str, Ask] = {
    "an event": lambda client, _: client.post("/v1/events", an_event(), key=a_key()),
    "a batch": lambda client, _: client.post(
        "/v1/events/batch", {"events": events(1)}, key=a_key()
    ),
    "lines": lambda client, _: client.post_bytes(
        "/v1/events/batch", json.dumps(an_event()).encode(), media_type=NDJSON, key=a_key()
    ),
}
OPERATES: dict[str, Ask] = {
    "evaluate": lambda client, _: client.post("/v1/policy/evaluate", an_evaluation()),
    "evaluate many": lambda client, _: client.post("/v1/policy/evaluate/bulk", evaluations(1)),
    "claims": lambda client, _: client.try_get("/v1/claims"),
    "a claim": lambda client, _: client.post("/v1/claims", a_claim(), key=a_key()),
    "a link's status": lambda client, _: client.try_get("/v1/links/status", userExternalId="x"),
    "spawn": lambda client, one: client.post(f"{one.path}/spawn", {"name": "Child"}),
}
ADMINISTERS: dict[str, Ask] = {
    "a link": lambda client, _: client.post("/v1/links", {"userExternalId": a_person()}),
    "redeem": lambda client, _: client.post(
        "/v1/links/redeem", {"userExternalId": a_person(), "linkCode": "lnk_none"}
    ),
    "unlink": lambda client, _: client.delete("/v1/links?userExternalId=x"),
    "erase": lambda client, _: client.post("/v1/entities/erase", {"userExternalId": "x"}),
}
OF_THE_PARTNER_ALONE: dict[str, Ask] = {
    "contest": lambda client, _: client.post("/v1/claims/any/contest", {"reasonCode": "NOT_ME"}),
    "uphold": lambda client, _: client.post("/v1/claims/any/uphold"),
    "dismiss": lambda client, _: client.post("/v1/claims/any/dismiss"),
    "withdraw": lambda client, _: client.post("/v1/claims/any/withdraw"),
    "register": lambda client, _: client.post("/v1/agents", an_agent()),
    "change": lambda client, one: client.patch(one.path, {"preset": "reader"}),
    "suspend": lambda client, one: client.post(f"{one.path}/suspend"),
    "reactivate": lambda client, one: client.post(f"{one.path}/reactivate"),
    "revoke": lambda client, one: client.post(f"{one.path}/revoke"),
    "rotate": lambda client, one: client.post(f"{one.path}/key/rotate"),
    "approve": lambda client, one: client.post(f"{one.path}/approve"),
    "reject": lambda client, one: client.post(f"{one.path}/reject"),
    "kill": lambda client, one: client.post(f"{one.path}/revoke-descendants"),
    "set the spawn policy": lambda client, _: client.put("/v1/spawn-policy", {"enabled": True}),
    "set an action": lambda client, _: client.put(
        "/v1/policy/actions/checkout.complete", {"requiredTier": 0, "risk": "LOW"}
    ),
    "keys": lambda client, _: client.try_get("/v1/partners/keys"),
    "make a key": lambda client, _: client.post("/v1/partners/keys"),
    "delete a key": lambda client, _: client.delete("/v1/partners/keys/any"),
    "promote": lambda client, _: client.post("/v1/partners/promote", {"url": "https://x.example"}),
    "suspend a partner": lambda client, _: client.post(
        "/v1/partners/suspend", {"partnerId": "any"}
    ),
}
PRESETS: dict[str, dict[str, Ask]] = {
    "reader": READS,
    "reporter": READS | REPORTS,
    "operator": READS | REPORTS | OPERATES,
    "admin": READS | REPORTS | OPERATES | ADMINISTERS,
}
EVERYTHING = PRESETS["admin"] | OF_THE_PARTNER_ALONE


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_opens_what_it_holds_and_nothing_else(a_partner: MakePartner, preset: str) -> None:
    partner = a_partner()
    lets_spawn(partner)
    agent = a_service_of(partner, preset=preset)

    replies = {name: ask(agent, agent) for name, ask in EVERYTHING.items()}

    forbidden = {name for name, reply in replies.items() if reply.status_code == 403}
    assert forbidden == EVERYTHING.keys() - PRESETS[preset].keys()
    assert {refusal(replies[name]) for name in forbidden} == {(403, "FORBIDDEN")}


# In which order


def test_a_body_that_is_too_large_or_no_json_comes_before_what_an_agent_may(
    partner: Client,
) -> None:
    agent = registered(partner, preset="reader")

    too_large = agent.post_bytes("/v1/events", b" " * 70_000)
    no_text = agent.post_bytes("/v1/events", b"{}", media_type="text/plain")
    no_json = agent.post_bytes("/v1/events", b"{")
    nothing_in_it = agent.post("/v1/events", {})

    assert refusal(too_large) == (413, "PAYLOAD_TOO_LARGE")
    assert refusal(no_text) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert refusal(no_json) == (400, "INVALID_JSON")
    assert refusal(nothing_in_it) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("key", "event", "refused"),
    [
        (None, {"eventType": NOT_ALLOWED}, KEY_MISSING),
        ("a key", {"eventType": NOT_ALLOWED, "batchType": "BACKFILL"}, TYPE_NOT_ALLOWED),
        ("a key", {"eventType": NOT_ALLOWED}, TYPE_NOT_ALLOWED),
        ("a key", {"batchType": "BACKFILL"}, (403, "AGENT_BACKFILL_FORBIDDEN")),
        ("a key", {}, (400, "MISSING_FIELD")),
    ],
)
def test_what_an_agent_is_held_to_comes_before_what_is_wrong_with_the_fields(
    partner: Client, key: str | None, event: dict[str, object], refused: tuple[int, str]
) -> None:
    agent = registered(partner)
    body = {"eventType": "message.sent", "weight": 1, **event}

    assert refusal(agent.post("/v1/events", body, key=key and a_key())) == refused


def test_what_an_agent_is_held_to_comes_before_a_replay(partner: Client) -> None:
    agent, key, body = registered(partner), a_key(), an_event(eventType="message.sent")
    agent.post("/v1/events", body, key=key)
    assert is_replay(agent.post("/v1/events", body, key=key))

    narrowed(partner, agent, allowedEventTypes=["transaction.completed"])

    assert refusal(agent.post("/v1/events", body, key=key)) == TYPE_NOT_ALLOWED


# How often


def in_one_minute(story: Callable[[], T]) -> T:
    """What a story comes to that begins and ends in one window of the rate limits."""
    while True:
        window = time.time() // 60
        told_of = story()
        if time.time() // 60 == window:
            return told_of


def passed(replies: list[httpx.Response]) -> int:
    """How many requests were let through; each of the others was told to come back."""
    refused = [reply for reply in replies if reply.status_code == 429]
    for reply in refused:
        assert refusal(reply) == (429, "RATE_LIMITED")
        assert 0 < int(reply.headers["retry-after"]) <= 60
    return len(replies) - len(refused)


def test_an_agent_asks_so_often_a_minute_and_no_more(partner: Client) -> None:
    def story() -> tuple[list[httpx.Response], httpx.Response]:
        agent = registered(partner, rateLimitPerMinute=5)
        replies = [agent.try_get("/v1/events") for _ in range(4)]
        return [*replies, agent.reports(), agent.reports()], registered(partner).reports()

    replies, other = in_one_minute(story)

    assert passed(replies) == 5
    assert [reply.status_code for reply in replies[-2:]] == [201, 429]
    assert other.status_code == 201, told(other)


def test_what_an_agent_asks_counts_for_all_that_it_comes_from(a_partner: MakePartner) -> None:
    partner = a_partner()
    lets_spawn(partner)

    def story() -> list[httpx.Response]:
        root = a_service_of(partner, rateLimitPerMinute=6)
        child = spawned(root, partner, rateLimitPerMinute=4)
        grandchildren = [spawned(child, partner) for _ in range(3)]
        callers = [root, *grandchildren, *grandchildren, root, root]
        return [one.try_get("/v1/events") for one in callers]

    replies = in_one_minute(story)

    # The child's four are shared by those below it, and two of the root's six are left.
    statuses = [reply.status_code for reply in replies]
    assert statuses == [200, 200, 200, 200, 200, 429, 429, 200, 429]


def test_a_child_s_rate_is_within_its_parent_s(a_partner: MakePartner) -> None:
    partner = a_partner()
    lets_spawn(partner)
    root = a_service_of(partner, rateLimitPerMinute=100)

    inherits, less = spawned(root), spawned(root, rateLimitPerMinute=10)
    more = root.post(f"{root.path}/spawn", {"name": "More", "rateLimitPerMinute": 101})

    rates = [seen(partner, one)["rateLimitPerMinute"] for one in (inherits, less)]
    assert rates == [100, 10]
    assert refusal(more) == (403, "SPAWN_ESCALATION")
    assert "rateLimitPerMinute" in more.json()["error"]


def test_an_agent_is_told_what_is_left_of_its_minute(partner: Client) -> None:
    def story() -> list[str]:
        agent = registered(partner, rateLimitPerMinute=5)
        return [agent.try_get("/v1/events").headers["ratelimit"] for _ in range(2)]

    left = in_one_minute(story)

    assert [one.partition(";t=")[0] for one in left] == ['"agent";r=4', '"agent";r=3']


def test_whoever_has_no_limit_is_told_of_none(partner: Client) -> None:
    assert "ratelimit" not in registered(partner).try_get("/v1/events").headers
