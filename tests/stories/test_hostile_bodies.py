"""Bodies that are wrong, by accident or on purpose: refused with a code, and nothing is stored."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stories.client import Client, an_evaluation, an_event, refusal

LIMIT = 64 * 1024

VALID: dict[str, dict[str, Any]] = {
    "/v1/events": an_event(weight=1, actorType="HUMAN", batchType="BACKFILL"),
    "/v1/policy/evaluate": an_evaluation(resource={"type": "report", "id": "r-1", "amount": 10}),
    "/v1/policy/standing": {"actor": {"type": "service", "id": "bot-1"}},
    "/v1/entities/erase": {"userExternalId": "somebody"},
    "/v1/claims": {
        "userExternalId": "somebody",
        "claimType": "fraud",
        "occurredAt": "2026-11-01T08:00:00Z",
        "reference": "case-1",
    },
    "/v1/links": {"userExternalId": "somebody"},
    "/v1/links/redeem": {"linkCode": "a-code", "userExternalId": "somebody"},
    "/v1/partners/register": {
        "name": "Acme",
        "acceptTerms": True,
        "slug": "acme",
        "website": "https://acme.example",
        "email": "admin@acme.example",
    },
    "/v1/partners/promote": {"url": "https://acme.example"},
}
"""For each POST a body that is taken, with every field that there is."""

every_post = pytest.mark.parametrize("path", VALID)


@pytest.fixture(autouse=True)
def nothing_is_stored(partner: Client) -> Iterator[None]:
    with partner.storing_nothing():
        yield


def holding(path: str, member: bytes) -> bytes:
    """A valid body with one more member, given as text."""
    return json.dumps(VALID[path]).encode()[:-1] + b"," + member + b"}"


# What is no JSON at all, or JSON that one parser reads so and the next otherwise

NOT_JSON = {
    "empty": b"",
    "blank": b" \n",
    "truncated": b'{"userExternalId": "emp',
    "unclosed": b'{"userExternalId": "emp"',
    "not UTF-8": b'{"userExternalId": "\xff"}',
    "a surrogate in UTF-8": b'{"userExternalId": "\xed\xa0\x80"}',
    "overlong UTF-8": b'{"userExternalId": "\xc0\x80"}',
    "UTF-16": '{"userExternalId": "emp"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"userExternalId": "emp"}',
    "two documents": b"{} {}",
    "a comma too many": b'{"userExternalId": "emp",}',
    "single quotes": b"{'userExternalId': 'emp'}",
    "a comment": b"{} // nothing",
    "Python": b"{None: True}",
    "a form": b"userExternalId=emp",
    "unfinished escape": b'{"userExternalId": "\\u12"}',
    "a NUL": b'{"userExternalId": "a\x00b"}',
    "a line break in a string": b'{"userExternalId": "a\nb"}',
}

BAD_MEMBERS = {
    "NaN": b'"x": NaN',
    "Infinity": b'"x": Infinity',
    "-Infinity": b'"x": -Infinity',
    "1e400": b'"x": 1e400',
    "-1e400": b'"x": -1e400',
    "5,000 digits": b'"x": ' + b"9" * 5_000,
    "5,000 digits, negative": b'"x": -' + b"9" * 5_000,
    "5,000 digits and a fraction": b'"x": ' + b"9" * 5_000 + b".5",
    "a leading zero": b'"x": 01',
    "a plus": b'"x": +1',
    "no fraction": b'"x": 1.',
    "hexadecimal": b'"x": 0x10',
    "a lone surrogate": b'"x": "\\ud800"',
    "a lone low surrogate": b'"x": "\\udc00"',
    "surrogates in the wrong order": b'"x": "\\udc00\\ud800"',
    "a lone surrogate in a name": b'"\\ud800": 1',
    "an escaped NUL": b'"x": "a\\u0000b"',
    "an escaped NUL in a name": b'"\\u0000": 1',
    "a NUL deep inside": b'"x": [[{"y": "\\u0000"}]]',
    "the same member twice": b'"x": 1, "x": 1',
    "the same member twice, deep inside": b'"x": [{"y": 1, "\\u0079": 2}]',
    "33 levels": b'"x": ' + b"[" * 32 + b"]" * 32,
    "33 levels of objects": b'"x": ' + b'{"x":' * 32 + b"1" + b"}" * 32,
    "20,000 levels": b'"x": ' + b"[" * 20_000 + b"]" * 20_000,
    "20,000 levels, unclosed": b'"x": ' + b"[" * 20_000,
}


@pytest.mark.parametrize("kind", NOT_JSON)
def test_what_is_not_json_is_refused(partner: Client, kind: str) -> None:
    for path in VALID:
        assert refusal(partner.post_bytes(path, NOT_JSON[kind])) == (400, "INVALID_JSON"), path


@pytest.mark.parametrize("kind", BAD_MEMBERS)
def test_a_member_that_parsers_differ_on_is_refused(partner: Client, kind: str) -> None:
    for path in VALID:
        body = holding(path, BAD_MEMBERS[kind])

        assert refusal(partner.post_bytes(path, body)) == (400, "INVALID_JSON"), path


def test_32_levels_are_no_fault_of_their_own(partner: Client) -> None:
    for path in VALID:
        body = holding(path, b'"x": ' + b"[" * 31 + b"]" * 31)

        assert refusal(partner.post_bytes(path, body)) == (400, "UNKNOWN_FIELD"), path


def test_brackets_in_a_string_are_no_levels(partner: Client) -> None:
    for path in VALID:
        body = holding(path, b'"x": "\\"' + b"[{" * 100 + b'"')

        assert refusal(partner.post_bytes(path, body)) == (400, "UNKNOWN_FIELD"), path


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5_000])
def test_a_weight_that_no_number_holds_is_refused(partner: Client, value: str) -> None:
    body = json.dumps(an_event(weight=0)).replace('"weight": 0', f'"weight": {value}')

    assert refusal(partner.post_bytes("/v1/events", body.encode())) == (400, "INVALID_JSON")


@pytest.mark.parametrize("digits", [19, 20, 400, 4_299])
@pytest.mark.parametrize(
    ("path", "field"), [("/v1/events", "weight"), ("/v1/policy/evaluate", "resource.amount")]
)
def test_a_whole_number_beyond_any_bound_is_refused(
    partner: Client, path: str, field: str, digits: int
) -> None:
    body = with_field(path, field, int("9" * digits))

    assert refusal(partner.post(path, body)) == (400, "INVALID_FIELD")


# Size


def padded(path: str, size: int) -> bytes:
    """A body of exactly so many bytes, refused for its field and nothing else."""
    return holding(path, b'"x": 1').ljust(size)


def test_64_kib_are_read(partner: Client) -> None:
    for path in VALID:
        reply = partner.post_bytes(path, padded(path, LIMIT))

        assert refusal(reply) == (400, "UNKNOWN_FIELD"), path


@pytest.mark.parametrize("more", [1, 1_000, 200_000])
def test_more_than_64_kib_are_refused(partner: Client, more: int) -> None:
    for path in VALID:
        reply = partner.post_bytes(path, padded(path, LIMIT + more))

        assert refusal(reply) == (413, "PAYLOAD_TOO_LARGE"), path


@pytest.mark.parametrize("more", [1, 1_000, 200_000])
@pytest.mark.parametrize("size", [1_000, 1_000_000], ids=["in chunks", "in one chunk"])
def test_more_than_64_kib_that_declare_no_length_are_refused(
    partner: Client, more: int, size: int
) -> None:
    for path in VALID:
        body = padded(path, LIMIT + more)
        chunks = (body[at : at + size] for at in range(0, len(body), size))

        assert refusal(partner.post_bytes(path, chunks)) == (413, "PAYLOAD_TOO_LARGE"), path


def test_a_connection_goes_on_after_a_body_that_was_too_large(partner: Client) -> None:
    for _ in range(3):
        reply = partner.post_bytes("/v1/events", padded("/v1/events", LIMIT + 100_000))
        assert refusal(reply)[0] == 413
        assert partner.get("/v1/partners/me")


# Types


def fields_of(body: dict[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        yield within + name, value
        if isinstance(value, dict):
            yield from fields_of(value, f"{within}{name}.")


def with_field(path: str, field: str, value: object) -> dict[str, Any]:
    """A valid body, with another value in one field."""
    body: dict[str, Any] = json.loads(json.dumps(VALID[path]))
    *outer, last = field.split(".")
    target = body
    for name in outer:
        target = target[name]
    target[last] = value
    return body


def without_field(path: str, field: str) -> dict[str, Any]:
    """A valid body without one of its fields."""
    body = with_field(path, field, None)
    *outer, last = field.split(".")
    target = body
    for name in outer:
        target = target[name]
    del target[last]
    return body


WRONG: list[object] = [True, 7, 1.5, "\U0001f600", [], ["x"], {"x": 1}]


def is_of_the_type_of(value: object, right: object) -> bool:
    if isinstance(right, dict):
        # Its members are wrong, if not it.
        return False
    return type(value) is type(right) or (type(right) is int and type(value) is float)


@pytest.mark.parametrize(
    ("path", "field"), [(path, field) for path in VALID for field, _ in fields_of(VALID[path])]
)
def test_a_field_of_the_wrong_type_is_refused_by_its_name(
    partner: Client, path: str, field: str
) -> None:
    right = dict(fields_of(VALID[path]))[field]
    for value in WRONG:
        if is_of_the_type_of(value, right):
            continue

        reply = partner.post(path, with_field(path, field, value))

        assert refusal(reply)[0] == 400, value
        assert refusal(reply)[1] in {"INVALID_FIELD", "MISSING_FIELD", "UNKNOWN_FIELD"}, value
        assert field in reply.json()["error"], value


REQUIRED = [
    ("/v1/events", "userExternalId"),
    ("/v1/events", "eventType"),
    ("/v1/policy/evaluate", "actor"),
    ("/v1/policy/evaluate", "actor.type"),
    ("/v1/policy/evaluate", "actor.id"),
    ("/v1/policy/evaluate", "action"),
    ("/v1/policy/standing", "actor"),
    ("/v1/policy/standing", "actor.type"),
    ("/v1/policy/standing", "actor.id"),
    ("/v1/entities/erase", "userExternalId"),
    ("/v1/claims", "userExternalId"),
    ("/v1/claims", "claimType"),
    ("/v1/links", "userExternalId"),
    ("/v1/links/redeem", "userExternalId"),
    ("/v1/links/redeem", "linkCode"),
    ("/v1/partners/register", "name"),
    ("/v1/partners/register", "acceptTerms"),
    ("/v1/partners/promote", "url"),
]


@pytest.mark.parametrize(("path", "field"), REQUIRED)
def test_a_required_field_that_is_missing_is_named(partner: Client, path: str, field: str) -> None:
    reply = partner.post(path, without_field(path, field))

    assert refusal(reply) == (400, "MISSING_FIELD")
    assert reply.json()["error"] == f"Missing required field: {field}"
    assert reply.json()["hint"]


@pytest.mark.parametrize(("path", "field"), REQUIRED)
def test_a_required_field_that_is_null_is_refused(partner: Client, path: str, field: str) -> None:
    reply = partner.post(path, with_field(path, field, None))

    assert refusal(reply) == (400, "INVALID_FIELD")
    assert field in reply.json()["error"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        *((path, "x") for path in VALID),
        *((path, "user_external_id") for path in VALID),
        ("/v1/events", "metadata"),
        ("/v1/events", "USEREXTERNALID"),
        ("/v1/policy/evaluate", "actor.x"),
        ("/v1/policy/evaluate", "resource.x"),
        ("/v1/policy/evaluate", "debug"),
        ("/v1/policy/standing", "actor.x"),
    ],
)
def test_a_field_that_is_not_documented_is_refused_by_its_name(
    partner: Client, path: str, field: str
) -> None:
    reply = partner.post(path, with_field(path, field, "x"))

    assert refusal(reply) == (400, "UNKNOWN_FIELD")
    assert reply.json()["error"] == f"Unknown field: {field}"


@pytest.mark.parametrize(("path", "field"), [one for one in REQUIRED if one[1] != one[1].lower()])
def test_a_field_in_snake_case_is_none(partner: Client, path: str, field: str) -> None:
    snake_case = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", field)
    body = without_field(path, field) | {snake_case: VALID[path][field]}

    assert refusal(partner.post(path, body)) == (400, "MISSING_FIELD")


@pytest.mark.parametrize("body", [None, True, 7, 1.5, "text", [], [{}], [["userExternalId"]]])
def test_a_document_that_is_no_object_is_refused(partner: Client, body: object) -> None:
    for path in VALID:
        reply = partner.post_bytes(path, json.dumps(body).encode())

        assert refusal(reply) == (400, "INVALID_FIELD"), path


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("/v1/events", "userExternalId", ""),
        ("/v1/events", "userExternalId", "x" * 257),
        ("/v1/events", "userExternalId", "\U0001f600" * 257),
        ("/v1/entities/erase", "userExternalId", ""),
        ("/v1/entities/erase", "userExternalId", "x" * 257),
        ("/v1/policy/evaluate", "actor.id", ""),
        ("/v1/policy/evaluate", "actor.id", "x" * 257),
        ("/v1/policy/evaluate", "actor.type", "HUMAN"),
        ("/v1/policy/evaluate", "resource.amount", -1),
        ("/v1/policy/evaluate", "resource.amount", 1e16),
        ("/v1/policy/evaluate", "resource.type", "two words"),
        ("/v1/policy/evaluate", "resource.id", ""),
        ("/v1/policy/evaluate", "resource.id", "x" * 257),
        ("/v1/policy/standing", "actor.id", ""),
        ("/v1/policy/standing", "actor.type", "agent"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_name(
    partner: Client, path: str, field: str, value: object
) -> None:
    reply = partner.post(path, with_field(path, field, value))

    assert refusal(reply) == (400, "INVALID_FIELD")
    assert reply.json()["error"].startswith(f"Invalid field {field}: ")


# Chance

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
by_chance = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@every_post
@by_chance
@given(body=documents)
def test_any_document_is_refused_with_a_code(partner: Client, path: str, body: object) -> None:
    text = json.dumps(body).encode()

    assert refusal(partner.post_bytes(path, text))[0] in {400, 413}


@every_post
@by_chance
@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_code(partner: Client, path: str, body: bytes) -> None:
    assert refusal(partner.post_bytes(path, body))[0] == 400


@every_post
@by_chance
@given(data=st.data())
def test_any_field_may_hold_anything_without_breaking_the_server(
    partner: Client, path: str, data: st.DataObject
) -> None:
    field = data.draw(st.sampled_from([field for field, _ in fields_of(VALID[path])]))
    value = data.draw(st.lists(documents, max_size=3) | st.dictionaries(st.text(), documents))
    if field == "resource":
        value = [value]
    text = json.dumps(with_field(path, field, value)).encode()

    assert refusal(partner.post_bytes(path, text))[0] == 400


def test_the_bodies_that_these_are_made_of_are_taken(partner: Client) -> None:
    # The control: what is refused above is refused for its fault alone.
    for path in ("/v1/policy/evaluate", "/v1/policy/standing"):
        assert partner.post(path, VALID[path], asOf=partner.head()).status_code == 200


# What is said of it


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/v1/events", an_event(weight="1"), "field weight: should be a valid number"),
        ("/v1/events", an_event(weight=1e6 + 0.5), "field weight: should be less than or equal to"),
        ("/v1/events", {"": 1}, "Missing required field: userExternalId"),
        ("/v1/events", an_event() | {"": 1}, 'Unknown field: ""'),
        ("/v1/events/batch", {"events": []}, "field events: list should have at least 1 item"),
        (
            "/v1/claims",
            VALID["/v1/claims"] | {"reference": "é"},
            "1 to 64 visible ASCII characters",
        ),
        (
            "/v1/policy/evaluate",
            an_evaluation(resource={"type": ""}),
            "field resource.type: 1 to 64",
        ),
        ("/v1/partners/register", {"name": "!", "acceptTerms": True}, "give one if the name makes"),
        (
            "/v1/partners/register",
            {"name": "Acme", "acceptTerms": True, "website": "acme.example"},
            "field website: a URL is wanted",
        ),
    ],
)
def test_a_refusal_says_what_is_wrong_in_words(
    partner: Client, path: str, body: object, said: str
) -> None:
    error = partner.post(path, body).json()["error"]

    assert said in error
    assert not re.search(r"\^|\$|validation|integer", error)


def test_a_control_character_is_said_where_it_is(partner: Client) -> None:
    reply = partner.post_bytes("/v1/events", b'{"x": "a\nb"}')

    assert "Invalid control character at character 8." in reply.json()["error"]


def test_a_value_of_any_length_is_shown_shortened(partner: Client) -> None:
    for body in (an_event(eventType="x" * 60_000), an_event() | {"x" * 60_000: 1}):
        reply = partner.post("/v1/events", body)

        assert reply.status_code == 400
        assert len(reply.content) < 400
