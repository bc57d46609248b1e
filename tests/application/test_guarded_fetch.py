"""The guarded fetch: whatever a URL looks like, nothing inside is ever connected to.

A listener on this machine counts connections. Wherever a fetch believes it connects to, it is led
to that listener, and unless a test says otherwise every name resolves to this machine: so a form
that gets past the guard is counted.
"""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from application.guarded_fetch import (
    BODY_BYTES_AT_MOST,
    FetchFailed,
    Origin,
    fetch_text,
    is_allowed,
    read_origin,
    resolved,
)
from domain.refusals import InvalidUrl

PATH = "/.well-known/mir-challenge"
PUBLIC = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\n a token"


class Listener:
    """Counts connections, answers each with the same bytes, and remembers what it was asked."""

    def __init__(self, reply: bytes = OK, *, hangs: bool = False) -> None:
        self.reply, self.hangs = reply, hangs
        self.connections = 0
        self.asked: list[bytes] = []
        self.believed: list[tuple[str, int, dict[str, Any]]] = []
        self.port = 0
        self._gone = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(self.reply)
        if self.hangs:
            await self._gone.wait()
        writer.close()

    def leave(self) -> None:
        self._gone.set()

    async def connect(
        self, address: str, port: int, **how: Any
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Remember where a fetch believes it connects to, and lead it here."""
        self.believed.append((address, port, how))
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def listening(
    reply: bytes = OK, *, tls: ssl.SSLContext | None = None, hangs: bool = False
) -> AsyncIterator[Listener]:
    listener = Listener(reply, hangs=hangs)
    server = await asyncio.start_server(listener.take, "127.0.0.1", 0, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        listener.leave()
        server.close()
        await server.wait_closed()


def resolving_to(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


# What must not get through, whatever the resolver says

DISGUISED = [
    # This machine and its neighbours, as addresses
    "http://127.0.0.1/",
    "http://127.0.0.1",
    "https://127.0.0.1",
    "http://127.1",
    "http://127.0.1",
    "http://127.255.255.254",
    "http://0.0.0.0",
    "http://0",
    "http://0.0",
    "http://10.0.0.1",
    "http://172.16.0.1",
    "http://192.168.0.1",
    "http://169.254.169.254",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.100.100.200",
    "http://168.63.129.16",
    "http://224.0.0.1",
    "http://255.255.255.255",
    "http://240.0.0.1",
    # … in other bases and lengths
    "http://2130706433",
    "http://0x7f000001",
    "http://0x7f.0x0.0x0.0x1",
    "http://0x7f.1",
    "http://017700000001",
    "http://0177.0.0.1",
    "http://0177.0.0.01",
    "http://127.0.0.1.",
    "http://127.0.0.001",
    "http://00000127.0.0.1",
    "http://127.0.0.0x1",
    "http://0x",
    "http://1.0x",
    "http://4294967297",
    "http://127.0.0.1.0x0",
    "http://2852039166",
    "http://0xa9fea9fe",
    "http://0251.0376.0251.0376",
    "http://425.510.425.510",
    "http://999.999.999.999",
    # IPv6
    "http://[::1]/",
    "http://[::]",
    "http://[0:0:0:0:0:0:0:1]",
    "http://[0000::1]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:7f00:1]",
    "http://[0:0:0:0:0:ffff:127.0.0.1]",
    "http://[::127.0.0.1]",
    "http://[::ffff:169.254.169.254]",
    "http://[fe80::1]",
    "http://[fe80::1%eth0]",
    "http://[fe80::1%25eth0]",
    "http://[fc00::1]",
    "http://[fd00:ec2::254]",
    "http://[ff02::1]",
    "http://[64:ff9b::7f00:1]",
    "http://[2002:7f00:1::]",
    "http://[2001:0:0:0:0:0:80ff:fffe]",
    "http://[::1",
    "http://::1",
    "http://[127.0.0.1]",
    "http://[localhost]",
    "http://[]",
    # Names of this machine
    "http://localhost",
    "http://LOCALHOST",
    "http://localhost.",
    "http://localhost.localdomain",
    "http://foo.localhost",
    "http://ip6-localhost",
    "http://metadata",
    "http://metadata.google.internal",
    "http://kubernetes.default.svc",
    "http://db",
    "http://127.0.0.1.nip.io",
    "http://127-0-0-1.sslip.io",
    "http://localtest.me",
    "https://acme.example",
    "http://acme.example.",
    "http://acme.example..",
    # Who is asked, and as whom
    "http://user@127.0.0.1",
    "http://user:secret@127.0.0.1",
    "http://acme.example@127.0.0.1",
    "http://127.0.0.1@acme.example",
    "http://acme.example:80@127.0.0.1/",
    "http://@127.0.0.1",
    "http://acme.example%40127.0.0.1",
    "http://acme.example#@127.0.0.1/",
    "http://acme.example?@127.0.0.1/",
    "http://acme.example\\@127.0.0.1",
    "http://acme.example&@127.0.0.1#@other.example/",
    "http://127.0.0.1\\.acme.example",
    # Ports
    "http://acme.example:22",
    "http://acme.example:443",
    "https://acme.example:80",
    "http://acme.example:5432",
    "http://acme.example:0",
    "http://acme.example:65616",
    "http://acme.example:-80",
    "http://acme.example:+80",
    "http://acme.example: 80",
    "http://acme.example:\uff18\uff10",
    "http://acme.example:80:5432",
    "http://acme.example:80x",
    # Paths, and what is more than a host
    "http://acme.example/..",
    "http://acme.example/a/b",
    "http://acme.example//127.0.0.1",
    "http://acme.example?",
    "http://acme.example#",
    "http://acme.example;127.0.0.1",
    # Schemes
    "",
    "acme.example",
    "//127.0.0.1",
    "http:127.0.0.1",
    "http:/127.0.0.1",
    "http:///127.0.0.1",
    "http:\\\\127.0.0.1",
    "ftp://127.0.0.1",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_x",
    "dict://127.0.0.1:11211",
    "ws://127.0.0.1",
    "unix:///run/postgresql",
    "javascript:alert(1)",
    "data:text/plain,token",
    "http\u017f://127.0.0.1",
    "http+unix://run",
    # Characters that one reader sees and another does not
    " http://127.0.0.1",
    "http://127.0.0.1 ",
    "http://\t127.0.0.1",
    "ht\ntp://127.0.0.1",
    "http://acme.example\r\nHost: 127.0.0.1",
    "http://acme.example\x00.127.0.0.1",
    "http://acme.example%00",
    "http://%31%32%37.0.0.1",
    "http://127%2e0%2e0%2e1",
    "http://\uff11\uff12\uff17.0.0.1",
    "http://①②⑦.⓪.⓪.①",
    "http://127。0。0。1",
    "http://127.0.0.1\u200b",
    "http://loc\u0430lhost",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
    "http://acme.exampl\u00e9",
    "http://acme_example.test",
    "http://-acme.example",
    "http://acme-.example",
    "http://.acme.example",
    "http://acme..example",
    "http://*.acme.example",
    f"http://{'a' * 64}.example",
    f"http://{'a.' * 130}example",
]


def test_there_are_a_hundred_forms_and_more() -> None:
    assert len(DISGUISED) == len(set(DISGUISED)) >= 100


@pytest.mark.parametrize("url", DISGUISED)
def test_no_form_of_url_reaches_inside(url: str) -> None:
    async def story() -> None:
        async with listening() as listener:
            with pytest.raises((InvalidUrl, FetchFailed)):
                await fetch_text(
                    read_origin(url),
                    PATH,
                    resolve=resolving_to("127.0.0.1"),
                    connect=listener.connect,
                )
            assert (listener.connections, listener.believed) == (0, [])

    asyncio.run(story())


# Disguised as something else, it stays refused when this machine itself is admitted.
STILL_REFUSED = [
    "http://2130706433:{}",
    "http://0x7f000001:{}",
    "http://127.1:{}",
    "http://0177.0.0.1:{}",
    "http://0.0.0.0:{}",
    "http://[::]:{}",
    "http://user@127.0.0.1:{}",
    "http://10.0.0.1:{}",
    "http://[fe80::1%25lo]:{}",
]


@pytest.mark.parametrize("url", STILL_REFUSED)
def test_the_loopback_setting_admits_this_machine_by_its_own_names_alone(url: str) -> None:
    with pytest.raises(InvalidUrl):
        read_origin(url.format(8000), loopback=True)


# The control: the counter counts, and what is allowed is fetched


@pytest.mark.parametrize(
    "url", ["http://acme.example", "https://ACME.example/", "http://a.b-c.io:80"]
)
def test_a_name_that_leads_to_a_public_address_is_fetched(url: str) -> None:
    async def story() -> None:
        async with listening() as listener:
            text = await fetch_text(
                read_origin(url), PATH, resolve=resolving_to(PUBLIC), connect=listener.connect
            )

        assert (text, listener.connections) == ("a token", 1)

    asyncio.run(story())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_with_the_loopback_setting_this_machine_is_fetched_as_it_is(host: str) -> None:
    async def story() -> None:
        async with listening() as listener:
            origin = read_origin(f"http://{host}:{listener.port}", loopback=True)

            assert await fetch_text(origin, PATH, loopback=True) == "a token"
            with pytest.raises(FetchFailed, match="public"):
                await fetch_text(origin, PATH)

        assert listener.connections == 1
        assert listener.asked[0].startswith(b"GET /.well-known/mir-challenge HTTP/1.1\r\n")
        assert f"\r\nHost: {host}:{listener.port}\r\n".encode() in listener.asked[0]

    asyncio.run(story())


# Where names lead

INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "0.1.2.3",
    "10.1.2.3",
    "100.64.0.1",
    "100.127.255.255",
    "169.254.169.254",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.251",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:5db8:d822::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%lo",
    "2606:4700::1111%lo",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "no address",
]


@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("beside", [(), (PUBLIC,)], ids=["alone", "beside a public one"])
def test_a_name_that_leads_inside_is_not_followed(address: str, beside: tuple[str, ...]) -> None:
    async def story() -> None:
        async with listening() as listener:
            with pytest.raises(FetchFailed, match="public"):
                await fetch_text(
                    read_origin("http://acme.example"),
                    PATH,
                    resolve=resolving_to(*beside, address),
                    connect=listener.connect,
                )
            assert listener.believed == []

    asyncio.run(story())


@pytest.mark.parametrize(
    "address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]
)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address)
    assert is_allowed(address, loopback=True)


def test_a_name_that_is_resolved_anew_each_time_is_resolved_once() -> None:
    answers = iter([(PUBLIC,), ("127.0.0.1",)])

    async def rebinding(host: str, port: int) -> Sequence[str]:
        return next(answers)

    async def story() -> None:
        async with listening() as listener:
            await fetch_text(
                read_origin("http://acme.example"),
                PATH,
                resolve=rebinding,
                connect=listener.connect,
            )

        ((address, port, how),) = listener.believed
        assert (address, port) == (PUBLIC, 80)
        assert how["flags"] != 0
        assert next(answers) == ("127.0.0.1",)

    asyncio.run(story())


def test_an_address_that_takes_no_connection_leaves_the_next_to_be_tried() -> None:
    async def story() -> None:
        async with listening() as listener:

            async def connect(address: str, port: int, **how: Any) -> Any:
                if address == PUBLIC:
                    raise ConnectionRefusedError
                return await listener.connect(address, port, **how)

            resolve = resolving_to(PUBLIC, "8.8.8.8")
            origin = read_origin("http://acme.example")
            assert await fetch_text(origin, PATH, resolve=resolve, connect=connect) == "a token"

        assert [address for address, _, _ in listener.believed] == ["8.8.8.8"]

    asyncio.run(story())


def test_a_name_that_does_not_resolve_has_no_addresses() -> None:
    assert asyncio.run(resolved("no-such-name.invalid", 80)) == ()


# What is answered


def fetched(reply: bytes, *, hangs: bool = False, seconds: float = 5) -> str:
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
        async with listening() as listener:
            origin = Origin("http", "127.0.0.1", listener.port)
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
