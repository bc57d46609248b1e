"""Bodies of the M.A.P. family that are wrong, by accident or on purpose: refused with a code."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stories.client import Client
from tests.stories.conftest import MakePartner
from tests.stories.market import (
    BASE,
    Market,
    MarketAgent,
    a_job,
    a_listing,
    at_fault,
    map_refusal,
)
from tests.stories.test_hostile_bodies import (
    BAD_MEMBERS,
    NOT_JSON,
    WRONG,
    by_chance,
    documents,
    fields_of,
    is_of_the_type_of,
)

NO_JOB = 10**15
"""A number that no job has: what is right of a request is not found, and does nothing."""

VALID: dict[str, dict[str, Any]] = {
    "/users": {"roles": ["client"]},
    "/agents": a_listing(
        input_schema={"type": "array"},
        output_schema={"type": "object"},
        auto_accept=True,
        webhook_url="https://agent.example/hook",
    ),
    "/jobs": a_job(deadline="2099-01-01T00:00:00Z"),
    f"/jobs/{NO_JOB}/offers/accept": {"price_per_unit": "1.00", "eta": 60},
    f"/jobs/{NO_JOB}/offers/counter": {"pricePerUnit": 1.5, "eta": 60},
    f"/jobs/{NO_JOB}/results": {
        "items": [{"item_ref": "a", "units": 1, "outcome": "reached", "data": {}}],
        "final": True,
    },
    "/job-deliver": {"job_id": NO_JOB, "delivery_data": "done"},
    "/evaluations": {
        "job_id": NO_JOB,
        "delivery_id": "00000000-0000-4000-8000-000000000000",
        "item_ref": "a",
        "decision": "approve",
        "rating": 5,
        "comments": "fine",
    },
}
"""For each POST a body that is right, with every field that there is."""

TAKE_ANYTHING = {"requirements", "delivery_data", "items", "input_schema", "output_schema"}
"""Fields of documents, and those that hold some: what is wrong within them is told elsewhere."""

MAY_BE_NULL = {"sla.max_seconds", "webhook_url", "deadline", "delivery_id", "item_ref"}

DOCUMENTS = {"/jobs", f"/jobs/{NO_JOB}/results", "/job-deliver", "/evaluations"}
"""Where a body may be larger than 64 KiB."""

every_post = pytest.mark.parametrize("path", VALID)
every_field = pytest.mark.parametrize(
    ("path", "field"),
    [
        (path, field)
        for path in VALID
        for field, _ in fields_of(VALID[path])
        if field.partition(".")[0] not in TAKE_ANYTHING
    ],
)


class Senders:
    """Each path's own caller."""

    def __init__(self, market: Market, worker: MarketAgent) -> None:
        self._market, self._worker = market, worker

    def of(self, path: str) -> Client:
        match path:
            case "/users":
                return self._market.platform
            case "/agents":
                return self._market.developer
            case "/jobs":
                return self._market.client
            case "/evaluations":
                return self._market.supervisor
        return self._worker

    def send(self, path: str, body: bytes | Iterator[bytes]) -> httpx.Response:
        """The reply to bytes as they are."""
        return self.of(path).post_bytes(BASE + path, body)

    def send_json(self, path: str, body: object) -> httpx.Response:
        """The reply to a document."""
        return self.send(path, json.dumps(body).encode())


@pytest.fixture(scope="module")
def senders(a_partner: MakePartner) -> Senders:
    market = Market(a_partner())
    return Senders(market, market.agent())


@pytest.fixture(autouse=True)
def nothing_is_stored(senders: Senders) -> Iterator[None]:
    with senders.of("/users").storing_nothing():
        yield


def holding(path: str, member: bytes) -> bytes:
    """A right body with one more member, given as text."""
    return json.dumps(VALID[path]).encode()[:-1] + b"," + member + b"}"


def with_field(path: str, field: str, value: object) -> dict[str, Any]:
    """A right body, with another value in one field."""
    body: dict[str, Any] = json.loads(json.dumps(VALID[path]))
    *outer, last = field.split(".")
    target = body
    for name in outer:
        target = target[name]
    target[last] = value
    return body


@pytest.mark.parametrize("kind", NOT_JSON)
def test_what_is_not_json_is_refused(senders: Senders, kind: str) -> None:
    for path in VALID:
        assert map_refusal(senders.send(path, NOT_JSON[kind])) == (400, "INVALID_JSON"), path


