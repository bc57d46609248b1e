"""Events: each field's rule, and the reply."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from domain.event_types import EVENT_TYPES
from tests.stories.client import Client, a_key, a_person, ago, an_event, refusal
from tests.stories.conftest import MakePartner
from tests.stories.document import told

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


# The reply


def test_an_event_is_answered_with_all_that_was_recorded(partner: Client) -> None:
    sent = an_event(
        occurredAt=ago(timedelta(hours=2)), weight=2.5, actorType="AGENT", batchType="BACKFILL"
    )

    reply = partner.post("/v1/events", sent)

    event = reply.json()
    assert reply.status_code == 201
    assert list(event) == [
        "id",
        "entityId",
        "userExternalId",
        "eventType",
        "weight",
        "actorType",
        "occurredAt",
        "recordedAt",
        "backfill",
        "position",
    ]
    assert UUID.fullmatch(event["id"])
    assert UUID.fullmatch(event["entityId"])
    assert event["userExternalId"] == sent["userExternalId"]
    assert event["eventType"] == "transaction.completed"
    assert event["weight"] == 2.5
    assert event["actorType"] == "AGENT"
    assert moment(event["occurredAt"]) == moment(str(sent["occurredAt"]))
    assert MOMENT.fullmatch(event["occurredAt"])
    assert MOMENT.fullmatch(event["recordedAt"])
    assert abs(datetime.now(UTC) - moment(event["recordedAt"])) < timedelta(seconds=10)
    assert event["backfill"] is True
    assert event["position"] == int(reply.headers["x-log-position"])


def test_what_is_left_out_has_its_default(partner: Client) -> None:
    event = partner.submit(occurredAt=None)

    assert (event["weight"], event["actorType"], event["backfill"]) == (1, "UNKNOWN", False)
    assert event["occurredAt"] == event["recordedAt"]


def test_positions_follow_each_other_with_no_hole(a_partner: MakePartner) -> None:
    partner = a_partner()

    positions = [partner.submit()["position"] for _ in range(5)]

    assert positions == list(range(positions[0], positions[0] + 5))


def test_a_person_keeps_one_entity_and_another_has_another(partner: Client) -> None:
    person = a_person()

    entities = [partner.submit(userExternalId=person)["entityId"] for _ in range(3)]

    assert len(set(entities)) == 1
    assert partner.submit()["entityId"] not in entities


# userExternalId


@pytest.mark.parametrize(
    "external_id",
    [
        "x",
        "x" * 256,
        "\U0001f600" * 256,
        " ",
        "emp 1; drop table log",
        'a "quoted" \\ one',
        '","userExternalId":null,"x":"',
        "null",
        "line\nbreak\ttab\x7f",
        "\u2028\u202e\ufeff\uffff",
        "é",
        "e\u0301",
        "%00",
        "/../",
    ],
)
def test_an_external_id_may_be_any_text_and_is_echoed_as_it_is(
    partner: Client, external_id: str
) -> None:
    event = partner.submit(userExternalId=external_id)

    assert event["userExternalId"] == external_id
    found = partner.events(userExternalId=external_id)
    assert [one["id"] for one in found] == [event["id"]]
    assert found[0]["userExternalId"] == external_id


def test_external_ids_are_compared_as_they_are(partner: Client) -> None:
    spellings = ["Straße-1", "STRASSE-1", "straße-1", "Straße-1 "]

    entities = {partner.submit(userExternalId=spelling)["entityId"] for spelling in spellings}

    assert len(entities) == len(spellings)


# eventType


@pytest.mark.parametrize("event_type", sorted(EVENT_TYPES))
def test_every_event_type_of_the_catalogue_is_taken(partner: Client, event_type: str) -> None:
    assert partner.submit(eventType=event_type)["eventType"] == event_type


def test_a_weight_of_nothing_has_no_sign(partner: Client) -> None:
    reply = partner.post_bytes("/v1/events", json.dumps(an_event(weight=-0.0)).encode())

    assert '"weight":0,' in reply.text


def test_the_catalogue_is_listed_by_category(partner: Client) -> None:
    categories = partner.get("/v1/event-types")["categories"]

    assert {name for names in categories.values() for name in names} == EVENT_TYPES
    seed = {"transaction", "account", "review", "rating", "message"}
    assert seed | {"ai", "gig", "lending", "social", "signal"} <= set(categories)


@pytest.mark.parametrize(
    ("event_type", "nearest"),
    [
        ("transaction.complete", "transaction.completed"),
        ("Transaction.Completed", "transaction.completed"),
        ("acount.verified", "account.verified"),
        ("gig.done", "gig."),
    ],
)
def test_an_unknown_event_type_is_refused_with_the_nearest(
    partner: Client, event_type: str, nearest: str
) -> None:
    reply = partner.post("/v1/events", an_event(eventType=event_type))

    assert refusal(reply) == (400, "INVALID_EVENT_TYPE")
    assert nearest in reply.json()["hint"]


@pytest.mark.parametrize("event_type", ["", " ", "x" * 60_000, "{event_type}", "\U0001f600"])
def test_an_event_type_that_is_like_none_is_refused_too(partner: Client, event_type: str) -> None:
    reply = partner.post("/v1/events", an_event(eventType=event_type))

    assert refusal(reply) == (400, "INVALID_EVENT_TYPE")


# occurredAt


@pytest.mark.parametrize(
    ("back", "fields", "code"),
    [
        (timedelta(minutes=-6), {}, "INVALID_OCCURRED_AT"),
        (timedelta(minutes=-6), {"batchType": "BACKFILL"}, "INVALID_OCCURRED_AT"),
        (timedelta(days=30, minutes=1), {}, "BACKFILL_REQUIRED"),
        (timedelta(days=365 * 20 + 6), {}, "INVALID_OCCURRED_AT"),
        (timedelta(days=365 * 20 + 6), {"batchType": "BACKFILL"}, "INVALID_OCCURRED_AT"),
    ],
    ids=["future", "future backfill", "old", "very old", "very old backfill"],
)
def test_a_time_out_of_bounds_is_refused(
    partner: Client, back: timedelta, fields: dict[str, str], code: str
) -> None:
    reply = partner.post("/v1/events", an_event(occurredAt=ago(back), **fields))

    assert refusal(reply) == (400, code)


@pytest.mark.parametrize(
    ("back", "fields"),
    [
        (timedelta(minutes=-4), {}),
        (timedelta(days=29, hours=23), {}),
        (timedelta(days=30, minutes=1), {"batchType": "BACKFILL"}),
        (timedelta(days=365 * 20), {"batchType": "BACKFILL"}),
        (timedelta(minutes=1), {"batchType": "BACKFILL"}),
    ],
    ids=["slow clock", "recent", "old backfill", "very old backfill", "recent backfill"],
)
def test_a_time_within_bounds_is_taken(
    partner: Client, back: timedelta, fields: dict[str, str]
) -> None:
    event = partner.submit(occurredAt=ago(back), **fields)

    assert event["backfill"] is bool(fields)


def test_the_refusal_of_old_history_says_how_it_is_sent(partner: Client) -> None:
    reply = partner.post("/v1/events", an_event(occurredAt=ago(timedelta(days=40))))

    assert '"batchType": "BACKFILL"' in reply.json()["hint"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-11-01",
        "2026-11-01T08:00:00",
        "2026-11-01T08:00Z",
        "2026-11-01T08:00:00+0100",
        "2026-11-01T08:00:00+01",
        "2026-02-30T08:00:00Z",
        "2026-11-01T24:00:01Z",
        "2026-11-01T08:00:60Z",
        "2026-11-01T08:00:00,5Z",
        "2026-11-01T08:00:00Z ",
        "٢٠٢٦-11-01T08:00:00Z",
        "20261101T080000Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "99999-01-01T00:00:00Z",
        "1793433600",
        "2026-11-01T08:00:00.Z",
        "2026-11-01T08:00:00+99:00",
        "2026-W45-1T08:00:00Z",
    ],
)
def test_a_time_that_is_no_rfc_3339_moment_is_refused(partner: Client, text: str) -> None:
    reply = partner.post("/v1/events", an_event(occurredAt=text))

    assert refusal(reply) == (400, "INVALID_OCCURRED_AT")


@pytest.mark.parametrize(
    "spell",
    [
        lambda time: time.isoformat(),
        lambda time: time.isoformat().replace("+00:00", "Z"),
        lambda time: time.isoformat().replace("+00:00", "z").replace("T", "t"),
        lambda time: time.isoformat(sep=" "),
        lambda time: time.isoformat().replace("+00:00", "-00:00"),
        lambda time: time.isoformat().replace("+00:00", "999999Z"),
        lambda time: (time + timedelta(hours=5, minutes=30)).isoformat()[:-6] + "+05:30",
    ],
)
def test_a_moment_is_shown_in_utc_with_milliseconds_however_it_was_spelled(
    partner: Client, spell: Any
) -> None:
    time = (datetime.now(UTC) - timedelta(hours=1)).replace(microsecond=123_456)

    event = partner.submit(occurredAt=spell(time))

    assert event["occurredAt"] == time.isoformat()[:-9] + "Z"


# weight, actorType, batchType


@pytest.mark.parametrize("weight", [0, 0.0, 1, 0.001, 1e-300, 999_999.5, 1_000_000, 1e6])
def test_a_weight_from_0_to_a_million_is_stored_and_shown(partner: Client, weight: float) -> None:
    person = a_person()
    event = partner.submit(userExternalId=person, weight=weight)

    assert event["weight"] == weight
    assert partner.events(userExternalId=person)[0]["weight"] == weight


@pytest.mark.parametrize("weight", [-1, -0.001, 1_000_001, 1_000_000.5, 1e300, "1", True])
def test_any_other_weight_is_refused(partner: Client, weight: object) -> None:
    assert refusal(partner.post("/v1/events", an_event(weight=weight))) == (400, "INVALID_FIELD")


@pytest.mark.parametrize("actor_type", ["HUMAN", "AGENT", "UNKNOWN"])
def test_an_actor_type_is_shown(partner: Client, actor_type: str) -> None:
    assert partner.submit(actorType=actor_type)["actorType"] == actor_type


@pytest.mark.parametrize(
    ("field", "value"),
    [("actorType", "human"), ("actorType", "BOT"), ("batchType", "backfill"), ("batchType", "X")],
)
def test_any_other_word_is_refused(partner: Client, field: str, value: str) -> None:
    reply = partner.post("/v1/events", an_event(**{field: value}))

    assert refusal(reply) == (400, "INVALID_FIELD")
    assert reply.json()["error"].startswith(f"Invalid field {field}: ")


def test_a_refused_event_leaves_nobody_behind(partner: Client) -> None:
    person = a_person()

    with partner.storing_nothing():
        partner.post("/v1/events", an_event(userExternalId=person, eventType="no.such"))

    assert refusal(partner.try_get("/v1/resolve", userExternalId=person))[0] == 404


# Nothing in clear


def test_the_database_holds_no_external_id_in_clear(partner: Client, log_url: str) -> None:
    person = "Grace-Hopper-4711"
    reply = partner.post("/v1/events", an_event(userExternalId=person), key=a_key())
    assert reply.status_code == 201, told(reply)

    for table in tables_of(log_url):
        assert person not in table, table
        assert person.encode().hex() not in table


def tables_of(url: str) -> list[str]:
    """Every row of every table, as text."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "select relname from pg_class where relkind in ('r', 'p')"
            " and relnamespace = 'public'::regnamespace"
        ).fetchall()
        return [
            row[0]
            for (name,) in names
            for row in connection.execute(
                sql.SQL("select row_to_json(t)::text from {} t").format(sql.Identifier(name))
            )
        ]
