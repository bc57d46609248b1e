"""Batches: each item is a single event with an outcome of its own, all good ones at once."""

import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import psutil
import psycopg
import pytest

from tests.interfaces.serving import Served
from tests.stories.client import Client, a_key, a_person, ago, an_event, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told
from tests.stories.lines import line_of, stream, streaming
from tests.stories.waiting import holding_the_lock

PATH = "/v1/events/batch"
MEBIBYTE = 1024 * 1024
Results = list[dict[str, Any]]


def send(partner: Client, *items: object, key: str | None = None) -> httpx.Response:
    """The reply to a batch that must be taken."""
    reply = partner.post(PATH, {"events": items}, key=key)
    assert reply.status_code == 207, told(reply)
    results = reply.json()["results"]
    assert [result["index"] for result in results] == list(range(len(items)))
    counted = Counter(result["status"] for result in results)
    assert reply.json()["summary"] == {
        "total": len(items),
        "created": counted["created"],
        "replayed": counted["replayed"],
        "errors": counted["error"],
    }
    return reply


def results_of(partner: Client, *items: object, key: str | None = None) -> Results:
    """The results of a batch that must be taken."""
    found: Results = send(partner, *items, key=key).json()["results"]
    return found


def said(results: Results) -> list[str]:
    """Of each result its status, or the code of its error."""
    return [str(result.get("code", result["status"])) for result in results]


def events(results: Results) -> list[dict[str, Any]]:
    """The events of results that have one."""
    return [result["event"] for result in results if "event" in result]


def some_events(count: int) -> list[dict[str, object]]:
    """Events of as many people."""
    return [an_event() for _ in range(count)]


# Items


def test_every_item_has_its_own_outcome_in_order(partner: Client) -> None:
    known, twice = an_event(), an_event()
    partner.submit(**known)
    items = [
        an_event(weight=2.5, actorType="AGENT"),
        known,
        twice,
        twice,
        an_event(eventType="transaction.imagined"),
        an_event(eventType=None),
        an_event(occurredAt=ago(timedelta(days=-1))),
        an_event(occurredAt=ago(timedelta(days=31))),
        an_event(occurredAt=ago(timedelta(days=31)), batchType="BACKFILL"),
        an_event(occurredAt="yesterday"),
        an_event(weight=-1),
        an_event(metadata={}),
        an_event(userExternalId="x" * 257),
        [],
        "an event",
        1,
        None,
    ]

    results = results_of(partner, *items)

    assert said(results) == [
        "created",
        "replayed",
        "created",
        "replayed",
        "INVALID_EVENT_TYPE",
        "MISSING_FIELD",
        "INVALID_OCCURRED_AT",
        "BACKFILL_REQUIRED",
        "created",
        "INVALID_OCCURRED_AT",
        "INVALID_FIELD",
        "UNKNOWN_FIELD",
        "INVALID_FIELD",
        *["INVALID_FIELD"] * 4,
    ]
    assert results[2]["event"] == results[3]["event"]
    assert "transaction.initiated" in results[4]["hint"]
    assert results[5]["error"] == "Missing required field: eventType"


def test_an_item_s_event_is_what_a_single_event_s_reply_is(partner: Client) -> None:
    event = an_event(weight=0.5)

    (result,) = results_of(partner, event)

    assert partner.post("/v1/events", event).json() == result["event"]
    assert partner.events(userExternalId=event["userExternalId"]) == [result["event"]]
    assert partner.standing(str(event["userExternalId"]))["signals"]["eventCount"] == 1


def test_a_newcomer_named_twice_is_one_entity(partner: Client) -> None:
    person = a_person()

    one, other = events(
        results_of(
            partner,
            an_event(userExternalId=person, eventType="gig.started"),
            an_event(userExternalId=person, eventType="gig.completed"),
        )
    )

    assert one["entityId"] == other["entityId"]
    assert partner.get("/resolve", userExternalId=person)["eventCount"] == 2


def test_a_batch_of_a_thousand_is_one_transaction(partner: Client, log_url: str) -> None:
    before = partner.head()

    reply = send(partner, *some_events(1_000))

    created = events(reply.json()["results"])
    assert [event["position"] for event in created] == list(range(before + 1, before + 1_001))
    assert len({event["recordedAt"] for event in created}) == 1
    assert reply.headers["x-log-position"] == str(before + 1_000)
    with psycopg.connect(log_url) as connection:
        transactions = connection.execute(
            "select distinct xmin from log where position > %s", [before]
        ).fetchall()
    assert len(transactions) == 1


def test_a_batch_without_a_good_item_stores_nothing(partner: Client) -> None:
    with partner.storing_nothing():
        reply = send(partner, {}, an_event(eventType="no.such"))

    assert said(reply.json()["results"]) == ["MISSING_FIELD", "INVALID_EVENT_TYPE"]
    assert "x-log-position" not in reply.headers


