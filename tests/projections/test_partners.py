"""The questions about partners: who they are, and when their keys were used."""

import asyncio

import pytest

from domain.partner import Partner
from domain.refusals import NotFound
from projections.partners import AskPartner, keys_in_use
from tests.application.running import a_worker, as_owner
from tests.builders import History, a_principal, an_approval


def test_a_partner_is_found_by_its_id() -> None:
    history = History(an_approval("acme", name="Acme"))

    partner: Partner = history.do(AskPartner("acme"))

    assert partner.name == "Acme"


def test_an_unknown_partner_is_not_found() -> None:
    with pytest.raises(NotFound):
        History(an_approval("acme")).do(AskPartner("bolt"))


def test_the_keys_that_were_used_are_told_with_when(log_url: str) -> None:
    as_owner(log_url, "insert into key_use values ('used', '2026-11-22 08:00:00.123+00')")

    async def story() -> dict[str, str]:
        async with a_worker(log_url) as worker:
            return await keys_in_use(worker.fetch_for(a_principal()), ["used", "never used"])

    assert asyncio.run(story()) == {"used": "2026-11-22T08:00:00.123Z"}


def test_no_keys_are_no_uses(log_url: str) -> None:
    async def story() -> dict[str, str]:
        async with a_worker(log_url) as worker:
            return await keys_in_use(worker.fetch_for(a_principal()), [])

    assert asyncio.run(story()) == {}
