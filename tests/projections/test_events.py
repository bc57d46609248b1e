"""The list of events: a partner's own, newest first, in pages that miss and repeat nothing."""

import asyncio
from typing import Any

import pytest

from application.log.submission import Submission
from domain.instants import Instant
from domain.refusals import InvalidCursor
from projections.cursors import write_cursor
from projections.events import Page, list_events
from tests.application.running import Clock, Worker, a_worker
from tests.builders import (
    a_lookup,
    a_participation,
    a_principal,
    an_approval,
    an_erasure,
    an_evaluation,
)


async def reported(
    worker: Worker, partner: str, *people: str, kind: str = "gig.completed"
) -> list[int]:
    """Report an event of each of some people, one after the other; their positions."""
    who = a_principal(partner)
    return [
        (await worker.do(a_participation(person, tenant=who.tenant, kind=kind), who)).position
        for person in people
    ]


async def listed(worker: Worker, partner: str, **filters: Any) -> Page:
    who = a_principal(partner)
    if "person" in filters:
        filters["lookup"] = a_lookup(filters.pop("person"), who.tenant)
    return await list_events(worker.fetch_for(who), who.tenant, **filters)


async def pages(worker: Worker, partner: str, **filters: Any) -> list[list[int]]:
    """The positions on every page, to the last."""
    found, cursor = [], None
    while True:
        page = await listed(worker, partner, cursor=cursor, **filters)
        found.append([event.position for event in page.events])
        cursor = page.cursor
        if cursor is None:
            return found


# Pages


