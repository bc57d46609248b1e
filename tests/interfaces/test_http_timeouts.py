"""Requests half sent end in time, whole ones do not; what is no HTTP is refused in JSON."""

import json
import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse

import pytest

from interfaces.http_timeouts import HEADER_BYTES
from tests.interfaces.serving import Served, serving

# Whoever waits for so long waits in vain, on a busy machine as well.
OVER_SECONDS = 30


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("timeouts")
    with serving(
        data,
        TENURE_DATABASE_URL=database_url,
        TENURE_HEADER_TIMEOUT="0.5",
        TENURE_BODY_TIMEOUT="2",
    ) as served:
        yield served


@pytest.fixture
def connection(server: Served) -> Iterator[socket.socket]:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=OVER_SECONDS) as connected:
        yield connected


def everything(connection: socket.socket) -> tuple[str, str]:
    """Head and body of all that arrives until the server closes; fails if it does not close."""
    received = b""
    while chunk := connection.recv(65536):
        received += chunk
    head, _, body = received.decode().partition("\r\n\r\n")
    return head, body


def answer(connection: socket.socket) -> bytes:
    """Body of one reply, after which the connection stays open."""
    response = HTTPResponse(connection)
    response.begin()
    return response.read()


def test_half_sent_headers_are_answered_and_closed(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\nhost: a")

    head, body = everything(connection)
    assert head.startswith("HTTP/1.1 408 Request Timeout\r\n")
    assert "\r\nconnection: close" in head
    assert "\r\nx-request-id: " in head
    assert "\r\nlink: </docs/errors#request_timeout>" in head
    assert json.loads(body)["code"] == "REQUEST_TIMEOUT"


def test_headers_that_trickle_in_gain_no_time(connection: socket.socket) -> None:
    connection.sendall(b"GET / HTTP/1.1\r\n")
    with pytest.raises(OSError):  # noqa: PT011, PT012 - whichever way the peer's close shows
        for _ in range(OVER_SECONDS * 10):
            connection.sendall(b"a: b\r\n")
            time.sleep(0.1)


def test_a_connection_without_a_request_is_closed_in_silence(connection: socket.socket) -> None:
    assert everything(connection) == ("", "")


def test_a_body_that_stops_is_answered_and_closed(connection: socket.socket) -> None:
    connection.sendall(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf")

    head, body = everything(connection)
    assert head.startswith("HTTP/1.1 408 ")
    assert json.loads(body)["code"] == "REQUEST_TIMEOUT"


def test_a_slow_body_that_goes_on_is_read_to_its_end(connection: socket.socket) -> None:
    connection.sendall(b"POST / HTTP/1.1\r\nconnection: close\r\ncontent-length: 8\r\n\r\n")
    for letter in b"slowness":
        time.sleep(0.3)
        connection.sendall(bytes([letter]))

    assert everything(connection)[1] == "slowness"


def test_a_slow_answer_is_not_cut_off(connection: socket.socket) -> None:
    connection.sendall(b"GET /slow HTTP/1.1\r\nconnection: close\r\n\r\n")

    assert everything(connection)[1] == "finished"


def test_headers_half_sent_behind_a_running_request_do_not_spoil_its_answer(
    connection: socket.socket,
) -> None:
    connection.sendall(b"GET /slow HTTP/1.1\r\n\r\nGET /half")

    head, rest = everything(connection)
    assert head.startswith("HTTP/1.1 200 ")
    assert rest.startswith("finishedHTTP/1.1 408 ")


def test_an_empty_line_after_an_answer_does_not_hold_the_connection_for_ever(
    connection: socket.socket,
) -> None:
    connection.sendall(b"GET /worker HTTP/1.1\r\n\r\n")
    assert answer(connection).isdigit()
    connection.sendall(b"\r\n")

    assert everything(connection)[0].startswith("HTTP/1.1 408 ")


def test_a_connection_is_kept_between_requests(connection: socket.socket) -> None:
    for _ in range(2):
        connection.sendall(b"GET /worker HTTP/1.1\r\n\r\n")
        assert answer(connection).isdigit()
        time.sleep(2.2)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nlong: " + b"x" * (HEADER_BYTES + 1),
    ],
    ids=["nonsense", "header", "path", "length", "endless"],
)
def test_what_is_no_http_is_refused_in_json(
    connection: socket.socket, request_bytes: bytes
) -> None:
    connection.sendall(request_bytes)

    head, body = everything(connection)
    assert head.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "\r\ncontent-type: application/json\r\n" in head
    assert json.loads(body)["code"] == "INVALID_HTTP"
