"""Guarded fetch: a page that a stranger names, read without being led to where it must not go.

A server that opens what it is told to can be told to open what only it can reach. So nothing is
taken but a plain name of a host: no address in disguise, no credentials, no port of one's own. The
name is resolved once, every address it has must be public, and the connection goes to one of those
very addresses. No redirect is followed; time and size are bounded.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httptools
import msgspec

from domain.refusals import InvalidUrl

SECONDS_AT_MOST = 5.0
BODY_BYTES_AT_MOST = 4096
REPLY_BYTES_AT_MOST = 4 * BODY_BYTES_AT_MOST
URL_LENGTH_AT_MOST = 300
DEFAULT_PORTS = {"http": 80, "https": 443}

_ORIGIN = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?/?", re.ASCII)
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


async def fetch_text(
    origin: Origin,
    path: str,
    *,
    loopback: bool = False,
    seconds: float = SECONDS_AT_MOST,
    resolve: "Resolve | None" = None,
    connect: Connect = asyncio.open_connection,
    trust: ssl.SSLContext | None = None,
) -> str:
    """The text of a page, trimmed. Raises FetchFailed unless it is had, with 200, in time.

    ``trust`` are the certificate authorities, by default the system's.
    """
    try:
        async with asyncio.timeout(seconds):
            addresses = await (resolve or resolved)(origin.name, origin.port)
            if not addresses or not all(is_allowed(one, loopback=loopback) for one in addresses):
                raise FetchFailed("the name does not lead to public addresses alone")
            context = (trust or _system_trust()) if origin.scheme == "https" else None
            reader, writer = await _connected(origin, addresses, context, connect)
            return await _got(origin, path, reader, writer)
    except TimeoutError:
        raise FetchFailed(f"there was no whole answer within {seconds:g} seconds") from None
    except ssl.SSLError as error:
        raise FetchFailed(f"its TLS cannot be trusted ({error.reason})") from error
    except OSError as error:
        raise FetchFailed("no connection could be made") from error
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise FetchFailed("the answer is not HTTP") from error


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


async def _got(
    origin: Origin, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> str:
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {origin.authority}\r\nUser-Agent: Tenure\r\n"
            "Accept: text/plain\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n".encode()
        )
        page = _Page()
        parser = httptools.HttpResponseParser(page)
        received = 0
        while not page.complete and (data := await reader.read(BODY_BYTES_AT_MOST)):
            parser.feed_data(data)
            received += len(data)
            if len(page.body) > BODY_BYTES_AT_MOST or received > REPLY_BYTES_AT_MOST:
                raise FetchFailed(f"the answer is longer than {BODY_BYTES_AT_MOST} bytes")
        if not page.begun:
            raise FetchFailed("the connection was closed without an answer")
        if parser.get_status_code() != 200:
            raise FetchFailed(f"it answered {parser.get_status_code()}, not 200")
    finally:
        # Nothing more is wanted of it, not even a farewell.
        writer.transport.abort()
    return page.body.decode("ascii", "replace").strip()


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