def test_what_one_partner_sends_is_no_other_partner_s_repeat(
    partner: Client, a_partner: MakePartner
) -> None:
    event = an_event()

    (one,) = results_of(partner, event)
    (other,) = results_of(a_partner(), event)

    assert one["status"] == other["status"] == "created"
    assert one["event"]["entityId"] != other["event"]["entityId"]


# Repeats


def test_a_repeat_of_the_whole_replays_each_item(partner: Client) -> None:
    items = some_events(5)
    first = results_of(partner, *items)

    with partner.storing_nothing():
        second = results_of(partner, *items)

    assert said(second) == ["replayed"] * 5
    assert events(second) == events(first)


def test_a_repeat_of_a_part_replays_that_part(partner: Client) -> None:
    old, new = some_events(3), some_events(2)
    results_of(partner, *old)

    results = results_of(partner, new[0], old[2], new[1], old[0])

    assert said(results) == ["created", "replayed", "created", "replayed"]


def test_single_events_batches_and_lines_share_one_key_space(partner: Client) -> None:
    one, two, three = some_events(3)
    partner.submit(**one)
    results_of(partner, two)
    stream(partner, [three])

    assert said(results_of(partner, one, two, three)) == ["replayed"] * 3
    assert said(stream(partner, [one, two, three])) == ["replayed"] * 3
    for event in (one, two, three):
        reply = partner.post("/v1/events", event)
        assert reply.headers["x-idempotency-auto"] == "true"


def test_a_key_stands_for_each_item_with_its_index(partner: Client) -> None:
    items, key = [*some_events(3), an_event(occurredAt=None)], a_key()
    first = results_of(partner, *items, key=key)

    again = results_of(partner, *items, key=key)
    elsewhere = results_of(partner, *items, key=a_key())
    changed = results_of(partner, items[0], an_event(), items[2], key=key)

    assert said(first) == ["created"] * 4
    assert said(again) == ["replayed"] * 4
    assert events(again) == events(first)
    assert said(elsewhere) == ["created"] * 4
    assert said(changed) == ["replayed", "IDEMPOTENCY_KEY_REUSED", "replayed"]


def test_with_a_key_a_refused_item_is_judged_anew(partner: Client) -> None:
    good, key = an_event(), a_key()
    results_of(partner, good, {}, key=key)

    assert said(results_of(partner, good, an_event(), key=key)) == ["replayed", "created"]


def test_a_key_of_a_batch_is_no_key_of_a_single_event(partner: Client) -> None:
    event, key = an_event(), a_key()
    results_of(partner, event, key=key)

    assert "x-idempotency-replay" not in partner.post("/v1/events", event, key=key).headers


def test_only_the_item_that_is_on_its_way_is_told_so(partner: Client, log_url: str) -> None:
    rivalled, other = some_events(2)

    with ThreadPoolExecutor(1) as pool:
        with holding_the_lock(log_url) as lock:
            winning = pool.submit(partner.post, "/v1/events", rivalled)
            lock.until_somebody_waits()
            losing = results_of(partner, rivalled, {})
        assert winning.result().status_code == 201

    assert said(losing) == ["IDEMPOTENCY_IN_PROGRESS", "MISSING_FIELD"]
    assert said(results_of(partner, rivalled, other)) == ["replayed", "created"]


# Whole requests that are refused


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"events": []}, "INVALID_FIELD"),
        ({"events": {}}, "INVALID_FIELD"),
        ({"events": None}, "INVALID_FIELD"),
        ({"events": "x"}, "INVALID_FIELD"),
        ({}, "MISSING_FIELD"),
        ([], "INVALID_FIELD"),
        ({"events": [{}], "more": 1}, "UNKNOWN_FIELD"),
        ({"events": [{}] * 1_001}, "BATCH_LIMIT_EXCEEDED"),
    ],
)
def test_what_is_no_batch_is_refused_whole(partner: Client, body: object, code: str) -> None:
    with partner.storing_nothing():
        assert refusal(partner.post(PATH, body)) == (400, code)


