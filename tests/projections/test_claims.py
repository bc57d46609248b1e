"""The list of claims: those that a partner filed, or all against a person, linked partners' too."""

import asyncio
from contextlib import suppress
from random import Random
from typing import Any, get_args

import psycopg
import pytest

from application.log.connections import options
from domain.claim import Status, Verdict
from domain.command import Command
from domain.refusals import InvalidCursor, Refusal
from projections.catalogue import INLINE
from projections.claims import STATEMENT, ClaimsPage, ShownClaim, list_claims
from projections.cursors import write_cursor
from projections.engine.replay import Replay
from tests.application.running import Clock, Worker, a_worker, as_owner
from tests.benchmarks.explain import Prepared
from tests.builders import (
    a_claim,
    a_contest,
    a_leave,
    a_lookup,
    a_principal,
    a_redemption,
    a_settlement,
    an_approval,
    an_erasure,
    an_offer,
)

REPLAY = Replay(INLINE)
STATUSES: tuple[Status, ...] = get_args(Status)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
PEOPLE = ("alice", "bob")
FEW, MANY = 20, 4_000
PAGES_MORE_AT_MOST = 12


async def filed(worker: Worker, partner: str, *people: str) -> list[str]:
    """File a claim against each of some people, one after the other; their ids."""
    who = a_principal(partner)
    return [
        (await worker.do(a_claim(person, tenant=who.tenant), who)).claim_id for person in people
    ]


async def linked(worker: Worker, first: str, second: str, person: str = "alice") -> None:
    """Join a person of one partner's and of another's."""
    await worker.do(an_offer(person, tenant=a_principal(first).tenant), a_principal(first))
    await worker.do(a_redemption(person, tenant=a_principal(second).tenant), a_principal(second))


async def listed(worker: Worker, partner: str, **filters: Any) -> ClaimsPage:
    who = a_principal(partner)
    if "person" in filters:
        filters["lookup"] = a_lookup(filters.pop("person"), who.tenant)
    return await list_claims(worker.across_for(who), who.tenant, **filters)


async def listed_then(
    worker: Worker, partner: str, person: str, position: int, **filters: Any
) -> ClaimsPage:
    past = await REPLAY.at(str(position), worker.across_for(a_principal(partner)))
    return await listed(worker, partner, person=person, past=past, **filters)


def ids(page: ClaimsPage) -> list[str]:
    return [shown.claim_id for shown in page.claims]


# Whose claims


