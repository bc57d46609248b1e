"""Evaluation: one effective decision an item, billed with it, in one outcome."""

from typing import Any

import pytest

from domain.entity import ENTITY, Participated
from domain.instants import shifted
from domain.job import Ended, Invoiced, PaidOut
from domain.ledger import FEES, Moved
from domain.money import Money
from domain.negotiation import House
from domain.refusals import (
    AlreadyJudged,
    InvalidValue,
    MissingField,
    NotFound,
    NothingToJudge,
    NotReversible,
    OwnWork,
    ReviewTaken,
    StaleDelivery,
)
from domain.registry import RevokeAgent
from domain.work import EVALUATION, ITEM
from tests.builders import NOW, a_turn
from tests.marketplace import (
    AGENT,
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    Market,
    a_cancellation,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_price,
    a_result,
    a_reversal,
    a_review_claim,
    an_acceptance,
    some_results,
)

OTHER_SUPERVISOR = "supervisor-2"


def in_parts(*refs: str, units: int | None = None) -> tuple[Market, int]:
    """A market with a job of which these items were delivered at once."""
    market = Market()
    job_id = market.accepted(a_job(units=units or len(refs)))
    market.do(some_results(job_id, *(a_result(ref) for ref in refs)))
    return market, job_id


def status_of(market: Market, job_id: int, item_ref: str) -> str:
    item = market.known().get(ITEM, f"{job_id}/{item_ref}")
    assert item is not None
    return item.status


def kinds_in(market: Market) -> list[str]:
    return [one.data.kind for one in market.entries if isinstance(one.data, Moved)]


# Approving


def test_approval_bills_invoices_pays_out_and_reports_in_one_outcome() -> None:
    market = Market()
    job_id, _ = market.delivered(a_job(units=4))

    outcome = market.decide(a_judgement(job_id))

    types = [type(change.event) for change in outcome.changes]
    for expected in (Moved, Invoiced, PaidOut, Ended, Participated):
        assert expected in types
    assert outcome.reply.charged == Money(1_000, "USD")
    assert outcome.reply.job.status == "COMPLETED"


def test_the_client_owes_and_the_developer_is_owed_what_was_approved() -> None:
    market = Market()
    job_id, _ = market.delivered(a_job(units=4))

    market.do(a_judgement(job_id))

    assert market.balance((CLIENT, "receivable")) == 1_000
    assert market.balance((DEVELOPER, "payable")) == -1_000
    for account in ((CLIENT, "held"), (CLIENT, "unbilled"), (DEVELOPER, "earned")):
        assert market.balance(account) == 0


def test_the_platform_keeps_its_share_of_each_line() -> None:
    market = Market()
    house = House(fee_basis_points=1_000)
    job_id = market.posted(a_job(units=4))
    market.do(an_acceptance(job_id, house=house))
    market.do(a_delivery(job_id))

    market.do(a_judgement(job_id))

    assert market.balance(FEES) == -100
    assert market.balance((DEVELOPER, "payable")) == -900
    assert market.balance((CLIENT, "receivable")) == 1_000


def test_a_completed_job_is_one_participation_of_the_agents_entity() -> None:
    market, job_id = in_parts("lead-1", "lead-2")
    market.do(a_judgement(job_id, item_ref="lead-1"))
    assert market.known().get(ENTITY, f"entity-of-{AGENT}") is None

    market.do(a_judgement(job_id, item_ref="lead-2"))

    entity = market.known().get(ENTITY, f"entity-of-{AGENT}")
    assert entity is not None
    assert entity.event_count == 1
    (participated,) = [one.data for one in market.entries if isinstance(one.data, Participated)]
    assert (participated.kind, participated.actor_type) == ("gig.completed", "AGENT")


def test_each_line_is_rounded_once() -> None:
    market = Market()
    job_id = market.posted(a_job(units=3))
    market.do(an_acceptance(job_id, price=a_price("0.015")))
    market.do(some_results(job_id, *(a_result(f"lead-{n}") for n in range(3))))

    market.do(a_judgement(job_id))

    assert market.balance((CLIENT, "receivable")) == 3 * 2
    assert market.balance((CLIENT, "held")) == 0


def test_items_are_approved_one_by_one_and_invoiced_once_at_the_end() -> None:
    market, job_id = in_parts("lead-1", "lead-2")

    first = market.do(a_judgement(job_id, item_ref="lead-1"))
    assert kinds_in(market).count("INVOICE") == 0
    second = market.do(a_judgement(job_id, item_ref="lead-2"))

    assert (first.job.status, second.job.status) == ("DELIVERED", "COMPLETED")
    assert kinds_in(market) == [
        "HOLD",
        "CHARGE",
        "RELEASE",
        "CHARGE",
        "RELEASE",
        "INVOICE",
        "PAYOUT",
    ]


# Rejecting


