"""Guarded fetch: a place that a stranger names, asked without being led to where it must not go.

A server that opens what it is told to can be told to open what only it can reach. So nothing is
taken but a plain name of a host: no address in disguise, no credentials, no port of one's own. The
name is resolved once, every address it has must be public, and the connection goes to one of those
very addresses. No redirect is followed; time and size are bounded.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple, TypedDict, Unpack

import httptools
import msgspec

from domain.refusals import InvalidUrl

SECONDS_AT_MOST = 5.0
BODY_BYTES_AT_MOST = 4096
REPLY_BYTES_AT_MOST = 4 * BODY_BYTES_AT_MOST
URL_LENGTH_AT_MOST = 300
DEFAULT_PORTS = {"http": 80, "https": 443}

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", re.ASCII)
# An origin's, then a path and a query of the characters that RFC 3986 gives them.
_PAGE = re.compile(r"(https?://[^/?]*)([/?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?", re.ASCII | re.I)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# A last label that is a number, in any base: whoever reads it so sees an IPv4 address.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_DOCUMENTATION = IPv6Network("3fff::/20")

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""From a host and a port to all addresses of it, in the order in which to try them."""

Connect = Callable[..., Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
"""``asyncio.open_connection``, or what stands in for it."""


class How(TypedDict, total=False):
    """How to ask: whether this machine may be asked, how long it may take, and what stands in for
    the ways to resolve and connect. ``trust`` are the certificate authorities, by default the
    system's.
    """

    loopback: bool
    seconds: float
    resolve: Resolve
    connect: Connect
    trust: ssl.SSLContext


# Threads of its own: names that never resolve take none away from anybody else.
_resolving = ThreadPoolExecutor(4, thread_name_prefix="guarded-fetch")


class FetchFailed(Exception):
    """There is nothing to be had there; the message says why, to whoever named the place."""


class Origin(msgspec.Struct, frozen=True):
    """A host and a port, and how to speak with them. ``host`` is as in a URL, in lower case."""

    scheme: str
    host: str
    port: int

    @property
    def name(self) -> str:
        """The host without a URL's brackets."""
        return self.host.strip("[]")

    @property
    def authority(self) -> str:
        """What the Host header says."""
        return self.host if self.port == DEFAULT_PORTS[self.scheme] else f"{self.host}:{self.port}"


def read_origin(url: str, *, loopback: bool = False) -> Origin:
    """The origin that a URL names, and it may name no more. Raises InvalidUrl.

    With ``loopback`` any port is taken, and a host that is this machine.
    """
    if not url.isascii() or not url.isprintable() or len(url) > URL_LENGTH_AT_MOST:
        raise InvalidUrl(
            reason=f"at most {URL_LENGTH_AT_MOST} ASCII characters are wanted; write an "
            "international name as xn--"
        )
    found = _ORIGIN.fullmatch(url.lower())
    if found is None:
        raise InvalidUrl(reason="http:// or https:// and the name of a host are wanted, no more")
    scheme, host, port = found[1], found[2], int(found[3] or DEFAULT_PORTS[found[1]])
    if not loopback and port != DEFAULT_PORTS[scheme]:
        raise InvalidUrl(reason=f"{scheme} is spoken on port {DEFAULT_PORTS[scheme]} only")
    if not 1 <= port <= 65535:
        raise InvalidUrl(reason="there is no such port")
    if not (_is_name(host) or (loopback and _is_this_machine(host))):
        raise InvalidUrl(reason="the full name of a host is wanted, not an address")
    return Origin(scheme, host, port)


def read_page(url: str, *, loopback: bool = False) -> tuple[Origin, str]:
    """The origin that a URL names, and the path there, with its query. Raises InvalidUrl."""
    found = _PAGE.fullmatch(url)
    if found is None or len(url) > URL_LENGTH_AT_MOST:
        raise InvalidUrl(
            reason=f"http:// or https://, the name of a host and a path are wanted, in at most "
            f"{URL_LENGTH_AT_MOST} characters"
        )
    path = found[2] or "/"
    return read_origin(found[1], loopback=loopback), path if path[0] == "/" else f"/{path}"


async def fetch_text(origin: Origin, path: str, **how: Unpack[How]) -> str:
    """The text of a page, trimmed. Raises FetchFailed unless it is had, with 200, in time."""
    request = _request("GET", origin, path, {"Accept": "text/plain"})
    answer = await _asked(origin, request, **how)
    if not answer.is_whole:
        raise FetchFailed(f"the answer is longer than {BODY_BYTES_AT_MOST} bytes")
    if answer.status != 200:
        raise FetchFailed(f"it answered {answer.status}, not 200")
    return answer.body.decode("ascii", "replace").strip()


async def post(
    origin: Origin, path: str, headers: Mapping[str, str], body: bytes, **how: Unpack[How]
) -> int:
    """The status with which a place answers what it is sent; what more it says is left unread.

    Raises FetchFailed when there is no answer in time.
    """
    length = {"Content-Length": str(len(body))}
    request = _request("POST", origin, path, {**headers, **length}) + body
    return (await _asked(origin, request, **how)).status


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as this machine resolves it; none when it does not."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(
            _resolving, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError):
        return ()
    return tuple(str(address[0]) for *_, address in found)


