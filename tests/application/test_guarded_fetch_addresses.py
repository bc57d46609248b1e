"""The guarded fetch: a name is resolved once, and followed to public addresses alone."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from application.guarded_fetch import FetchFailed, fetch_text, is_allowed, read_origin, resolved
from tests.application.listening import PATH, PUBLIC, listening, resolving_to
from tests.interfaces.serving import NO_HOST

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
    assert asyncio.run(resolved(NO_HOST, 80)) == ()