def test_a_partner_lists_the_claims_that_it_filed_and_no_others(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            own = await filed(worker, "own", "alice", "bob")
            await filed(worker, "not-own", "alice")
            assert set(ids(await listed(worker, "own"))) == set(own)

    asyncio.run(story())


def test_the_list_of_a_person_has_the_claims_of_the_linked_and_of_nobody_else(
    log_url: str,
) -> None:
    async def story() -> tuple[ClaimsPage, list[str]]:
        async with a_worker(log_url) as worker:
            for partner in ("linked-1", "linked-2", "stranger"):
                await worker.do(an_approval(partner, name=f"{partner} Ltd"))
            await linked(worker, "linked-1", "linked-2")
            own = await filed(worker, "linked-1", "alice")
            theirs = await filed(worker, "linked-2", "alice")
            await filed(worker, "linked-2", "bob")
            await filed(worker, "stranger", "alice")
            return await listed(worker, "linked-1", person="alice"), theirs + own

    page, expected = asyncio.run(story())

    assert set(ids(page)) == set(expected)
    assert {shown.issuer for shown in page.claims} == {None, "linked-2 Ltd"}


def test_a_partner_whose_name_is_not_known_is_another_all_the_same(log_url: str) -> None:
    async def story() -> ClaimsPage:
        async with a_worker(log_url) as worker:
            await linked(worker, "nameless-1", "nameless-2")
            await filed(worker, "nameless-2", "alice")
            return await listed(worker, "nameless-1", person="alice")

    assert [shown.issuer for shown in asyncio.run(story()).claims] == [""]


def test_whoever_leaves_sees_its_own_claims_alone_at_once(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await linked(worker, "stays", "leaves")
            await linked(worker, "stays", "stays-too")
            by = {
                partner: await filed(worker, partner, "alice")
                for partner in ("stays", "leaves", "stays-too")
            }
            who = a_principal("leaves")
            await worker.do(a_leave("alice", tenant=who.tenant), who)
            assert ids(await listed(worker, "leaves", person="alice")) == by["leaves"]
            for partner in ("stays", "stays-too"):
                seen = ids(await listed(worker, partner, person="alice"))
                assert set(seen) == {*by["stays"], *by["stays-too"]}

    asyncio.run(story())


def test_nobody_known_and_somebody_erased_have_no_claims(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            who = a_principal("erases")
            await filed(worker, "erases", "alice")
            await worker.do(an_erasure("alice", tenant=who.tenant), who)
            for person in ("alice", "nobody"):
                assert await listed(worker, "erases", person=person) == ClaimsPage([], None)

    asyncio.run(story())


# Pages


@pytest.mark.parametrize("filters", [{}, {"person": "alice"}])
def test_a_page_misses_and_repeats_nothing_while_claims_come_and_move(
    log_url: str, filters: dict[str, str]
) -> None:
    partner, clock = f"paged{len(filters)}", Clock(log_url)

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            await linked(worker, partner, f"{partner}-other")
            there = await filed(worker, partner, *["alice"] * 6)
            clock.goes_on(minutes=1)
            there += await filed(worker, partner, *["alice"] * 3)
            moving = iter(there)
            seen: list[ShownClaim] = []
            cursor: str | None = None
            for _ in range(5):
                page = await listed(worker, partner, cursor=cursor, limit=2, **filters)
                seen += page.claims
                cursor = page.cursor
                clock.goes_on(minutes=1)
                await filed(worker, partner, "alice")
                await worker.do(a_contest(next(moving), tenant=a_principal(partner).tenant))
            assert cursor is None
            assert sorted(shown.claim_id for shown in seen) == sorted(there)
            assert [shown.claim.filed_at for shown in seen] == sorted(
                (shown.claim.filed_at for shown in seen), reverse=True
            )

    asyncio.run(story())


@pytest.mark.parametrize("cursor", ["", "?", write_cursor("one part")])
def test_a_cursor_that_was_never_given_is_refused(log_url: str, cursor: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            with pytest.raises(InvalidCursor):
                await listed(worker, "cursors", cursor=cursor)
            with pytest.raises(InvalidCursor):
                await listed_then(worker, "cursors", "alice", 1, cursor=cursor)

    asyncio.run(story())


# The past


def something(partners: list[str], claims: list[str], chance: Random) -> tuple[Command[Any], str]:
    """Anything that changes what lists of claims say, and the partner who does it."""
    partner, person = chance.choice(partners), chance.choice(PEOPLE)
    tenant, claim_id = a_principal(partner).tenant, chance.choice(claims)
    happening: list[Command[Any]] = [
        *(a_claim(person, tenant=tenant) for _ in range(3)),
        a_contest(claim_id, tenant=tenant),
        a_settlement(claim_id, chance.choice(VERDICTS), tenant=tenant),
        *(an_offer(person, tenant=tenant, code=person) for _ in range(3)),
        *(a_redemption(person, tenant=tenant, code=chance.choice(PEOPLE)) for _ in range(3)),
        a_leave(person, tenant=tenant),
    ]
    return chance.choice(happening), partner


@pytest.mark.parametrize("seed", range(4))
def test_the_list_of_a_person_says_of_then_what_it_said_then(log_url: str, seed: int) -> None:
    chance = Random(seed)
    partners = [f"then-{seed}-{number}" for number in range(3)]

    async def story() -> int:
        async with a_worker(log_url) as worker:
            for partner in partners:
                await worker.do(an_approval(partner, name=f"{partner} Ltd"))
            claims = await filed(worker, partners[0], *PEOPLE)
            said: list[tuple[tuple[Any, ...], dict[str, Any], ClaimsPage]] = []
            for _ in range(60):
                command, partner = something(partners, claims, chance)
                with suppress(Refusal):
                    reply = await worker.do(command, a_principal(partner))
                    claims += [reply.claim_id] if hasattr(reply, "claim_id") else []
                partner, person = chance.choice(partners), chance.choice(PEOPLE)
                filters: dict[str, Any] = {
                    "status": chance.choice([None, None, *STATUSES]),
                    "limit": chance.randint(1, 4),
                }
                while True:
                    page = await listed(worker, partner, person=person, **filters)
                    asked = (partner, person, worker.committer.head.position)
                    said.append((asked, dict(filters), page))
                    filters["cursor"] = page.cursor
                    if page.cursor is None:
                        break
            for asked, filters, page in said:
                assert await listed_then(worker, *asked, **filters) == page, asked
            return sum(
                any(shown.issuer is not None for shown in page.claims) for _, _, page in said
            )

    assert asyncio.run(story()) > 0


# What a page costs


def with_many_like_it(url: str, claim_id: str, number: int) -> None:
    """So many rows beside that of a claim, a minute between them, one in a thousand withdrawn."""
    as_owner(
        url,
        """
        insert into state
        select fold, key || number, version, position, (row::jsonb || jsonb_build_object(
            'filed_at', to_char(
                timestamp '2500-01-01' + number * interval '1 minute',
                'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
            ),
            'status', case when number %% 1000 = 7 then 'WITHDRAWN' else 'OPEN' end
        ))::json
        from state
        cross join generate_series(1, %s) as number
        where fold = 'claim' and key = %s
        on conflict do nothing
        """,
        number,
        claim_id,
    )


@pytest.mark.parametrize("of_a_person", [False, True])
@pytest.mark.parametrize("statuses", [STATUSES, ("WITHDRAWN",)])
@pytest.mark.parametrize("filed_at", ["9999", "2500-01-01T00:15:00.000Z"])
def test_a_page_costs_the_same_however_many_claims_there_are(
    log_url: str, of_a_person: bool, statuses: tuple[Status, ...], filed_at: str
) -> None:
    partner = f"costs-{of_a_person}-{len(statuses)}-{len(filed_at)}"
    who = a_principal(partner)

    async def story() -> list[str]:
        async with a_worker(log_url) as worker:
            return await filed(worker, partner, "alice")

    (claim_id,) = asyncio.run(story())
    asked = {
        "tenant": who.tenant,
        "lookup": a_lookup("alice", who.tenant) if of_a_person else None,
        "entities": None,
        "statuses": list(statuses),
        "filed_at": filed_at,
        "key": "~",
        "limit": "6",
    }
    touched = []
    with psycopg.connect(log_url, options=options("tenure_writer"), autocommit=True) as connection:
        page = Prepared(connection, "claims", STATEMENT)
        for number in (FEW, MANY):
            with_many_like_it(log_url, claim_id, number)
            page.explain(asked)
            touched.append(page.explain(asked).total.touched)

    assert touched[1] <= touched[0] + PAGES_MORE_AT_MOST