def is_allowed(text: str, *, loopback: bool = False) -> bool:
    """Whether an address is public, judged by the IPv4 address inside it where there is one."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        if address in _NAT64:
            address = IPv4Address(int(address) & 0xFFFFFFFF)
        else:
            address = address.ipv4_mapped or address
    if address.is_loopback:
        return loopback
    if isinstance(address, IPv6Address) and (
        address not in _GLOBAL_UNICAST
        or address in _DOCUMENTATION
        # Tunnels of old, whose far end is an IPv4 address that nobody checks.
        or address.sixtofour is not None
        or address.teredo is not None
    ):
        return False
    return address.is_global and not address.is_multicast


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return (
        len(host) <= 253
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        and _NUMBER.fullmatch(labels[-1]) is None
    )


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@cache
def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Answer(NamedTuple):
    status: int
    body: bytes
    is_whole: bool


def _request(method: str, origin: Origin, path: str, headers: Mapping[str, str]) -> bytes:
    lines = {
        "Host": origin.authority,
        "User-Agent": "Tenure",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **headers,
    }
    named = "".join([f"{name}: {value}\r\n" for name, value in lines.items()])
    return f"{method} {path} HTTP/1.1\r\n{named}\r\n".encode()


async def _asked(
    origin: Origin,
    request: bytes,
    *,
    loopback: bool = False,
    seconds: float = SECONDS_AT_MOST,
    resolve: "Resolve | None" = None,
    connect: Connect = asyncio.open_connection,
    trust: ssl.SSLContext | None = None,
) -> _Answer:
    """What an origin answers to a request. Raises FetchFailed unless it does in time."""
    try:
        async with asyncio.timeout(seconds):
            addresses = await (resolve or resolved)(origin.name, origin.port)
            if not addresses or not all(is_allowed(one, loopback=loopback) for one in addresses):
                raise FetchFailed("the name does not lead to public addresses alone")
            context = (trust or _system_trust()) if origin.scheme == "https" else None
            reader, writer = await _connected(origin, addresses, context, connect)
            try:
                writer.write(request)
                return await _answer(reader)
            finally:
                # Nothing more is wanted of it, not even a farewell.
                writer.transport.abort()
    except TimeoutError:
        raise FetchFailed(f"there was no whole answer within {seconds:g} seconds") from None
    except ssl.SSLError as error:
        raise FetchFailed(f"its TLS cannot be trusted ({error.reason})") from error
    except OSError as error:
        raise FetchFailed("no connection could be made") from error
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise FetchFailed("the answer is not HTTP") from error


async def _answer(reader: asyncio.StreamReader) -> _Answer:
    """An answer as far as it is read. Raises FetchFailed when none begins."""
    page = _Page()
    parser = httptools.HttpResponseParser(page)
    received = 0
    while not page.complete and (data := await reader.read(BODY_BYTES_AT_MOST)):
        parser.feed_data(data)
        received += len(data)
        if len(page.body) > BODY_BYTES_AT_MOST or received > REPLY_BYTES_AT_MOST:
            if not page.begun:
                raise FetchFailed(f"the answer is longer than {BODY_BYTES_AT_MOST} bytes")
            return _Answer(parser.get_status_code(), bytes(page.body), is_whole=False)
    if not page.begun:
        raise FetchFailed("the connection was closed without an answer")
    return _Answer(parser.get_status_code(), bytes(page.body), is_whole=True)


async def _connected(
    origin: Origin,
    addresses: Sequence[str],
    context: ssl.SSLContext | None,
    connect: Connect,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one. Raises OSError, the last one's."""
    failure = OSError("there is no address")
    for address in addresses:
        try:
            return await connect(
                address,
                origin.port,
                ssl=context,
                server_hostname=origin.name if context else None,
                # An address as it is: nothing is resolved a second time.
                flags=socket.AI_NUMERICHOST,
            )
        except OSError as error:
            failure = error
    raise failure


class _Page:
    """Takes a reply as the parser reads it."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.begun = self.complete = False

    def on_headers_complete(self) -> None:
        self.begun = True

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete = True