@pytest.mark.parametrize("kind", BAD_MEMBERS)
def test_a_member_that_parsers_differ_on_is_refused(senders: Senders, kind: str) -> None:
    for path in VALID:
        body = holding(path, BAD_MEMBERS[kind])

        assert map_refusal(senders.send(path, body)) == (400, "INVALID_JSON"), path


@every_field
def test_a_field_of_the_wrong_type_is_400_and_named(
    senders: Senders, path: str, field: str
) -> None:
    right = dict(fields_of(VALID[path]))[field]
    for value in WRONG:
        takes_numbers = field.endswith(("price_per_unit", "pricePerUnit"))
        if is_of_the_type_of(value, right) or (takes_numbers and not isinstance(value, bool)):
            continue

        reply = senders.send_json(path, with_field(path, field, value))

        status, code, said = at_fault(reply)
        assert status in ({400, 422} if isinstance(right, list) else {400}), value
        assert code in {"INVALID_FIELD", "MISSING_FIELD", "UNKNOWN_FIELD", "INVALID_VALUE"}, value
        assert field in str(said), value


@every_field
def test_a_required_field_that_is_null_is_refused_by_its_name(
    senders: Senders, path: str, field: str
) -> None:
    if field not in MAY_BE_NULL:
        reply = senders.send_json(path, with_field(path, field, None))

        assert at_fault(reply) == (400, "INVALID_FIELD", field)


@every_post
def test_a_field_that_is_not_documented_is_refused_by_its_name(senders: Senders, path: str) -> None:
    for field in ("x", "userExternalId", "JOB_ID"):
        reply = senders.send_json(path, VALID[path] | {field: "x"})

        assert at_fault(reply) == (400, "UNKNOWN_FIELD", field)


@pytest.mark.parametrize("body", [None, True, 7, 1.5, "text", [], [{}], [["job_id"]]])
def test_a_document_that_is_no_object_is_refused(senders: Senders, body: object) -> None:
    for path in VALID:
        assert at_fault(senders.send_json(path, body)) == (400, "INVALID_FIELD", "body"), path


@pytest.mark.parametrize("size", [1_000, 1_000_000], ids=["in chunks", "in one chunk"])
def test_a_body_that_is_too_large_is_413(senders: Senders, size: int) -> None:
    for path in VALID:
        limit = (1024 if path in DOCUMENTS else 0) * 1024 + 64 * 1024
        body = holding(path, b'"x": 1').ljust(limit + 1)
        chunks = (body[at : at + size] for at in range(0, len(body), size))

        assert map_refusal(senders.send(path, body)) == (413, "PAYLOAD_TOO_LARGE"), path
        assert map_refusal(senders.send(path, chunks)) == (413, "PAYLOAD_TOO_LARGE"), path
        assert at_fault(senders.send(path, body[:-1]))[1] == "UNKNOWN_FIELD", path


@every_post
@by_chance
@given(body=documents)
def test_any_document_is_refused_with_a_code(senders: Senders, path: str, body: object) -> None:
    assert map_refusal(senders.send_json(path, body))[0] in {400, 413}


@every_post
@by_chance
@given(body=st.binary(max_size=200))
def test_any_bytes_are_refused_with_a_code(senders: Senders, path: str, body: bytes) -> None:
    assert map_refusal(senders.send(path, body))[0] == 400


@every_field
@by_chance
@given(value=st.lists(documents, max_size=3) | st.dictionaries(st.text(max_size=8), documents))
def test_any_field_may_hold_anything_without_breaking_the_server(
    senders: Senders, path: str, field: str, value: object
) -> None:
    if isinstance(dict(fields_of(VALID[path]))[field], dict):
        value = [value]

    assert map_refusal(senders.send_json(path, with_field(path, field, value)))[0] in {400, 422}


@pytest.mark.parametrize(
    "path", [path for path in VALID if str(NO_JOB) in str((path, VALID[path]))]
)
def test_the_bodies_that_these_are_made_of_are_right(senders: Senders, path: str) -> None:
    # The control: what is refused above is refused for its fault alone.
    assert map_refusal(senders.send_json(path, VALID[path])) == (404, "NOT_FOUND")
