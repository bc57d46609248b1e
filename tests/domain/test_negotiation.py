"""Negotiation: the first that accepts has the job, and what it may come to is held."""

from typing import Any

import pytest

from domain.action import Action
from domain.instants import shifted
from domain.ledger import SPENT
from domain.negotiation import House
from domain.policy import Decided
from domain.refusals import (
    AgentSuspended,
    InvalidJobState,
    InvalidValue,
    JobNotOffered,
    NotFound,
    OfferAlreadyAccepted,
    OfferClosed,
    PolicyRefused,
    PriceAboveBudget,
    SpendCapExceeded,
    TooManyEngagements,
    Unauthenticated,
)
from domain.registry import RevokeAgent, SuspendAgent
from domain.work import COUNTER_OFFER, IN_HAND
from tests.builders import NOW, a_claim, a_turn, an_action_set, days_ago
from tests.marketplace import (
    AGENT,
    CLIENT,
    Market,
    a_cancellation,
    a_counter_offer,
    a_decline,
    a_job,
    a_listing,
    a_price,
    a_refusal_of,
    a_spend_cap,
    a_taking,
    an_acceptance,
)

TOMORROW = days_ago(-1)
SECOND = "agent-2"


def two_agents() -> Market:
    return Market(a_listing(AGENT), a_listing(SECOND))


# Accepting


def test_an_agent_that_accepts_has_the_job_at_its_price() -> None:
    market = Market()
    job_id = market.posted()

    reply = market.do(an_acceptance(job_id, price=a_price("2.75")))

    assert (reply.job_id, reply.job.status, reply.job.agent_id) == (job_id, "REQUESTED", AGENT)
    assert reply.job == market.job(job_id)
    assert reply.job.engagement is not None
    assert reply.job.engagement.terms.price == a_price("2.75")


def test_without_a_price_it_is_the_listed_one() -> None:
    market = Market()

    job = market.job(market.accepted())

    assert job.engagement is not None
    assert job.engagement.terms.price == a_price("2.50")


def test_the_first_acceptance_wins() -> None:
    market = two_agents()
    job_id = market.accepted()

    for agent_id in (SECOND, AGENT):
        with pytest.raises(OfferAlreadyAccepted, match=r"^offer already accepted$"):
            market.do(an_acceptance(job_id, agent_id=agent_id))


def test_a_price_above_the_budget_is_refused_and_names_the_field() -> None:
    market = Market()
    job_id = market.posted(a_job(budget=a_price("2")))

    with pytest.raises(PriceAboveBudget) as refused:
        market.do(an_acceptance(job_id))

    assert refused.value.facts["field"] == "price_per_unit"
    assert str(refused.value) == "price_per_unit must be at most the budget of 2.00 USD"


def test_a_price_in_another_currency_is_refused() -> None:
    market = Market(a_listing(price=a_price("2", "EUR")))

    with pytest.raises(InvalidValue):
        market.do(an_acceptance(market.posted()))


def test_an_agent_without_the_capability_is_not_offered_the_job() -> None:
    market = Market(a_listing(capabilities=("chat",)))
    job_id = market.posted()

    for command in (an_acceptance(job_id), a_counter_offer(job_id)):
        with pytest.raises(JobNotOffered):
            market.do(command)


def test_a_job_that_is_over_or_of_another_tenant_cannot_be_accepted() -> None:
    market = Market()
    cancelled, late = market.posted(), market.posted(a_job(deadline=TOMORROW))
    market.do(a_cancellation(cancelled))

    with pytest.raises(InvalidJobState, match="CANCELLED"):
        market.do(an_acceptance(cancelled))
    with pytest.raises(InvalidJobState, match="EXPIRED"):
        market.do(an_acceptance(late), TOMORROW)
    with pytest.raises(NotFound):
        market.do(an_acceptance(4_711))


@pytest.mark.parametrize(
    ("turn", "refusal"), [(SuspendAgent, AgentSuspended), (RevokeAgent, Unauthenticated)]
)
def test_an_agent_that_is_stopped_accepts_nothing(turn: Any, refusal: type[Exception]) -> None:
    market = Market()
    job_id = market.posted()
    market.do(a_turn(turn, AGENT))

    for command in (an_acceptance(job_id), a_counter_offer(job_id), a_decline(job_id)):
        with pytest.raises(refusal):
            market.do(command)