def test_a_batch_may_have_a_mebibyte_and_no_byte_more(partner: Client) -> None:
    body = json.dumps({"events": [an_event()]}).encode()

    whole = partner.post_bytes(PATH, body.ljust(MEBIBYTE))

    assert whole.status_code == 207
    assert refusal(partner.post_bytes(PATH, body.ljust(MEBIBYTE + 1))) == (
        413,
        "PAYLOAD_TOO_LARGE",
    )
    chunks = (body.ljust(MEBIBYTE + 1)[at : at + 9999] for at in range(0, MEBIBYTE + 1, 9999))
    assert refusal(partner.post_bytes(PATH, chunks)) == (413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
def test_neither_form_is_taken_without_a_key_or_with_a_bad_idempotency_key(
    partner: Client, nobody: Client, media_type: str
) -> None:
    body = json.dumps({"events": [an_event()]}).encode()
    headers = {"content-type": media_type, "idempotency-key": "a b"}

    assert refusal(nobody.post_bytes(PATH, body, media_type=media_type)) == (
        401,
        "UNAUTHENTICATED",
    )
    reply = partner.http.post(PATH, content=body, headers=partner.headers(headers))
    assert refusal(reply) == (400, "INVALID_IDEMPOTENCY_KEY")
    assert refusal(partner.post_bytes(PATH, body, media_type="text/csv")) == (
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    )


# Lines


def test_every_line_is_answered_by_a_line(partner: Client) -> None:
    known = an_event()
    partner.submit(**known)

    answers = stream(
        partner,
        [an_event(), b"{", known, b"", b'{"a": NaN}', b"x" * 65_537, b"[]", an_event()],
    )

    assert [answer["index"] for answer in answers] == [0, 1, 2, 4, 5, 6, 7]
    assert said(answers) == [
        "created",
        "INVALID_JSON",
        "replayed",
        "INVALID_JSON",
        "PAYLOAD_TOO_LARGE",
        "INVALID_FIELD",
        "created",
    ]


@pytest.mark.parametrize("path", [PATH, "/events/batch"])
def test_a_stream_s_reply_has_what_every_reply_has(partner: Client, path: str) -> None:
    with streaming(partner, path=path) as sent:
        sent.end()
        assert sent.rest() == []
        reply = sent.reply

    assert reply.status == 207
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert reply.headers["x-request-id"]


def test_lines_are_recorded_in_parts_of_a_thousand_and_answered_meanwhile(
    partner: Client, log_url: str
) -> None:
    items, before = some_events(2_500), partner.head()

    with streaming(partner) as sent:
        sent.send(*items[:1_000])
        answers = sent.answers(1_000)
        assert partner.head() == before + 1_000
        sent.send(*items[1_000:])
        sent.end()
        answers += sent.rest()

    assert said(answers) == ["created"] * 2_500
    assert [event["position"] for event in events(answers)] == list(
        range(before + 1, before + 2_501)
    )
    with psycopg.connect(log_url) as connection:
        parts = connection.execute(
            "select count(*) from log where position > %s group by xmin order by min(position)",
            [before],
        ).fetchall()
    assert parts == [(1_000,), (1_000,), (500,)]


def test_what_was_recorded_before_a_connection_broke_stays_and_a_repeat_replays_it(
    partner: Client,
) -> None:
    items, before = some_events(2_500), partner.head()
    with streaming(partner) as sent:
        sent.send(*items[:1_200])
        first = sent.answers(1_000)
    assert partner.head() == before + 1_000

    with streaming(partner) as sent:
        sent.send(*items[:1_500])
        again = sent.answers(1_000)
        sent.send(*items[1_500:])
        sent.end()
        again += sent.rest()

    assert said(again) == ["replayed"] * 1_000 + ["created"] * 1_500
    assert events(again)[:1_000] == events(first)
    assert partner.head() == before + 2_500


def test_a_key_stands_for_each_line_with_its_index(partner: Client) -> None:
    items, key = some_events(2), a_key()
    first = stream(partner, items, key=key)

    assert events(stream(partner, items, key=key)) == events(first)
    assert said(stream(partner, [items[1], items[1]], key=key)) == [
        "IDEMPOTENCY_KEY_REUSED",
        "replayed",
    ]


def test_a_stream_ends_soon_after_its_key_has_died(partner: Client) -> None:
    made = partner.post("/v1/partners/keys").json()
    mortal = Client(partner.http, made["apiKey"])

    with streaming(mortal) as sent:
        sent.send(*some_events(1_000))
        sent.answers(1_000)
        sent.send(an_event())
        partner.delete(f"/v1/partners/keys/{made['keyId']}")
        with partner.storing_nothing():
            (last,) = sent.rest()

    assert last["code"] == "UNAUTHENTICATED"
    assert "index" not in last


@pytest.mark.scale
def test_a_hundred_thousand_lines_leave_the_worker_s_memory_as_it_was(
    partner: Client, server: Served
) -> None:
    (worker,) = [psutil.Process(pid) for pid in server.workers()]
    lines, sizes = 100_000, []

    def memory() -> float:
        return worker.memory_info().rss / MEBIBYTE

    for _ in range(10):
        results_of(partner, *some_events(1_000))
    before = memory()
    with streaming(partner) as sent:

        def feed() -> None:
            for _ in range(lines // 500):
                sent.send_bytes(b"".join(line_of(event) for event in some_events(500)))
            sent.end()

        feeding = threading.Thread(target=feed)
        feeding.start()
        counted: Counter[str] = Counter()
        for _ in range(lines // 500):
            counted.update(said(sent.answers(500)))
            sizes.append(memory())
        assert sent.rest() == []
        feeding.join()

    assert counted == {"created": lines}
    assert max(sizes) - before < 24, sizes
