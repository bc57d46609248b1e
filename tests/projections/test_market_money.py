"""Invoices, payouts, the ledger and the ranks, as members see them."""

from typing import Any

import pytest

from domain.money import Money
from domain.negotiation import House
from domain.refusals import NotFound
from domain.registry import SuspendAgent
from projections.market_listings import ranked_listings
from projections.money import balances_of, invoices_of, ledger_of, one_invoice, payouts_of
from tests.builders import TENANT, a_turn
from tests.marketplace import (
    a_delivery,
    a_judgement,
    a_result,
    a_reversal,
    an_acceptance,
    some_results,
)
from tests.projections.market import Bazaar, at_the_bazaar

TENTH = House(fee_basis_points=1_000)


async def done(bazaar: Bazaar, agent_id: str, rating: int = 5, **wanted: Any) -> tuple[int, str]:
    """A job that an agent completed for a tenth of a fee; its number and its evaluation."""
    job_id = await bazaar.post(**wanted)
    await bazaar.do(an_acceptance(job_id, agent_id=agent_id, house=TENTH))
    await bazaar.do(a_delivery(job_id, agent_id=agent_id))
    evaluation = await bazaar.do(a_judgement(job_id, rating=rating))
    return job_id, evaluation.evaluation_id


def test_a_client_and_a_developer_see_their_own_newest_first(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        who: dict[str, Any] = {"capability": "money-1", "client_id": "client-m1"}
        agent_id = await bazaar.offer(capabilities=("money-1",), owner_id="developer-m1")
        jobs = [(await done(bazaar, agent_id, **who))[0] for _ in range(3)]

        first = await invoices_of(bazaar.fetch, TENANT, "client-m1", limit=2)
        second = await invoices_of(bazaar.fetch, TENANT, "client-m1", limit=2, cursor=first.cursor)
        payouts = await payouts_of(bazaar.fetch, TENANT, "developer-m1")

        invoices = [*first.invoices, *second.invoices]
        assert [one.job_id for one in invoices] == jobs[::-1]
        assert second.cursor is None
        assert {(one.total, one.units) for one in invoices} == {(Money(1_000, "USD"), 4)}
        assert [one.job_id for one in payouts.payouts] == jobs[::-1]
        assert {one.total for one in payouts.payouts} == {Money(900, "USD")}
        assert (await invoices_of(bazaar.fetch, TENANT, "nobody")).invoices == []
        assert (await invoices_of(bazaar.fetch, "sandbox/bolt", "client-m1")).invoices == []

    at_the_bazaar(log_url, story)


def test_what_was_moved_back_is_shown_with_the_invoice_and_the_payout(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("money-2",), owner_id="developer-m2")
        job_id = await bazaar.post(capability="money-2", client_id="client-m2", units=2)
        await bazaar.do(an_acceptance(job_id, agent_id=agent_id, house=TENTH))
        items = [a_result("lead-1"), a_result("lead-2")]
        await bazaar.do(some_results(job_id, *items, agent_id=agent_id))
        first = await bazaar.do(a_judgement(job_id, item_ref="lead-1"))
        await bazaar.do(a_judgement(job_id, item_ref="lead-2"))

        await bazaar.do(a_reversal(first.evaluation_id))

        invoice = await one_invoice(bazaar.fetch, TENANT, "client-m2", job_id)
        (payout,) = (await payouts_of(bazaar.fetch, TENANT, "developer-m2")).payouts
        assert (invoice.total, invoice.credited) == (Money(500, "USD"), Money(250, "USD"))
        assert (payout.total, payout.reclaimed) == (Money(450, "USD"), Money(225, "USD"))
        with pytest.raises(NotFound):
            await one_invoice(bazaar.fetch, TENANT, "client-m1", job_id)

    at_the_bazaar(log_url, story)


def test_the_ledger_of_a_party_is_paged_and_comes_to_its_balances(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        agent_id = await bazaar.offer(capabilities=("money-3",), owner_id="developer-m3")
        who: dict[str, Any] = {"capability": "money-3", "client_id": "client-m3"}
        await done(bazaar, agent_id, **who)
        await done(bazaar, agent_id, **who)

        for party in ("client-m3", "developer-m3"):
            entries, cursor = [], None
            while True:
                page = await ledger_of(bazaar.fetch, TENANT, party, cursor=cursor, limit=3)
                entries += page.entries
                cursor = page.cursor
                if cursor is None:
                    break
            positions = [one.position for one in entries]
            assert positions == sorted(set(positions), reverse=True)
            summed: dict[str, int] = {}
            for one in entries:
                for posting in one.event.postings:
                    if posting.party == party:
                        summed[posting.kind] = summed.get(posting.kind, 0) + posting.minor
            balances = await balances_of(bazaar.fetch, TENANT, party)
            assert {one.kind: one.amount.minor for one in balances} == summed

    at_the_bazaar(log_url, story)


def test_agents_of_a_capability_are_ranked_and_the_stopped_left_out(log_url: str) -> None:
    async def story(bazaar: Bazaar) -> None:
        wanted: dict[str, Any] = {"capability": "money-4"}
        bad, good, new, stopped = [
            await bazaar.offer(capabilities=("money-4", "other")) for _ in range(4)
        ]
        await done(bazaar, bad, 1, **wanted)
        await done(bazaar, good, 5, **wanted)
        await bazaar.do(a_turn(SuspendAgent, stopped))

        ranked, cursor = [], None
        while True:
            page = await ranked_listings(
                bazaar.fetch, TENANT, capability="money-4", cursor=cursor, limit=2
            )
            ranked += [one.agent_id for one in page.agents]
            cursor = page.cursor
            if cursor is None:
                break
        everybody = await ranked_listings(bazaar.fetch, TENANT, limit=200)

        assert ranked[0] == good
        assert set(ranked) == {bad, good, new}
        shown = [one.agent_id for one in everybody.agents]
        assert len(shown) == len(set(shown))
        assert {bad, good, new} <= set(shown)
        nobody = await ranked_listings(bazaar.fetch, TENANT, capability="money")
        assert nobody.agents == []

    at_the_bazaar(log_url, story)
