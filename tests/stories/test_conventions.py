"""What holds for every route: ids of requests, errors, the order of checks, positions."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx
import pytest

from domain.api_keys import format_key
from tests.interfaces.serving import Served
from tests.stories.client import (
    Client,
    a_person,
    an_actor,
    an_evaluation,
    an_event,
    refusal,
)
from tests.stories.conftest import MakePartner

POSTS = ["/v1/events", "/v1/policy/evaluate", "/v1/policy/standing", "/v1/entities/erase"]
GETS = [
    "/v1/events",
    "/v1/event-types",
    "/v1/resolve",
    "/v1/policy/actions",
    "/v1/policy/actions/data.export_pii",
    "/v1/partners/me",
    "/v1/partners/keys",
]
OPERATIONS = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"]
READS = ["/v1/events", "/v1/partners/me", "/v1/partners/keys"]
FAR = "999999999999"


# Ids of requests


@pytest.mark.parametrize("given", ["a", "!~", "x" * 128, "7e1e9d4e-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("path", ["/v1/partners/me", "/healthz", "/no/such/path"])
def test_the_caller_s_request_id_is_echoed(partner: Client, path: str, given: str) -> None:
    reply = partner.try_get(path, headers={"x-request-id": given})

    assert reply.headers["x-request-id"] == given


@pytest.mark.parametrize("given", [b"", b"x" * 129, b"a b", b"a\tb", b"caf\xc3\xa9"])
def test_a_request_id_that_is_not_1_to_128_visible_ascii_is_replaced(
    http: httpx.Client, given: bytes
) -> None:
    reply = http.get("/healthz", headers=[(b"x-request-id", given)])

    assert len(reply.headers["x-request-id"]) == 36


def test_two_requests_without_ids_are_given_different_ones(nobody: Client) -> None:
    ids = {nobody.try_get("/healthz").headers["x-request-id"] for _ in range(2)}

    assert len(ids) == 2


@pytest.mark.parametrize("path", [*OPERATIONS, "/docs/swagger-ui.css", "/v1/events/"])
def test_every_reply_has_a_request_id(http: httpx.Client, path: str) -> None:
    assert http.get(path).headers["x-request-id"]


# Paths and methods


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v2/events",
        "/v1/v1/events",
        "/v1//events",
        "/v1/events/",
        "/v1/events/1",
        "/V1/EVENTS",
        "/v1/policy/actions/no.such_action",
        "/docs/secrets.txt",
        "/docs/..%2F..%2Fapp.py",
        "/%00",
        "/v1/events%00",
        "/caf%C3%A9",
    ],
)
def test_a_path_that_is_none_is_404(partner: Client, path: str) -> None:
    assert refusal(partner.try_get(path)) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/events", "GET, HEAD, POST"),
        ("DELETE", "/events", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/policy/evaluate", "POST"),
        ("GET", "/v1/policy/evaluate", "POST"),
        ("POST", "/v1/policy/actions", "GET, HEAD"),
        ("POST", "/v1/policy/actions/data.export_pii", "GET, HEAD, PUT"),
        ("GET", "/v1/partners/keys/1", "DELETE"),
        ("PATCH", "/partners/keys", "GET, HEAD, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("TRACE", "/v1/events", "GET, HEAD, POST"),
    ],
)
def test_a_method_that_a_path_does_not_take_is_405_and_says_which_it_takes(
    http: httpx.Client, method: str, path: str, allowed: str
) -> None:
    reply = http.request(method, path)

    assert refusal(reply) == (405, "METHOD_NOT_ALLOWED")
    assert reply.headers["allow"] == allowed


@pytest.mark.parametrize("path", ["/healthz", "/v1/events", "/v1/policy/actions/data.export_pii"])
def test_head_is_get_without_the_body(partner: Client, server: Served, path: str) -> None:
    got, head = (
        httpx.request(method, server.url + path, headers=partner.headers())
        for method in ("GET", "HEAD")
    )

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))


@pytest.mark.parametrize("path", [*POSTS, "/v1/partners/keys"])
def test_each_path_is_served_without_its_prefix_too(nobody: Client, path: str) -> None:
    with_prefix = nobody.post(path, {})
    without = nobody.post(path.removeprefix("/v1"), {})

    assert refusal(with_prefix) == refusal(without) == (401, "UNAUTHENTICATED")


# Credentials


def a_typo(key: str) -> str:
    return key[:-1] + ("0" if key[-1] != "0" else "1")


MISTYPED: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "nonsense": lambda _: "nonsense",
    "a typo": a_typo,
    "too short": lambda key: key[:-1],
    "too long": lambda key: f"{key}0",
    "another prefix": lambda key: key.replace("sandbox", "live"),
    "capitals": lambda key: key.upper(),
    "bearer": lambda key: f"Bearer {key}",
    "well formed, but nobody's": lambda _: format_key("mir_sandbox_", bytes(32)),
    "endless": lambda _: "x" * 10_000,
    "not ASCII": lambda _: "caf\xe9",
}


@pytest.mark.parametrize("kind", MISTYPED)
def test_whatever_is_no_living_key_is_401_with_one_body(
    partner: Client, nobody: Client, http: httpx.Client, kind: str
) -> None:
    assert partner.key is not None
    shown = MISTYPED[kind](partner.key).encode("latin-1")

    reply = http.get("/v1/partners/me", headers=[(b"x-api-key", shown)])

    assert refusal(reply) == (401, "UNAUTHENTICATED")
    assert reply.content == nobody.try_get("/v1/partners/me").content
    assert "x-api-key" in reply.headers["www-authenticate"]


@pytest.mark.parametrize("path", GETS)
def test_every_partner_page_needs_a_key(nobody: Client, path: str) -> None:
    assert refusal(nobody.try_get(path)) == (401, "UNAUTHENTICATED")


def test_a_key_elsewhere_than_in_its_header_is_none(partner: Client, nobody: Client) -> None:
    assert partner.key is not None
    shown = {"authorization": f"Bearer {partner.key}"}

    assert refusal(nobody.try_get("/v1/partners/me", headers=shown))[0] == 401
    assert refusal(nobody.try_get(f"/v1/partners/me?api_key={quote(partner.key)}"))[0] == 401


@pytest.mark.parametrize("name", ["x-api-key", "idempotency-key"])
def test_a_header_that_says_two_things_is_refused(partner: Client, name: str) -> None:
    twice = [*partner.headers({name: str(partner.key)}).items(), (name, "another")]

    with partner.storing_nothing():
        reply = partner.http.post("/v1/events", json=an_event(), headers=twice)

    assert refusal(reply) == (400, "INVALID_FIELD")


# Order of checks

TOO_LARGE = b'{"x": "' + b"x" * 65_536
JSON, TEXT = "application/json", "text/plain"


@pytest.mark.parametrize("path", POSTS)
def test_checks_come_in_the_order_key_size_media_type_json_fields(
    partner: Client, nobody: Client, path: str
) -> None:
    order = [
        nobody.post_bytes(path, TOO_LARGE, media_type=TEXT),
        partner.post_bytes(path, TOO_LARGE, media_type=TEXT),
        partner.post_bytes(path, b"{", media_type=TEXT),
        partner.post_bytes(path, b'{"unknown": NaN}', media_type=JSON),
        partner.post_bytes(path, b"{}", media_type=JSON),
    ]

    assert [refusal(reply) for reply in order] == [
        (401, "UNAUTHENTICATED"),
        (413, "PAYLOAD_TOO_LARGE"),
        (415, "UNSUPPORTED_MEDIA_TYPE"),
        (400, "INVALID_JSON"),
        (400, "MISSING_FIELD"),
    ]


@pytest.mark.parametrize("path", ["/no/such/path", "/v1/event"])
def test_an_unknown_path_is_404_before_anything_else(nobody: Client, path: str) -> None:
    assert refusal(nobody.post_bytes(path, TOO_LARGE, media_type=TEXT)) == (404, "NOT_FOUND")


def test_fields_are_checked_before_the_idempotency_key(partner: Client) -> None:
    reply = partner.post("/v1/events", {}, key="not visible")

    assert refusal(reply) == (400, "MISSING_FIELD")


def test_the_idempotency_key_is_checked_before_the_state(partner: Client) -> None:
    nobody_known = {"userExternalId": a_person()}

    assert refusal(partner.post("/v1/entities/erase", nobody_known, key="a b")) == (
        400,
        "INVALID_IDEMPOTENCY_KEY",
    )


# Media types


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"],
)
def test_a_body_that_is_not_said_to_be_json_is_415(partner: Client, media_type: str | None) -> None:
    reply = partner.post_bytes("/v1/policy/standing", b"{}", media_type=media_type)

    assert refusal(reply) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"]
)
def test_json_may_be_said_with_parameters_and_in_any_case(partner: Client, media_type: str) -> None:
    body = b'{"actor": {"type": "human", "id": "emp"}}'

    assert partner.post_bytes("/v1/policy/standing", body, media_type=media_type).status_code == 200


# Bodies where none is wanted


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_post_of_nothing_may_say_so(a_partner: MakePartner, body: bytes) -> None:
    reply = a_partner().post_bytes("/v1/partners/keys", body, media_type=None)

    assert reply.status_code == 201


@pytest.mark.parametrize(
    ("body", "refused"),
    [
        (b'{"name": "mine"}', (400, "UNKNOWN_FIELD")),
        (b"[]", (400, "INVALID_FIELD")),
        (b"null", (400, "INVALID_FIELD")),
        (b"name=mine", (400, "INVALID_JSON")),
        (TOO_LARGE, (413, "PAYLOAD_TOO_LARGE")),
    ],
)
@pytest.mark.parametrize("media_type", [JSON, TEXT])
def test_a_post_of_nothing_takes_no_body(
    partner: Client, media_type: str, body: bytes, refused: tuple[int, str]
) -> None:
    with partner.storing_nothing():
        reply = partner.post_bytes("/v1/partners/keys", body, media_type=media_type)

    assert refusal(reply) == refused


# Queries


@pytest.mark.parametrize("query", ["dryRun=true", "=1", "userExternalId=x"])
@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/v1/events", JSON), ("/v1/events/batch", "application/x-ndjson")],
)
def test_a_parameter_that_is_not_documented_is_refused_and_nothing_is_done(
    partner: Client, path: str, media_type: str, query: str
) -> None:
    event = json.dumps(an_event()).encode()

    with partner.storing_nothing():
        reply = partner.post_bytes(f"{path}?{query}", event, media_type=media_type)

    assert refusal(reply) == (400, "UNKNOWN_FIELD")


@pytest.mark.parametrize("path", ["/v1/partners/me", "/v1/policy/actions", "/healthz"])
def test_a_read_takes_no_undocumented_parameter_either(partner: Client, path: str) -> None:
    assert refusal(partner.try_get(path, debug="true")) == (400, "UNKNOWN_FIELD")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "INVALID_FIELD"),
        ("limit=201", "INVALID_FIELD"),
        ("limit=ten", "INVALID_FIELD"),
        ("limit=", "INVALID_FIELD"),
        ("limit=1&limit=2", "INVALID_FIELD"),
        ("limit=1_0", "INVALID_FIELD"),
        ("limit=1.0", "INVALID_FIELD"),
        ("limit=%205", "INVALID_FIELD"),
        ("eventType=no.such", "INVALID_EVENT_TYPE"),
        ("unknown=1", "UNKNOWN_FIELD"),
        ("user_external_id=x", "UNKNOWN_FIELD"),
        ("cursor=%00", "INVALID_FIELD"),
        ("userExternalId=%ED%A0%80", "INVALID_FIELD"),
        ("userExternalId=%FF", "INVALID_FIELD"),
        ("userExternalId=", "INVALID_FIELD"),
        ("since=yesterday", "INVALID_FIELD"),
        ("until=2026-01-01T00:00:00", "INVALID_FIELD"),
        ("cursor=nonsense", "INVALID_CURSOR"),
        ("cursor=" + "A" * 65, "INVALID_CURSOR"),
    ],
)
def test_a_wrong_query_is_400(partner: Client, query: str, code: str) -> None:
    assert refusal(partner.try_get(f"/v1/events?{query}")) == (400, code)


# Positions


def test_each_write_s_reply_says_its_position_and_the_next_one_is_later(
    a_partner: MakePartner,
) -> None:
    partner = a_partner()
    person = a_person()
    writes = [
        partner.post("/v1/events", an_event(userExternalId=person)),
        partner.post("/v1/policy/evaluate", an_evaluation(person)),
        partner.post("/v1/partners/keys"),
        partner.post("/v1/entities/erase", {"userExternalId": person}),
    ]
    key_id = writes[2].json()["keyId"]
    writes.append(partner.delete(f"/v1/partners/keys/{key_id}"))

    positions = [int(reply.headers["x-log-position"]) for reply in writes]

    assert positions == list(range(positions[0], positions[0] + 5))
    assert partner.head() == positions[-1]


@pytest.mark.parametrize("path", READS)
def test_a_read_of_a_position_that_is_reached_is_answered(partner: Client, path: str) -> None:
    partner.submit()

    reply = partner.try_get(path, headers={"x-min-position": str(partner.head())})

    assert reply.status_code == 200


@pytest.mark.parametrize("path", ["/v1/events", "/v1/partners/me"])
def test_a_read_of_a_position_that_is_not_reached_is_503_after_two_seconds(
    partner: Client, path: str
) -> None:
    began = time.monotonic()

    reply = partner.try_get(path, headers={"x-min-position": FAR})

    assert refusal(reply) == (503, "UNAVAILABLE")
    assert reply.headers["retry-after"] == "1"
    assert time.monotonic() - began > 1.9


def test_whatever_answers_from_the_log_waits_for_its_position(partner: Client) -> None:
    standing, far = {"actor": an_actor(a_person())}, {"x-min-position": FAR}
    evaluations = {"evaluations": [an_evaluation()]}
    waiting = [
        lambda: partner.post("/v1/policy/standing", standing, headers=far),
        lambda: partner.post("/v1/policy/standing", standing, headers=far, asOf=1),
        lambda: partner.post("/v1/policy/evaluate", an_evaluation(), headers=far),
        lambda: partner.post("/v1/policy/evaluate", an_evaluation(), headers=far, asOf=1),
        lambda: partner.post("/v1/policy/evaluate/bulk", evaluations, headers=far),
        lambda: partner.try_get("/v1/event-types", headers=far),
    ]

    with partner.storing_nothing(), ThreadPoolExecutor(len(waiting)) as pool:
        replies = list(pool.map(lambda ask: ask(), waiting))

    assert [refusal(reply) for reply in replies] == [(503, "UNAVAILABLE")] * len(waiting)


def test_a_read_that_waits_is_answered_as_soon_as_its_position_is_reached(
    partner: Client,
) -> None:
    person = a_person()
    wanted = partner.head() + 1

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(
            partner.events, userExternalId=person, headers={"x-min-position": str(wanted)}
        )
        time.sleep(0.1)
        assert not waiting.done()
        partner.submit(userExternalId=person)

        assert len(waiting.result()) == 1


@pytest.mark.parametrize("given", ["-1", "1.5", "", "ten", "1" * 19, "0x1"])
def test_a_position_that_is_none_is_400(partner: Client, given: str) -> None:
    reply = partner.try_get("/v1/partners/me", headers={"x-min-position": given})

    assert refusal(reply) == (400, "INVALID_FIELD")


@pytest.mark.parametrize("path", READS)
def test_every_read_takes_a_position(partner: Client, path: str) -> None:
    reply = partner.try_get(path, headers={"x-min-position": "ten"})

    assert refusal(reply) == (400, "INVALID_FIELD")


def test_without_a_position_a_read_sees_all_that_was_acknowledged(partner: Client) -> None:
    person = a_person()
    for count in range(1, 20):
        partner.submit(userExternalId=person)

        assert partner.standing(person)["signals"]["eventCount"] == count
        assert len(partner.events(userExternalId=person)) == count