@pytest.mark.parametrize(
    ("eta", "sla", "deadline", "due_at"),
    [
        (None, None, None, None),
        (60, None, None, shifted(NOW, seconds=60)),
        (None, 90, None, shifted(NOW, seconds=90)),
        (60, 90, None, shifted(NOW, seconds=60)),
        (None, None, TOMORROW, TOMORROW),
        (60, None, TOMORROW, shifted(NOW, seconds=60)),
        (2 * 86_400, None, TOMORROW, TOMORROW),
    ],
)
def test_work_is_due_by_the_eta_or_the_listing_and_never_after_the_deadline(
    eta: int | None, sla: int | None, deadline: str | None, due_at: str | None
) -> None:
    market = Market(a_listing(sla_max_seconds=sla))

    job = market.job(market.accepted(a_job(deadline=deadline), eta_seconds=eta))

    assert job.engagement is not None
    assert job.engagement.terms.due_at == due_at


def test_an_eta_of_more_than_a_year_is_refused() -> None:
    market = Market()

    with pytest.raises(InvalidValue, match=r"^eta "):
        market.accepted(eta_seconds=10**9)


def test_an_agent_has_in_hand_what_it_accepted() -> None:
    market = Market()

    jobs = {market.accepted(), market.accepted()}

    known = market.known()
    known.rows[IN_HAND.name + "*", f"{AGENT}/"] = known.row(IN_HAND.name, f"{AGENT}/")
    assert {one.job for one in known.within(IN_HAND, f"{AGENT}/")} == jobs


# What is held


def test_what_the_job_may_come_to_is_held_however_it_will_be_parted() -> None:
    market = Market()

    market.accepted(a_job(units=3), price=a_price("0.015"))

    assert market.balance((CLIENT, "held")) == 3 * 2


def test_a_spend_cap_is_never_exceeded() -> None:
    market = Market()
    market.do(a_spend_cap(1_999))
    first, second = market.posted(), market.posted()

    market.do(an_acceptance(first))
    with pytest.raises(SpendCapExceeded) as refused:
        market.do(an_acceptance(second))

    assert str(refused.value) == "The client may spend 19.99 USD; this would make it 20.00."
    assert sum(market.balance((CLIENT, kind)) for kind in SPENT) == 1_000


def test_a_cap_in_another_currency_is_no_bound() -> None:
    market = Market()
    market.do(a_spend_cap(0, currency="JPY"))

    assert market.job(market.accepted()).status == "REQUESTED"


# The gate


def test_the_policy_may_be_asked_and_its_decision_is_recorded() -> None:
    market = Market()
    market.do(an_action_set("job.accept"))
    allowed = an_action_set("profile.update")
    job_id = market.posted()

    with pytest.raises(PolicyRefused, match="The policy says"):
        market.do(an_acceptance(job_id, house=House(gate="job.accept")))
    command = an_acceptance(job_id, house=House(gate="profile.update"))
    market.do(command)

    (decided,) = [one for one in market.entries if isinstance(one.data, Decided)]
    assert isinstance(decided.data, Decided)
    assert decided.id == command.decision_id
    assert (decided.data.agent_id, decided.data.decision) == (AGENT, "ALLOW")
    assert decided.data.entity_id == f"entity-of-{AGENT}"
    assert allowed.action.name == "profile.update"


def test_a_claim_against_the_agent_is_held_against_it_where_the_policy_is_asked() -> None:
    market = Market()
    market.do(an_action_set(action=Action("job.accept", 0, "MEDIUM", None)))
    house = House(gate="job.accept")
    market.do(an_acceptance(market.posted(), house=house))

    market.do(a_claim(AGENT, reference="a job's number"))

    with pytest.raises(PolicyRefused, match="STEP_UP"):
        market.do(an_acceptance(market.posted(), house=house))


# Counter-offers


