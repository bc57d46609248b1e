"""Idempotency: a repeat is answered with the first reply, whoever sends it and however often."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from interfaces.settings import Settings
from tests.interfaces.serving import Served, a_data_folder, serving
from tests.stories.client import (
    Client,
    a_key,
    a_person,
    an_actor,
    an_evaluation,
    an_event,
    check_reply,
    connected,
    is_replay,
    refusal,
)
from tests.stories.conftest import MakePartner
from tests.stories.document import Document, told
from tests.stories.waiting import holding_the_lock

RIVALS = 64


def of(partner: Client, person: object) -> int:
    """How many events of somebody there are."""
    return len(partner.events(userExternalId=person, limit=200))


# A key of one's own


def test_a_repeat_is_answered_byte_for_byte_and_stores_nothing(partner: Client) -> None:
    event, key = an_event(weight=1.50, userExternalId="Zoë \U0001f600 \u2028"), a_key()
    first = partner.post("/v1/events", event, key=key)
    assert (first.status_code, is_replay(first)) == (201, False)

    with partner.storing_nothing():
        repeats = [partner.post("/v1/events", event, key=key) for _ in range(3)]

    for repeat in repeats:
        assert is_replay(repeat)
        assert "x-idempotency-auto" not in repeat.headers
        assert (repeat.status_code, repeat.content) == (201, first.content)
        assert repeat.headers["x-log-position"] == first.headers["x-log-position"]


@pytest.mark.parametrize(
    "external_id",
    [
        'a"b\\c/d',
        '","userExternalId":null,"x":"',
        '"userExternalId":null',
        "\u0001\u001f\x7f",
        "\U0001f469\u200d\U0001f680",
        "\ufffe\uffff",
        "</script>",
        "null",
    ],
)
def test_an_echoed_external_id_is_echoed_the_same_in_every_repeat(
    partner: Client, external_id: str
) -> None:
    event, key = an_event(userExternalId=external_id), a_key()

    first = partner.post("/v1/events", event, key=key)
    second = partner.post("/v1/events", event, key=key)

    assert first.json()["userExternalId"] == external_id
    assert (is_replay(second), second.content) == (True, first.content)


@pytest.mark.parametrize("path", ["/v1/events", "/events"])
def test_a_path_with_and_without_its_prefix_is_one_route(partner: Client, path: str) -> None:
    event, key = an_event(), a_key()
    first = partner.post("/v1/events", event, key=key)

    second = partner.post(path, event, key=key)

    assert (is_replay(second), second.content) == (True, first.content)


@pytest.mark.parametrize("key", ["x", "!~", "x" * 255, "a,b;c=d", '"quoted"', "{}%00"])
def test_a_key_is_1_to_255_visible_ascii_characters(partner: Client, key: str) -> None:
    event = an_event()
    partner.post("/v1/events", event, key=key)

    assert is_replay(partner.post("/v1/events", event, key=key))


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a b", b"a\tb", b"caf\xc3\xa9", b"\xe9"])
def test_any_other_key_is_refused(partner: Client, http: httpx.Client, key: bytes) -> None:
    headers = [
        *((name.encode(), value.encode()) for name, value in partner.headers().items()),
        (b"idempotency-key", key),
    ]

    with partner.storing_nothing():
        reply = http.post("/v1/events", json=an_event(), headers=headers)

    assert refusal(reply) == (400, "INVALID_IDEMPOTENCY_KEY")


def test_keys_are_compared_as_they_are(partner: Client) -> None:
    event, key = an_event(), a_key()

    replies = [partner.post("/v1/events", event, key=spelt) for spelt in (key, key.upper())]

    assert [is_replay(reply) for reply in replies] == [False, False]


def test_another_key_is_another_event_though_the_body_is_the_same(partner: Client) -> None:
    event = an_event()

    for _ in range(3):
        assert not is_replay(partner.post("/v1/events", event, key=a_key()))

    assert of(partner, event["userExternalId"]) == 3


# Another body


def test_the_same_key_with_another_body_is_422_and_does_nothing(partner: Client) -> None:
    event, key = an_event(), a_key()
    partner.post("/v1/events", event, key=key)

    for other in (
        event | {"weight": 2},
        event | {"userExternalId": a_person()},
        event | {"batchType": "BACKFILL"},
        event | {"occurredAt": None},
    ):
        with partner.storing_nothing():
            reply = partner.post("/v1/events", other, key=key)
        assert refusal(reply) == (422, "IDEMPOTENCY_KEY_REUSED")


def test_bodies_are_compared_as_parsed(partner: Client) -> None:
    event, key = an_event(userExternalId=f"Zoë {a_person()}", weight=1), a_key()
    first = partner.post("/v1/events", event, key=key)
    spelt = [
        json.dumps(event, indent=2, ensure_ascii=True),
        json.dumps(dict(reversed(event.items())), ensure_ascii=False),
        f"\n {json.dumps(event)} \t",
        json.dumps(event | {"weight": 1.0}),
    ]

    for body in spelt:
        reply = partner.http.post(
            "/v1/events",
            content=body.encode(),
            headers=partner.headers({"content-type": "application/json", "idempotency-key": key}),
        )
        assert (is_replay(reply), reply.content) == (True, first.content)


def test_after_a_422_the_first_body_is_replayed_still(partner: Client) -> None:
    event, key = an_event(), a_key()
    first = partner.post("/v1/events", event, key=key)
    partner.post("/v1/events", event | {"weight": 2}, key=key)

    assert partner.post("/v1/events", event, key=key).content == first.content


# Whose a key is


def test_a_key_belongs_to_its_partner(a_partner: MakePartner) -> None:
    mine, other = a_partner(), a_partner()
    event, key = an_event(), a_key()

    first, second = (partner.post("/v1/events", event, key=key) for partner in (mine, other))

    assert [is_replay(first), is_replay(second)] == [False, False]
    assert first.json()["id"] != second.json()["id"]


def test_a_key_outlives_the_credential_that_sent_it(a_partner: MakePartner) -> None:
    partner = a_partner()
    second = Client(partner.http, partner.post("/v1/partners/keys").json()["apiKey"])
    event, key = an_event(), a_key()
    first = partner.post("/v1/events", event, key=key)

    repeat = second.post("/v1/events", event, key=key)

    assert (is_replay(repeat), repeat.content) == (True, first.content)


def test_a_key_belongs_to_its_route(a_partner: MakePartner) -> None:
    partner, key = a_partner(), a_key()
    person = a_person()
    event = partner.post("/v1/events", an_event(userExternalId=person), key=key)

    made = partner.post("/v1/partners/keys", key=key)
    erased = partner.post("/v1/entities/erase", {"userExternalId": person}, key=key)

    assert [reply.status_code for reply in (event, made, erased)] == [201, 201, 200]
    assert [is_replay(reply) for reply in (event, made, erased)] == [False, False, False]


def test_a_key_and_an_automatic_key_never_meet(partner: Client) -> None:
    event = an_event()

    replies = [
        partner.post("/v1/events", event, key=a_key()),
        partner.post("/v1/events", event),
        partner.post("/v1/events", event, key=a_key()),
    ]

    assert [is_replay(reply) for reply in replies] == [False, False, False]
    assert of(partner, event["userExternalId"]) == 3


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/policy/evaluate", an_evaluation()),
        ("/v1/policy/standing", {"actor": an_actor("somebody")}),
    ],
)
def test_evaluate_and_standing_ignore_the_key(
    partner: Client, path: str, body: dict[str, object]
) -> None:
    key = a_key()

    replies = [partner.post(path, body, key=key) for _ in range(2)]
    replies.append(partner.post(path, body, key="not visible ascii"))

    assert [reply.status_code for reply in replies] == [200, 200, 200]
    assert not any(is_replay(reply) for reply in replies)


def test_every_decision_is_one_of_its_own(partner: Client) -> None:
    body, key = an_evaluation(), a_key()

    ids = {
        partner.post("/v1/policy/evaluate", body, key=key).json()["decision_correlation_id"]
        for _ in range(3)
    }

    assert len(ids) == 3


# Refusals


def test_a_refusal_is_not_kept(partner: Client) -> None:
    event, key = an_event(), a_key()
    assert refusal(partner.post("/v1/events", event | {"eventType": "no.such"}, key=key))[0] == 400

    reply = partner.post("/v1/events", event, key=key)

    assert (reply.status_code, is_replay(reply)) == (201, False)


def test_a_refusal_of_the_state_is_judged_anew(partner: Client) -> None:
    person, key = a_person(), a_key()
    body = {"userExternalId": person}
    assert refusal(partner.post("/v1/entities/erase", body, key=key)) == (404, "NOT_FOUND")
    partner.submit(userExternalId=person)

    assert partner.post("/v1/entities/erase", body, key=key).status_code == 200


def test_a_repeated_erasure_is_a_replay(partner: Client) -> None:
    person, key = a_person(), a_key()
    body = {"userExternalId": person}
    partner.submit(userExternalId=person)
    first = partner.post("/v1/entities/erase", body, key=key)

    second = partner.post("/v1/entities/erase", body, key=key)

    assert (second.status_code, is_replay(second), second.content) == (200, True, first.content)


# Automatic keys


def test_without_a_key_a_repeat_is_known_by_what_it_says(partner: Client) -> None:
    event = an_event()
    first = partner.post("/v1/events", event)

    with partner.storing_nothing():
        second = partner.post("/v1/events", event)

    assert (second.status_code, second.content) == (201, first.content)
    assert second.headers["x-idempotency-replay"] == "true"
    assert second.headers["x-idempotency-auto"] == "true"


def test_weight_and_the_rest_are_no_part_of_an_automatic_key(partner: Client) -> None:
    event = an_event(weight=1)
    first = partner.post("/v1/events", event)

    for more in ({"weight": 2}, {"actorType": "AGENT"}, {"batchType": "BACKFILL"}):
        assert partner.post("/v1/events", event | more).content == first.content


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("userExternalId", "somebody-else"),
        ("eventType", "review.submitted"),
        ("occurredAt", None),
    ],
)
def test_person_type_and_time_are_part_of_an_automatic_key(
    partner: Client, field: str, other: object
) -> None:
    event = an_event()
    partner.post("/v1/events", event)
    changed = {name: value for name, value in (event | {field: other}).items() if value}

    assert not is_replay(partner.post("/v1/events", changed))


def test_the_time_counts_as_it_was_submitted(partner: Client) -> None:
    event = an_event()
    spelt = str(event["occurredAt"])
    partner.post("/v1/events", event)

    assert not is_replay(
        partner.post("/v1/events", event | {"occurredAt": spelt.replace("+00:00", "Z")})
    )


def test_an_absent_time_counts_as_empty(partner: Client) -> None:
    event = an_event(occurredAt=None)
    first = partner.post("/v1/events", event)

    assert partner.post("/v1/events", event).content == first.content
    assert partner.post("/v1/events", event | {"occurredAt": None}).content == first.content


def test_parts_of_an_automatic_key_do_not_run_together(partner: Client) -> None:
    person = a_person()
    event = an_event(userExternalId=f"{person}t", occurredAt=None)
    partner.post("/v1/events", event)

    assert not is_replay(partner.post("/v1/events", event | {"userExternalId": person}))


def test_an_automatic_key_belongs_to_its_partner(a_partner: MakePartner) -> None:
    event = an_event()

    assert not any(is_replay(a_partner().post("/v1/events", event)) for _ in range(2))


# Two at once


@pytest.mark.parametrize("automatic", [False, True])
def test_a_rival_is_told_at_once_and_then_gets_the_replay(
    partner: Client, log_url: str, automatic: bool
) -> None:
    event, key = an_event(), None if automatic else a_key()

    with ThreadPoolExecutor(1) as pool:
        with holding_the_lock(log_url) as lock:
            winning = pool.submit(partner.post, "/v1/events", event, key=key)
            lock.until_somebody_waits()
            losing = [partner.post("/v1/events", event, key=key) for _ in range(3)]
            assert not winning.done()
        won = winning.result()

    for reply in losing:
        assert refusal(reply) == (409, "IDEMPOTENCY_IN_PROGRESS")
        assert reply.headers["retry-after"] == "1"
    assert (won.status_code, is_replay(won)) == (201, False)
    retry = partner.post("/v1/events", event, key=key)
    assert (is_replay(retry), retry.content) == (True, won.content)


def test_another_key_need_not_wait_for_a_rival_s_end(partner: Client, log_url: str) -> None:
    event = an_event()

    with ThreadPoolExecutor(2) as pool:
        with holding_the_lock(log_url) as lock:
            first = pool.submit(partner.post, "/v1/events", event, key=a_key())
            lock.until_somebody_waits()
            second = pool.submit(partner.post, "/v1/events", event, key=a_key())
        replies = [first.result(), second.result()]

    assert [reply.status_code for reply in replies] == [201, 201]


@pytest.mark.parametrize("automatic", [False, True])
def test_of_64_at_once_exactly_one_happens_and_all_see_its_reply(
    partner: Client, server: Served, document: Document, automatic: bool
) -> None:
    for _ in range(5):
        event, key = an_event(), None if automatic else a_key()

        replies = asyncio.run(race(server.url, partner, document, event, key))

        done = [reply for reply in replies if reply.status_code == 201]
        assert len(replies) == RIVALS
        assert {reply.status_code for reply in replies} <= {201, 409}
        assert [is_replay(reply) for reply in done].count(False) == 1
        assert len({reply.content for reply in done}) == 1
        assert of(partner, event["userExternalId"]) == 1
        retry = partner.post("/v1/events", event, key=key)
        assert (is_replay(retry), retry.content) == (True, done[0].content)


def test_64_at_once_with_keys_of_their_own_all_happen(
    partner: Client, server: Served, document: Document
) -> None:
    # The control: the race above would show a second event if there were one.
    event = an_event()

    replies = asyncio.run(race(server.url, partner, document, event, *keys_of_their_own()))

    assert [reply.status_code for reply in replies] == [201] * RIVALS
    assert of(partner, event["userExternalId"]) == RIVALS


def keys_of_their_own() -> list[str]:
    return [a_key() for _ in range(RIVALS)]


async def race(
    url: str, partner: Client, document: Document, event: dict[str, object], *keys: str | None
) -> list[httpx.Response]:
    """The replies to one body sent at once over 64 connections, under one key or several."""

    async def look_at(reply: httpx.Response) -> None:
        await reply.aread()
        check_reply(reply, document)

    async with httpx.AsyncClient(
        base_url=url,
        timeout=30,
        limits=httpx.Limits(max_connections=RIVALS),
        event_hooks={"response": [look_at]},
    ) as http:

        async def send(key: str | None) -> httpx.Response:
            more = {} if key is None else {"idempotency-key": key}
            return await http.post("/v1/events", json=event, headers=partner.headers(more))

        shared = keys if len(keys) == RIVALS else keys * RIVALS
        return await asyncio.gather(*(send(key) for key in shared))


# The other setting


@pytest.fixture(scope="module")
def replaying(
    server: Served, partner: Client, log_url: str, data: object, document: Document
) -> Iterator[Client]:
    """The first partner at a second server on the same log, set to replay whatever is sent."""
    settings = Settings.load(server.log.parent, {})
    with (
        a_data_folder() as folder,
        serving(
            folder,
            app=None,
            TENURE_DATABASE_URL=log_url,
            TENURE_PEPPER=settings.pepper.hex(),
            TENURE_IDENTIFIER_SECRET=settings.identifier_secret.hex(),
            TENURE_IDEMPOTENCY_MISMATCH="replay",
        ) as second,
        connected(second.url, document) as http,
    ):
        yield Client(http, partner.key)


def test_a_setting_replays_another_body_and_marks_it(replaying: Client) -> None:
    event, key = an_event(), a_key()
    first = replaying.post("/v1/events", event, key=key)

    with replaying.storing_nothing():
        second = replaying.post("/v1/events", event | {"userExternalId": a_person()}, key=key)

    # Nobody knows any more whom the first named.
    assert (second.status_code, second.json()) == (201, first.json() | {"userExternalId": None})
    assert second.headers["x-idempotency-replay"] == "true"
    assert second.headers["x-idempotency-mismatch"] == "true"


def test_with_that_setting_an_item_of_another_batch_names_nobody_either(replaying: Client) -> None:
    (first, second), key = (an_event(), an_event()), a_key()
    replaying.post("/v1/events/batch", {"events": [first]}, key=key)

    (result,) = replaying.post("/v1/events/batch", {"events": [second]}, key=key).json()["results"]

    assert (result["status"], result["event"]["userExternalId"]) == ("replayed", None)


def test_with_that_setting_the_same_body_is_not_marked(replaying: Client) -> None:
    event, key = an_event(), a_key()
    replaying.post("/v1/events", event, key=key)

    second = replaying.post("/v1/events", event, key=key)

    assert is_replay(second)
    assert "x-idempotency-mismatch" not in second.headers


def test_a_repeat_at_another_server_is_a_replay(partner: Client, replaying: Client) -> None:
    event, key = an_event(), a_key()
    first = partner.post("/v1/events", event, key=key)

    second = replaying.post("/v1/events", event, key=key)

    assert (second.status_code, is_replay(second), second.content) == (201, True, first.content), (
        told(second)
    )
