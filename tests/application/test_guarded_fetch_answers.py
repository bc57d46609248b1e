"""The guarded fetch: an answer counts when it is whole, short, in time, and from whom it says."""

import asyncio
import shutil
import socket
import ssl
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from application.guarded_fetch import (
    BODY_BYTES_AT_MOST,
    FetchFailed,
    Origin,
    fetch_text,
    read_origin,
)
from tests.application.listening import OK, PATH, listening, resolving_to


def fetched(reply: bytes, *, hangs: bool = False, seconds: float = 30) -> str:
    """What a fetch makes of a reply."""

    async def story() -> str:
        async with listening(reply, hangs=hangs) as listener:
            origin = Origin("http", "127.0.0.1", listener.port)
            return await fetch_text(origin, PATH, loopback=True, seconds=seconds)

    return asyncio.run(story())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    async def story() -> None:
        async with listening() as inside:
            reply = f"HTTP/1.1 {status} Moved\r\nLocation: http://127.0.0.1:{inside.port}/\r\n\r\n"
            async with listening(reply.encode()) as outside:
                origin = Origin("http", "127.0.0.1", outside.port)
                with pytest.raises(FetchFailed, match=f"answered {status}"):
                    await fetch_text(origin, PATH, loopback=True)

            assert (outside.connections, inside.connections) == (1, 0)

    asyncio.run(story())


@pytest.mark.parametrize("status", [100, 201, 204, 206, 401, 404, 500])
def test_whatever_is_not_200_is_no_proof(status: int) -> None:
    with pytest.raises(FetchFailed, match=f"answered {status}"):
        fetched(b"HTTP/1.1 %d What\r\nContent-Length: 0\r\n\r\n" % status)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\n\r\n\r\n  a token\r\n",
        b"HTTP/1.0 200 OK\r\n\r\na token",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na t\r\n4\r\noken\r\n0\r\n\r\n",
    ],
)
def test_a_page_is_read_however_it_is_sent(reply: bytes) -> None:
    assert fetched(reply) == "a token"


@pytest.mark.parametrize("body", [b"x" * (BODY_BYTES_AT_MOST + 1), b"x" * 10_000_000])
def test_a_page_that_is_too_long_is_not_read(body: bytes) -> None:
    with pytest.raises(FetchFailed, match="longer than 4096 bytes"):
        fetched(b"HTTP/1.1 200 OK\r\n\r\n" + body)


def test_headers_without_end_are_not_read() -> None:
    with pytest.raises(FetchFailed, match=r"longer|HTTP"):
        fetched(b"HTTP/1.1 200 OK\r\n" + b"X-More: yes\r\n" * 100_000)


def test_a_page_of_the_greatest_length_is_read() -> None:
    assert len(fetched(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * BODY_BYTES_AT_MOST)) == 4096


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-OpenSSH\r\n", b"\x15\x03\x01\x00\x02\x02"])
def test_what_is_not_http_is_no_proof(reply: bytes) -> None:
    with pytest.raises(FetchFailed, match=r"HTTP|without an answer"):
        fetched(reply)


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\n", OK[:-1]])
def test_whoever_never_ends_is_left(reply: bytes) -> None:
    with pytest.raises(FetchFailed, match=r"within 0\.2 seconds"):
        fetched(reply, hangs=True, seconds=0.2)


def test_a_resolver_that_never_answers_is_left() -> None:
    async def never(host: str, port: int) -> Sequence[str]:
        await asyncio.sleep(60)
        return ()

    with pytest.raises(FetchFailed, match="within"):
        asyncio.run(
            fetch_text(read_origin("http://acme.example"), PATH, resolve=never, seconds=0.1)
        )


def test_whoever_takes_no_connection_is_no_proof() -> None:
    async def story() -> None:
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            origin = Origin("http", "127.0.0.1", deaf.getsockname()[1])
            with pytest.raises(FetchFailed, match="no connection"):
                await fetch_text(origin, PATH, loopback=True)

    asyncio.run(story())


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of acme.example, with its key, that nobody but a test trusts."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("makes its certificate with openssl")
    file = tmp_path / "acme.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=acme.example", "-addext", "subjectAltName=DNS:acme.example"),
            *("-keyout", str(tmp_path / "key.pem"), "-out", str(file)),
        ],
        check=True,
        capture_output=True,
    )
    file.write_text(file.read_text() + (tmp_path / "key.pem").read_text())
    return file


def spoken_with(host: str, certificate: Path, *, trusted: bool) -> tuple[str, str | None]:
    """What a fetch over TLS gets, and the name that the server was asked for."""
    named: list[str | None] = []
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    tls.sni_callback = lambda _, name, __: named.append(name)
    trust = ssl.create_default_context(cafile=certificate if trusted else None)

    async def story() -> str:
        async with listening(tls=tls) as listener:
            origin = Origin("https", host, listener.port)
            resolve = resolving_to("127.0.0.1")
            return await fetch_text(origin, PATH, loopback=True, resolve=resolve, trust=trust)

    return asyncio.run(story()), named[0]


def test_tls_names_the_host_and_not_the_address(certificate: Path) -> None:
    assert spoken_with("acme.example", certificate, trusted=True) == ("a token", "acme.example")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("host", "trusted"), [("bolt.example", True), ("acme.example", False)])
def test_a_certificate_of_another_or_of_nobody_is_no_proof(
    certificate: Path, host: str, trusted: bool
) -> None:
    with pytest.raises(FetchFailed, match="TLS"):
        spoken_with(host, certificate, trusted=trusted)