def test_the_client_takes_a_counter_offer_even_above_the_budget() -> None:
    market = Market()
    job_id = market.posted()
    offer = market.do(a_counter_offer(job_id, a_price("4"), eta_seconds=60))

    reply = market.do(a_taking(job_id, offer.offer_id))

    assert (reply.job.status, reply.job.agent_id) == ("REQUESTED", AGENT)
    assert reply.job.engagement is not None
    assert reply.job.engagement.terms.price == a_price("4")
    assert reply.job.engagement.terms.due_at == shifted(NOW, seconds=60)


def test_an_agents_newer_counter_offer_voids_its_older_one() -> None:
    market = two_agents()
    job_id = market.posted()
    first = market.do(a_counter_offer(job_id, a_price("4")))
    others = market.do(a_counter_offer(job_id, a_price("5"), agent_id=SECOND))
    newer = market.do(a_counter_offer(job_id, a_price("3.50")))

    known = market.known()
    statuses = {
        one.offer_id: offer.status
        for one in (first, others, newer)
        if (offer := known.get(COUNTER_OFFER, one.offer_id)) is not None
    }

    assert statuses == {
        first.offer_id: "CLOSED",
        others.offer_id: "OPEN",
        newer.offer_id: "OPEN",
    }
    with pytest.raises(OfferClosed):
        market.do(a_taking(job_id, first.offer_id))


def test_a_counter_offer_that_was_declined_cannot_be_taken_or_declined_again() -> None:
    market = Market()
    job_id = market.posted()
    offer = market.do(a_counter_offer(job_id))
    market.do(a_refusal_of(job_id, offer.offer_id))

    for command in (a_taking(job_id, offer.offer_id), a_refusal_of(job_id, offer.offer_id)):
        with pytest.raises(OfferClosed):
            market.do(command)
    assert market.job(job_id).status == "OPEN"


def test_after_one_accepted_no_counter_offer_is_taken_or_made() -> None:
    market = two_agents()
    job_id = market.posted()
    offer = market.do(a_counter_offer(job_id, agent_id=SECOND))
    market.do(an_acceptance(job_id))

    for command in (a_taking(job_id, offer.offer_id), a_counter_offer(job_id, agent_id=SECOND)):
        with pytest.raises(OfferAlreadyAccepted):
            market.do(command)


@pytest.mark.parametrize("turn", [SuspendAgent, RevokeAgent])
def test_the_offer_of_an_agent_that_was_stopped_is_closed(turn: Any) -> None:
    market = Market()
    job_id = market.posted()
    offer = market.do(a_counter_offer(job_id))
    market.do(a_turn(turn, AGENT))

    with pytest.raises(OfferClosed):
        market.do(a_taking(job_id, offer.offer_id))


def test_only_the_jobs_client_answers_a_counter_offer_and_only_one_of_the_job() -> None:
    market = Market()
    job_id, other = market.posted(), market.posted()
    offer = market.do(a_counter_offer(job_id))

    for command in (
        a_taking(job_id, offer.offer_id, client_id="client-2"),
        a_refusal_of(job_id, offer.offer_id, client_id="client-2"),
        a_taking(other, offer.offer_id),
        a_taking(job_id, "no such offer"),
    ):
        with pytest.raises(NotFound):
            market.do(command)


# Declining


def test_declining_closes_the_agents_own_counter_offer_and_twice_changes_nothing() -> None:
    market = Market()
    job_id = market.posted()
    offer = market.do(a_counter_offer(job_id))

    market.do(a_decline(job_id))

    with pytest.raises(OfferClosed):
        market.do(a_taking(job_id, offer.offer_id))
    assert market.decide(a_decline(job_id)).changes == ()
    assert market.job(job_id).status == "OPEN"


def test_an_agent_that_declined_may_still_change_its_mind() -> None:
    market = Market()
    job_id = market.posted()
    market.do(a_decline(job_id))

    assert market.do(an_acceptance(job_id)).job.agent_id == AGENT


def test_a_job_that_lost_too_many_agents_is_offered_to_no_more() -> None:
    names = [f"agent-{number}" for number in range(1, 22)]
    market = Market(*(a_listing(name) for name in names))
    job_id = market.posted()
    for name in names[:-1]:
        market.do(an_acceptance(job_id, agent_id=name))
        market.do(a_turn(RevokeAgent, name))

    with pytest.raises(TooManyEngagements):
        market.do(an_acceptance(job_id, agent_id=names[-1]))