def test_rejected_work_returns_to_the_agent_with_the_comments() -> None:
    market = Market()
    job_id, _ = market.delivered()

    outcome = market.decide(a_judgement(job_id, "reject", rating=2, comments="Names are wrong"))

    job = outcome.reply.job
    assert (job.status, job.remaining, job.awaiting) == ("REQUESTED", 4, 0)
    assert outcome.reply.charged == Money(0, "USD")
    (document,) = outcome.documents
    assert job.comments is not None
    assert (document.name, document.content) == (job.comments.place, "Names are wrong")
    assert "Names" not in str(outcome.changes)


def test_rejected_work_keeps_what_is_held() -> None:
    market = Market()
    job_id, _ = market.delivered()

    market.do(a_judgement(job_id, "reject"))

    assert market.balance((CLIENT, "held")) == 1_000


def test_the_comments_are_gone_with_the_next_delivery() -> None:
    market = Market()
    job_id, _ = market.delivered()
    market.do(a_judgement(job_id, "reject", comments="Again"))

    market.do(a_delivery(job_id, "better"))

    assert market.job(job_id).comments is None


# Which delivery


def test_from_the_second_delivery_on_it_must_be_named() -> None:
    market = Market()
    job_id, _ = market.delivered()
    market.do(a_judgement(job_id, "reject"))
    second = market.do(a_delivery(job_id))

    with pytest.raises(MissingField, match="delivery_id"):
        market.do(a_judgement(job_id))
    assert market.do(a_judgement(job_id, delivery_id=second.delivery_id)).job.status == "COMPLETED"


def test_a_stale_delivery_cannot_be_judged() -> None:
    market = Market()
    job_id, first = market.delivered()
    market.do(a_judgement(job_id, "reject"))
    market.do(a_delivery(job_id))

    with pytest.raises(StaleDelivery):
        market.do(a_judgement(job_id, delivery_id=first.delivery_id))


def test_an_item_that_was_delivered_anew_is_judged_as_of_its_last_delivery() -> None:
    market, job_id = in_parts("lead-1", "lead-2")
    first = market.job(job_id).delivery_id
    market.do(a_judgement(job_id, "reject", item_ref="lead-1"))
    second = market.do(some_results(job_id, a_result("lead-1", "better")))

    with pytest.raises(StaleDelivery):
        market.do(a_judgement(job_id, item_ref="lead-1", delivery_id=first))
    market.do(a_judgement(job_id, item_ref="lead-1", delivery_id=second.delivery_id))
    market.do(a_judgement(job_id, delivery_id=first))

    assert market.job(job_id).status == "COMPLETED"


@pytest.mark.parametrize("delivery_id", ["no such delivery", "another job's"])
def test_what_is_no_delivery_of_the_job_is_stale(delivery_id: str) -> None:
    market = Market()
    _, other = market.delivered()
    job_id, _ = market.delivered()
    named = other.delivery_id if delivery_id == "another job's" else delivery_id

    with pytest.raises(StaleDelivery):
        market.do(a_judgement(job_id, delivery_id=named))


# One effective decision


@pytest.mark.parametrize("decision", ["approve", "reject"])
def test_an_item_is_judged_once(decision: Any) -> None:
    market, job_id = in_parts("lead-1", "lead-2")
    market.do(a_judgement(job_id, decision, item_ref="lead-1"))

    with pytest.raises(AlreadyJudged):
        market.do(a_judgement(job_id, "approve", item_ref="lead-1"))


def test_a_delivery_is_judged_once() -> None:
    market = Market()
    job_id, receipt = market.delivered()
    market.do(a_judgement(job_id))

    with pytest.raises(NothingToJudge):
        market.do(a_judgement(job_id, delivery_id=receipt.delivery_id))


def test_judging_the_rest_of_a_delivery_leaves_what_was_judged() -> None:
    market, job_id = in_parts("lead-1", "lead-2", "lead-3")
    market.do(a_judgement(job_id, "reject", item_ref="lead-2"))

    market.do(a_judgement(job_id))

    statuses = [status_of(market, job_id, f"lead-{n}") for n in (1, 2, 3)]
    assert statuses == ["APPROVED", "REJECTED", "APPROVED"]


def test_nothing_is_judged_before_it_is_delivered() -> None:
    market = Market()
    job_id = market.accepted()

    for command in (a_judgement(job_id), a_review_claim(job_id)):
        with pytest.raises(NothingToJudge):
            market.do(command)


def test_an_item_that_does_not_exist_is_not_found() -> None:
    market, job_id = in_parts("lead-1")

    with pytest.raises(NotFound):
        market.do(a_judgement(job_id, item_ref="lead-2"))


@pytest.mark.parametrize("rating", [0, 6, -1])
def test_a_rating_is_1_to_5(rating: int) -> None:
    market = Market()
    job_id, _ = market.delivered()

    with pytest.raises(InvalidValue, match="rating must be 1 to 5"):
        market.do(a_judgement(job_id, rating=rating))


# Who judges