def test_events_are_listed_newest_first(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            positions = await reported(worker, "newest", "alice", "bob", "alice")
            assert await pages(worker, "newest") == [positions[::-1]]

    asyncio.run(story())


def test_an_event_is_listed_as_it_was_recorded(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            who = a_principal("as-recorded")
            done = await worker.do(
                a_participation("alice", tenant=who.tenant, weight=2.5, actor_type="AGENT"), who
            )
            page = await listed(worker, "as-recorded")
            assert page.events == [done]

    asyncio.run(story())


def test_a_partner_without_events_has_one_empty_page(log_url: str) -> None:
    async def story() -> Page:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("empty"))
            return await listed(worker, "empty")

    assert asyncio.run(story()) == Page([], None)


@pytest.mark.parametrize(
    ("number", "limit", "sizes"),
    [(5, 2, [2, 2, 1]), (4, 2, [2, 2]), (3, 3, [3]), (3, 4, [3]), (3, 1, [1, 1, 1])],
)
@pytest.mark.parametrize("filtered", [{}, {"person": "alice"}, {"kind": "gig.completed"}])
def test_pages_are_full_but_the_last_and_tell_when_there_is_no_more(
    log_url: str, number: int, limit: int, sizes: list[int], filtered: dict[str, str]
) -> None:
    partner = f"pages-{number}-{limit}-{len(filtered)}{''.join(filtered)}"

    async def story() -> None:
        async with a_worker(log_url) as worker:
            positions = await reported(worker, partner, *["alice"] * number)
            found = await pages(worker, partner, limit=limit, **filtered)
            assert [len(page) for page in found] == sizes
            assert [position for page in found for position in page] == positions[::-1]

    asyncio.run(story())


def test_pages_miss_and_repeat_nothing_while_events_arrive(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            old = await reported(worker, "arriving", *["alice", "bob"] * 6)
            seen: list[int] = []
            cursor = None
            while True:
                page = await listed(worker, "arriving", limit=3, cursor=cursor)
                seen += [event.position for event in page.events]
                cursor = page.cursor
                if cursor is None:
                    break
                await reported(worker, "arriving", "alice", "carol")
            assert seen == old[::-1]

    asyncio.run(story())


def test_a_filter_holds_on_every_page(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            positions = []
            for _ in range(4):
                await reported(worker, "every-page", "bob", kind="gig.started")
                positions += await reported(worker, "every-page", "alice")
            by_person = await pages(worker, "every-page", limit=3, person="alice")
            by_kind = await pages(worker, "every-page", limit=3, kind="gig.completed")
            assert by_person == by_kind == [positions[:0:-1], positions[:1]]

    asyncio.run(story())


# Filters


def test_the_events_of_one_person_are_listed(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            first, _, third = await reported(worker, "person", "alice", "bob", "alice")
            assert await pages(worker, "person", person="alice") == [[third, first]]
            assert await pages(worker, "person", person="nobody") == [[]]

    asyncio.run(story())


def test_the_events_of_one_type_are_listed(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            (started,) = await reported(worker, "type", "alice", kind="gig.started")
            (completed,) = await reported(worker, "type", "alice", kind="gig.completed")
            assert await pages(worker, "type", kind="gig.started") == [[started]]
            assert await pages(worker, "type", kind="gig.completed") == [[completed]]
            assert await pages(worker, "type", kind="no.such_type") == [[]]

    asyncio.run(story())


def test_the_events_of_one_type_of_one_person_are_listed(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            (wanted,) = await reported(worker, "both", "alice", kind="gig.started")
            await reported(worker, "both", "alice", kind="gig.completed")
            await reported(worker, "both", "bob", kind="gig.started")
            found = await pages(worker, "both", person="alice", kind="gig.started")
            assert found == [[wanted]]

    asyncio.run(story())


@pytest.mark.parametrize("filtered", [{}, {"person": "alice"}, {"kind": "gig.completed"}])
def test_since_and_until_bound_the_time_of_recording_both_included(
    log_url: str, filtered: dict[str, str]
) -> None:
    partner = "times-" + "".join(filtered)
    clock = Clock(log_url)
    moments = [clock.goes_on(minutes=1) for _ in range(3)]

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            positions = []
            for clock.now in moments:
                positions += await reported(worker, partner, "alice")
            first, second, third = positions

            async def between(since: Instant | None, until: Instant | None) -> list[int]:
                (found,) = await pages(worker, partner, since=since, until=until, **filtered)
                return found

            assert await between(None, None) == [third, second, first]
            assert await between(moments[0], moments[2]) == [third, second, first]
            assert await between(moments[1], None) == [third, second]
            assert await between(None, moments[1]) == [second, first]
            assert await between(moments[1], moments[1]) == [second]
            assert await between(moments[2], moments[0]) == []
            assert await between("9999-01-01T00:00:00.000Z", None) == []
            assert await between(None, "1999-01-01T00:00:00.000Z") == []

    asyncio.run(story())


def test_an_event_is_found_by_when_it_was_recorded_and_not_by_when_it_occurred(
    log_url: str,
) -> None:
    clock = Clock(log_url)
    occurred_at = clock.now
    recorded_at = clock.goes_on(days=20)

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            who = a_principal("recorded")
            await worker.do(a_participation(tenant=who.tenant, occurred_at=occurred_at), who)
            assert await pages(worker, "recorded", until=occurred_at) == [[]]
            assert len((await listed(worker, "recorded", since=recorded_at)).events) == 1

    asyncio.run(story())


def test_what_is_no_event_is_not_listed(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            who = a_principal("no-event")
            await worker.do(an_approval("no-event"))
            positions = await reported(worker, "no-event", "alice", "bob")
            await worker.do(an_evaluation("alice", tenant=who.tenant), who)
            await worker.do(an_erasure("bob", tenant=who.tenant), who)
            assert await pages(worker, "no-event") == [positions[::-1]]

    asyncio.run(story())


def test_the_events_of_somebody_erased_are_listed_but_not_by_who_it_was(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            who = a_principal("forgotten")
            positions = await reported(worker, "forgotten", "alice", "alice")
            await worker.do(an_erasure("alice", tenant=who.tenant), who)
            assert await pages(worker, "forgotten", person="alice") == [[]]
            assert await pages(worker, "forgotten") == [positions[::-1]]

    asyncio.run(story())


# Other tenants


def test_another_tenants_events_are_not_listed(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await reported(worker, "theirs", "alice", "bob")
            assert await pages(worker, "ours") == [[]]

    asyncio.run(story())


def test_asking_in_the_name_of_another_tenant_finds_nothing(log_url: str) -> None:
    async def story() -> list[int]:
        async with a_worker(log_url) as worker:
            await reported(worker, "named", "alice")
            as_us = worker.fetch_for(a_principal("us"))
            name = a_principal("named").tenant
            found = [
                await list_events(as_us, name),
                await list_events(as_us, name, kind="gig.completed"),
                await list_events(as_us, name, lookup=a_lookup("alice", name)),
            ]
            return [len(page.events) for page in found]

    assert asyncio.run(story()) == [0, 0, 0]


def test_a_cursor_of_another_tenant_shows_only_ones_own(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            (mine,) = await reported(worker, "cursor-mine", "alice")
            await reported(worker, "cursor-theirs", "alice", "bob")
            theirs = await listed(worker, "cursor-theirs", limit=1)
            found = await pages(worker, "cursor-mine")
            assert found == [[mine]]
            page = await listed(worker, "cursor-mine", cursor=theirs.cursor)
            assert [event.position for event in page.events] == [mine]

    asyncio.run(story())


def test_one_batch_of_two_tenants_is_listed_to_each_its_own(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            here, there = a_principal("batch-here"), a_principal("batch-there")
            await worker.together(
                *(
                    Submission(a_participation("alice", tenant=who.tenant), who)
                    for who in (here, there, here)
                )
            )
            head = worker.committer.head.position
            assert await pages(worker, "batch-here") == [[head, head - 2]]
            assert await pages(worker, "batch-there") == [[head - 1]]

    asyncio.run(story())


# Cursors


@pytest.mark.parametrize(
    "cursor",
    [
        "forged",
        "",
        write_cursor("-1"),
        write_cursor("+7"),
        write_cursor("7 "),
        write_cursor("1e3"),
        write_cursor("x"),
        write_cursor(""),
        write_cursor("1" * 19),
        write_cursor("7", "8"),
    ],
)
def test_a_cursor_that_the_list_never_gave_is_refused(log_url: str, cursor: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            with pytest.raises(InvalidCursor):
                await listed(worker, "forged", cursor=cursor)

    asyncio.run(story())
