"""The log from a position on: pages that are bounded, whoever's entries and whichever types."""

import asyncio
from typing import Any

import pytest

from domain.entity import Participated
from domain.policy import Decided
from domain.refusals import UnknownStoredName
from projections.log import Page, read_log, stored_names_of
from tests.application.running import a_worker, head_of, log_of
from tests.builders import a_participation, a_principal, an_approval, an_evaluation, an_issued_key
from tests.projections.test_tables import happens

DECIDED, PARTICIPATED = Decided.stored_name, Participated.stored_name


def read(url: str, tenant: str | None, **bounds: Any) -> list[Page]:
    """All pages, one after the other."""
    asked: dict[str, Any] = {"after": 0, "limit": 10, **bounds}

    async def story() -> list[Page]:
        async with a_worker(url) as worker:
            who = a_principal(tenant.partition("/")[2] if tenant else "nobody")
            fetch = worker.fetch_for(who) if tenant else worker.across_for(who)
            pages = [await read_log(fetch, tenant, **asked)]
            while pages[-1].has_more:
                asked["after"] = pages[-1].position
                pages.append(await read_log(fetch, tenant, **asked))
            return pages

    return asyncio.run(story())


def positions(pages: list[Page]) -> list[int]:
    return [entry.position for page in pages for entry in page.entries]


@pytest.fixture(scope="module")
def url(log_url: str) -> str:
    for seed in range(3):
        happens(log_url, seed)
    return log_url


@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_pages_are_the_whole_log_in_order(url: str, limit: int) -> None:
    assert positions(read(url, None, limit=limit)) == list(range(1, head_of(url) + 1))


@pytest.mark.parametrize("limit", [1, 7, 1_000])
def test_a_tenant_s_pages_are_its_entries_in_order(url: str, limit: int) -> None:
    tenant = "sandbox/partner-1"

    own = [position for position, entry in log_of(url) if entry.tenant == tenant]
    assert positions(read(url, tenant, limit=limit)) == own
    assert len(own) > 20


@pytest.mark.parametrize("tenant", [None, "sandbox/partner-1"])
@pytest.mark.parametrize("examined", [1, 3, 1_000])
def test_pages_of_some_types_miss_none_however_few_are_examined(
    url: str, tenant: str | None, examined: int
) -> None:
    wanted = [DECIDED, "claim.filed.v1"]

    pages = read(url, tenant, types=wanted, examined=examined, limit=1)

    assert positions(pages) == [
        position
        for position, entry in log_of(url)
        if entry.type in wanted and tenant in (None, entry.tenant)
    ]


def test_a_page_looks_at_a_bounded_number_and_may_find_none(log_url: str) -> None:
    who = a_principal("rare")

    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("rare", key=an_issued_key("rare")))
            for _ in range(9):
                await worker.do(a_participation("rare", tenant=who.tenant), who)
            await worker.do(an_evaluation("rare", tenant=who.tenant), who)

    asyncio.run(story())

    pages = read(log_url, who.tenant, types=[DECIDED], examined=4, limit=4)

    assert [len(page.entries) for page in pages] == [0, 0, 1]


def test_nothing_is_read_beyond_a_position(url: str) -> None:
    pages = read(url, None, until=15, limit=4)

    assert positions(pages) == list(range(1, 16))
    assert {page.end for page in pages} == {15}


def test_names_and_beginnings_stand_for_stored_names() -> None:
    assert stored_names_of(PARTICIPATED) == [PARTICIPATED]
    assert stored_names_of("entity.*") == [PARTICIPATED, "entity.erased.v1"]
    assert set(stored_names_of("policy.decided.*,auditor.*")) >= {DECIDED, "auditor.created.v1"}


@pytest.mark.parametrize("types", ["", "entity", "entity*", "*", "entity.*,", "ENTITY.*"])
def test_what_stands_for_nothing_is_refused(types: str) -> None:
    with pytest.raises(UnknownStoredName):
        stored_names_of(types)