def test_a_supervisor_does_not_judge_the_work_of_an_agent_of_their_own() -> None:
    market = Market(a_listing(owner_id=SUPERVISOR))
    job_id, _ = market.delivered()

    for command in (a_judgement(job_id), a_review_claim(job_id)):
        with pytest.raises(OwnWork):
            market.do(command)


def test_a_claimed_review_is_the_claimants_for_15_minutes() -> None:
    market = Market()
    job_id, _ = market.delivered()
    claimed = market.do(a_review_claim(job_id))

    for command in (
        a_judgement(job_id, supervisor_id=OTHER_SUPERVISOR),
        a_review_claim(job_id, supervisor_id=OTHER_SUPERVISOR),
    ):
        with pytest.raises(ReviewTaken):
            market.do(command, shifted(NOW, minutes=14))
    assert claimed.until == shifted(NOW, minutes=15)
    market.do(a_judgement(job_id, supervisor_id=OTHER_SUPERVISOR), shifted(NOW, minutes=15))


def test_the_claimant_judges_and_may_claim_for_longer() -> None:
    market = Market()
    job_id, _ = market.delivered()
    market.do(a_review_claim(job_id))
    longer = market.do(a_review_claim(job_id), shifted(NOW, minutes=10))

    assert longer.until == shifted(NOW, minutes=25)
    market.do(a_judgement(job_id), shifted(NOW, minutes=20))


# Reversing


def test_a_reversed_approval_moves_back_what_was_billed() -> None:
    market = Market()
    job_id = market.posted(a_job(units=4))
    market.do(an_acceptance(job_id, house=House(fee_basis_points=1_000)))
    market.do(a_delivery(job_id))
    evaluation = market.do(a_judgement(job_id))

    reply = market.do(a_reversal(evaluation.evaluation_id))

    accounts: list[Any] = [(CLIENT, "receivable"), (DEVELOPER, "payable"), FEES]
    assert [market.balance(account) for account in accounts] == [0, 0, 0]
    assert reply.charged == Money(-1_000, "USD")
    job = market.job(job_id)
    assert (job.status, job.approved, job.given_up) == ("COMPLETED", 0, 4)
    assert kinds_in(market)[-2:] == ["REVERSAL", "REVERSAL"]


def test_an_approval_reversed_before_the_end_is_not_invoiced() -> None:
    market, job_id = in_parts("lead-1", "lead-2")
    evaluation = market.do(a_judgement(job_id, item_ref="lead-1"))
    market.do(a_reversal(evaluation.evaluation_id))

    market.do(a_judgement(job_id, item_ref="lead-2"))

    (invoiced,) = [one.data for one in market.entries if isinstance(one.data, Invoiced)]
    assert (invoiced.minor, invoiced.units) == (250, 1)
    assert market.balance((CLIENT, "unbilled")) == 0


def test_a_reversed_rejection_awaits_an_evaluation_again() -> None:
    market = Market()
    job_id, receipt = market.delivered()
    evaluation = market.do(a_judgement(job_id, "reject"))

    market.do(a_reversal(evaluation.evaluation_id))

    assert market.job(job_id).status == "DELIVERED"
    reply = market.do(a_judgement(job_id, delivery_id=receipt.delivery_id))
    assert reply.job.status == "COMPLETED"


def test_an_evaluation_is_reversed_once() -> None:
    market = Market()
    job_id, _ = market.delivered()
    evaluation = market.do(a_judgement(job_id))
    market.do(a_reversal(evaluation.evaluation_id))

    with pytest.raises(NotReversible, match="reversed already"):
        market.do(a_reversal(evaluation.evaluation_id))


def test_a_rejection_that_other_work_rests_on_is_not_reversed() -> None:
    again, cancelled, lost = Market(), Market(), Market()
    job_id, _ = again.delivered()
    reversals = []
    for market in (again, cancelled, lost):
        if market is not again:
            market.delivered()
        reversals.append(a_reversal(market.do(a_judgement(job_id, "reject")).evaluation_id))
    again.do(a_delivery(job_id))
    cancelled.do(a_cancellation(job_id))
    lost.do(a_turn(RevokeAgent, AGENT))

    for market, reversal in zip((again, cancelled, lost), reversals, strict=True):
        with pytest.raises(NotReversible):
            market.do(reversal)


def test_nobody_reverses_the_evaluation_of_an_agent_of_their_own() -> None:
    market = Market()
    job_id, _ = market.delivered()
    evaluation = market.do(a_judgement(job_id))

    with pytest.raises(OwnWork):
        market.do(a_reversal(evaluation.evaluation_id, supervisor_id=DEVELOPER))
    with pytest.raises(NotFound):
        market.do(a_reversal("no such evaluation"))


def test_an_evaluation_is_shown_as_it_is_kept() -> None:
    market = Market()
    job_id, _ = market.delivered()

    reply = market.do(a_judgement(job_id, rating=4))

    assert market.known().get(EVALUATION, reply.evaluation_id) == reply.evaluation
