"""Slow, rude and too many clients: told so or hung up on, and nothing is lost or halved."""

import json
import select
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest

from tests.faults.audit import nothing_is_lost_or_doubled
from tests.faults.load import Load
from tests.interfaces.serving import Served, eventually, serving
from tests.stories.client import Client, a_key, a_person, an_event, connected, refusal
from tests.stories.document import Document
from tests.stories.waiting import holding_the_lock

pytestmark = pytest.mark.faults

QUEUED = 'tenure_queue_depth{engine="committer"} 1.0'

# Whoever waits for so long waits in vain, on a busy machine as well.
OVER_SECONDS = 30


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Served]:
    """One worker without patience, before whose log one request at most may wait."""
    with serving(
        data,
        app=None,
        TENURE_QUEUE_LIMIT="1",
        TENURE_HEADER_TIMEOUT="1",
        TENURE_BODY_TIMEOUT="1",
    ) as served:
        yield served


@pytest.fixture(scope="module")
def partner(server: Served) -> Iterator[Client]:
    with a_partner_of(server) as partner:
        yield partner


@contextmanager
def a_partner_of(server: Served) -> Iterator[Client]:
    document = Document(httpx.get(f"{server.url}/openapi.json", timeout=10).json())
    with connected(server.url, document) as http:
        yield Client(http, server.first_key)


def connect(server: Served) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=OVER_SECONDS)


def a_post(partner: Client, body: bytes, length: int, *, more: str = "") -> bytes:
    """An event's request as bytes, with a length of the body that need not be true."""
    head = (
        "POST /v1/events HTTP/1.1\r\nhost: tenure\r\ncontent-type: application/json\r\n"
        f"x-api-key: {partner.key}\r\ncontent-length: {length}\r\n{more}\r\n"
    )
    return head.encode() + body


def answer(connection: socket.socket) -> tuple[int, str]:
    """Status and code of the answer; fails unless the connection is closed after it."""
    response = HTTPResponse(connection)
    response.begin()
    body = json.loads(response.read())
    assert connection.recv(1) == b""
    return response.status, body["code"]


# Half a request


@pytest.mark.parametrize(
    "sent", [b"P", b"POST /v1/events HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nx-api-key: mir_"]
)
def test_half_sent_headers_are_told_and_closed(server: Served, sent: bytes) -> None:
    with connect(server) as connection:
        connection.sendall(sent)

        assert answer(connection) == (408, "REQUEST_TIMEOUT")


def test_a_half_sent_body_is_told_and_closed_and_not_taken_for_a_whole_one(
    server: Served, partner: Client
) -> None:
    person = a_person()
    # All of the event is there; the spaces that were promised after it never come.
    body = json.dumps(an_event(userExternalId=person)).encode()

    with partner.storing_nothing(), connect(server) as connection:
        connection.sendall(a_post(partner, body, len(body) + 10))

        assert answer(connection) == (408, "REQUEST_TIMEOUT")
        time.sleep(0.2)
    assert partner.events(userExternalId=person) == []


def test_a_client_who_leaves_in_the_middle_has_said_nothing(
    server: Served, partner: Client
) -> None:
    body = json.dumps(an_event()).encode()

    with partner.storing_nothing():
        for _ in range(20):
            with connect(server) as connection:
                connection.sendall(a_post(partner, body, len(body) + 10))
        time.sleep(0.2)


def test_a_client_who_does_not_wait_for_the_answer_gets_it_by_asking_again(
    server: Served, partner: Client
) -> None:
    for _ in range(10):
        event, key = an_event(), a_key()
        body = json.dumps(event).encode()
        with connect(server) as connection:
            connection.sendall(a_post(partner, body, len(body), more=f"idempotency-key: {key}\r\n"))

        eventually(lambda: partner.post("/v1/events", event, key=key).status_code == 201)  # noqa: B023

        assert len(partner.events(userExternalId=event["userExternalId"])) == 1


def test_hundreds_of_slow_clients_keep_nobody_waiting(tmp_path: Path, database_url: str) -> None:
    with (
        serving(
            tmp_path,
            app=None,
            TENURE_DATABASE_URL=database_url,
            TENURE_HEADER_TIMEOUT="600",
            TENURE_BODY_TIMEOUT="600",
        ) as server,
        a_partner_of(server) as partner,
        ExitStack() as stack,
    ):
        slow = [stack.enter_context(connect(server)) for _ in range(300)]
        for number, connection in enumerate(slow):
            connection.sendall(b"POST /v1/eve" if number % 2 else a_post(partner, b"{", 100))

        for _ in range(20):
            partner.submit()

        answered, _, _ = select.select(slow, [], [], 0)
        assert not answered


def test_what_is_far_too_long_is_refused_before_it_is_sent(server: Served, partner: Client) -> None:
    with connect(server) as connection:
        connection.sendall(a_post(partner, b"", 10**12))

        response = HTTPResponse(connection)
        response.begin()
        assert (response.status, json.loads(response.read())["code"]) == (413, "PAYLOAD_TOO_LARGE")


# Too many at once


@contextmanager
def a_full_queue(
    server: Served, partner: Client, log_url: str
) -> Iterator[list[Future[httpx.Response]]]:
    """The replies to an event whose batch waits for the lock until the block ends, and to another,
    which waits for that batch.
    """
    with ThreadPoolExecutor(2) as pool, holding_the_lock(log_url) as lock:
        replies = [pool.submit(partner.post, "/v1/events", an_event(), key=a_key())]
        lock.until_somebody_waits()
        replies.append(pool.submit(partner.post, "/v1/events", an_event(), key=a_key()))
        eventually(lambda: QUEUED in server.get("/metrics"))
        yield replies


def test_beyond_the_queue_s_limit_the_answer_is_503_at_once(
    server: Served, partner: Client, log_url: str
) -> None:
    with a_full_queue(server, partner, log_url) as waiting:
        third = partner.post("/v1/events", an_event(), key=a_key())

        assert not any(reply.done() for reply in waiting)
    accepted = [reply.result() for reply in waiting]

    assert refusal(third) == (503, "UNAVAILABLE")
    assert third.headers["retry-after"] == "1"
    assert [reply.status_code for reply in accepted] == [201, 201]


def test_a_refused_request_is_taken_when_it_comes_again(
    server: Served, partner: Client, log_url: str
) -> None:
    event, key = an_event(), a_key()
    with a_full_queue(server, partner, log_url):
        assert refusal(partner.post("/v1/events", event, key=key))[0] == 503

    assert partner.post("/v1/events", event, key=key).status_code == 201
    assert len(partner.events(userExternalId=event["userExternalId"])) == 1


def test_under_load_a_queue_of_one_refuses_many_and_loses_nothing(
    server: Served, api_key: str, log_url: str
) -> None:
    with Load(server.url, api_key, clients=32) as load:
        eventually(lambda: any(event.attempts > 1 for event in load.acknowledged))

    nothing_is_lost_or_doubled(server.url, api_key, log_url, load)
