"""Who read the log: noted once a minute, stored beside the log, seen by whom it concerns."""

import asyncio
from datetime import UTC, datetime
from itertools import count

import msgspec
import pytest

from application.log_access import LogAccess
from domain.instants import Instant, instant
from domain.principal import Principal
from projections.log_access import list_access
from tests.application.running import a_worker, as_owner
from tests.builders import a_principal

ROUTE = "/v1/log"
numbers = count(1)


def a_reader() -> Principal:
    """Somebody of a partner that no other test has."""
    number = next(numbers)
    return msgspec.structs.replace(a_principal(f"reader {number}"), key_id=f"key {number}")


def stored(url: str, reader: Principal) -> list[tuple[Instant, str]]:
    return [
        (instant(minute.astimezone(UTC)), route)
        for minute, route in as_owner(
            url,
            "select minute, route from log_access where principal = %s order by minute, route",
            reader.id,
        )
    ]


def kept(url: str, *noted: tuple[Principal, str, Instant], access: LogAccess | None = None) -> None:
    """Note reads, and end before the next time to store them."""
    access = access or LogAccess()

    async def story() -> None:
        keeping = asyncio.create_task(access.keep(url))
        await asyncio.sleep(0)
        for reader, route, now in noted:
            access.note(reader, route, now)
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping

    asyncio.run(story())


def test_a_read_is_stored_with_its_minute_even_at_the_end(log_url: str) -> None:
    reader = a_reader()

    kept(log_url, (reader, ROUTE, "2026-11-22T08:00:59.999Z"))

    assert stored(log_url, reader) == [("2026-11-22T08:00:00.000Z", ROUTE)]


def test_a_minute_is_noted_once_for_each_route(log_url: str) -> None:
    reader = a_reader()
    noted = [
        (reader, ROUTE, "2026-11-22T08:00:01.000Z"),
        (reader, ROUTE, "2026-11-22T08:00:02.000Z"),
        (reader, "/v1/log/access", "2026-11-22T08:00:03.000Z"),
        (reader, ROUTE, "2026-11-22T08:01:00.000Z"),
    ]

    kept(log_url, *noted)
    kept(log_url, *noted)

    assert stored(log_url, reader) == [
        ("2026-11-22T08:00:00.000Z", ROUTE),
        ("2026-11-22T08:00:00.000Z", "/v1/log/access"),
        ("2026-11-22T08:01:00.000Z", ROUTE),
    ]


def test_what_could_not_be_stored_is_stored_later(log_url: str) -> None:
    reader, access = a_reader(), LogAccess()
    kept("host=/nowhere", (reader, ROUTE, "2026-11-22T08:00:00.000Z"), access=access)

    kept(log_url, access=access)

    assert stored(log_url, reader) == [("2026-11-22T08:00:00.000Z", ROUTE)]


def test_each_sees_its_own_tenant_s_reads_and_who_is_of_none_all(log_url: str) -> None:
    one, other = a_reader(), a_reader()
    now = instant(datetime.now(UTC))
    kept(log_url, (one, ROUTE, now), (other, ROUTE, now))

    async def story() -> list[set[str]]:
        async with a_worker(log_url) as worker:
            of_one = await list_access(worker.fetch_for(one), one.tenant)
            of_all = await list_access(worker.across_for(one), None)
            # The policy of the database holds whatever a statement asks.
            of_all_as_one = await list_access(worker.fetch_for(one), None)
            return [
                {read.principal for read in page.reads} for page in (of_one, of_all, of_all_as_one)
            ]

    of_one, of_all, of_all_as_one = asyncio.run(story())

    assert of_one == of_all_as_one == {one.id}
    assert {one.id, other.id} <= of_all
