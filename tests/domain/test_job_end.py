"""How work ends: cancelled, expired, its agent lost; and what is erased after."""

from typing import Any

import pytest

from domain.job import Ended
from domain.known import DOCUMENT
from domain.refusals import InvalidJobState, NotFound
from domain.registry import RevokeAgent
from domain.work import IN_HAND, in_hand_key
from tests.builders import NOW, a_kill, a_turn, days_ago
from tests.marketplace import (
    AGENT,
    CLIENT,
    DEVELOPER,
    Market,
    a_cancellation,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_price,
    a_result,
    an_acceptance,
    an_erasure_of,
    an_expiry,
    some_inputs,
    some_results,
)

TOMORROW = days_ago(-1)
SECOND = "agent-2"


def half_done(**settings: Any) -> tuple[Market, int]:
    """A market with a job of four units, of which two await an evaluation."""
    market = Market(a_listing(AGENT), a_listing(SECOND, owner_id="developer-2"))
    job_id = market.accepted(a_job(units=4, **settings))
    market.do(some_results(job_id, a_result("lead-1"), a_result("lead-2")))
    return market, job_id


def documents_of(market: Market, job_id: int) -> list[str]:
    return [name for kind, name in market.rows if kind == DOCUMENT and f"job-{job_id}/" in name]


# Cancelling


def test_before_anybody_accepts_a_job_is_cancelled_freely() -> None:
    market = Market()

    reply = market.do(a_cancellation(market.posted()))

    assert (reply.job.status, reply.job.given_up) == ("CANCELLED", 4)


def test_what_was_delivered_is_judged_before_a_cancelled_job_ends() -> None:
    market, job_id = half_done()

    reply = market.do(a_cancellation(job_id))

    assert (reply.job.status, reply.job.given_up, reply.job.awaiting) == ("DELIVERED", 2, 2)
    assert market.balance((CLIENT, "held")) == 500
    assert market.do(a_judgement(job_id)).job.status == "COMPLETED"
    assert market.balance((CLIENT, "held")) == 0
    assert market.balance((CLIENT, "receivable")) == 500


def test_what_is_rejected_after_a_cancellation_is_given_up() -> None:
    market, job_id = half_done()
    market.do(a_cancellation(job_id))

    job = market.do(a_judgement(job_id, "reject")).job

    assert (job.status, job.given_up) == ("CANCELLED", 4)
    assert market.balance((CLIENT, "held")) == 0


@pytest.mark.parametrize("state", ["DELIVERED", "COMPLETED", "CANCELLED", "half"])
def test_there_must_be_something_left_to_cancel(state: str) -> None:
    market, job_id = half_done()
    if state == "half":
        market.do(a_cancellation(job_id))
    elif state == "CANCELLED":
        job_id = market.posted()
        market.do(a_cancellation(job_id))
    else:
        job_id, _ = market.delivered()
    if state == "COMPLETED":
        market.do(a_judgement(job_id))

    with pytest.raises(InvalidJobState):
        market.do(a_cancellation(job_id))


def test_only_its_client_cancels_a_job() -> None:
    market = Market()

    with pytest.raises(NotFound):
        market.do(a_cancellation(market.posted(), client_id="client-2"))


# Expiring


def test_at_its_deadline_what_remains_is_given_up() -> None:
    market, job_id = half_done(deadline=TOMORROW)

    job = market.do(an_expiry(job_id), TOMORROW).job

    assert (job.status, job.closed, job.given_up) == ("DELIVERED", "EXPIRED", 2)
    assert market.do(a_judgement(job_id, "reject"), TOMORROW).job.status == "EXPIRED"


def test_a_job_that_nobody_took_expires() -> None:
    market = Market()
    job_id = market.posted(a_job(deadline=TOMORROW))

    assert market.do(an_expiry(job_id), TOMORROW).job.status == "EXPIRED"


@pytest.mark.parametrize("deadline", [None, TOMORROW])
def test_before_its_deadline_expiring_changes_nothing(deadline: str | None) -> None:
    market = Market()
    job_id = market.posted(a_job(deadline=deadline))

    assert market.decide(an_expiry(job_id), NOW).changes == ()


def test_expiring_twice_or_after_the_end_changes_nothing() -> None:
    market, job_id = half_done(deadline=TOMORROW)
    market.do(an_expiry(job_id), TOMORROW)
    assert market.decide(an_expiry(job_id), TOMORROW).changes == ()

    market.do(a_judgement(job_id), TOMORROW)
    assert market.decide(an_expiry(job_id), TOMORROW).changes == ()


def test_work_in_full_is_judged_after_the_deadline_like_before_it() -> None:
    market = Market()
    job_id, _ = market.delivered(a_job(deadline=TOMORROW))
    market.do(an_expiry(job_id), TOMORROW)

    assert market.do(a_judgement(job_id), TOMORROW).job.status == "COMPLETED"


# Losing the agent


@pytest.mark.parametrize("end", [a_turn(RevokeAgent, AGENT), a_kill(AGENT)])
def test_what_a_lost_agent_did_not_deliver_is_open_again(end: Any) -> None:
    market, job_id = half_done()

    market.do(end)

    job = market.job(job_id)
    assert (job.status, job.agent_id, job.remaining, job.awaiting) == ("OPEN", None, 2, 2)
    assert market.balance((CLIENT, "held")) == 500


def test_what_a_lost_agent_delivered_is_judged_and_paid() -> None:
    market, job_id = half_done()
    market.do(a_turn(RevokeAgent, AGENT))
    market.do(an_acceptance(job_id, agent_id=SECOND, price=a_price("3")))
    first = market.job(job_id).delivery_id

    market.do(a_judgement(job_id, delivery_id=first))
    second = market.do(a_delivery(job_id, agent_id=SECOND))
    market.do(a_judgement(job_id, delivery_id=second.delivery_id))

    assert market.job(job_id).status == "COMPLETED"
    assert market.balance((DEVELOPER, "payable")) == -500
    assert market.balance(("developer-2", "payable")) == -600
    assert market.balance((CLIENT, "receivable")) == 1_100
    (ended,) = [one.data for one in market.entries if isinstance(one.data, Ended)]
    assert ended.done_by == (AGENT, SECOND)


def test_what_a_lost_agent_delivered_and_was_rejected_is_open_again() -> None:
    market, job_id = half_done()
    market.do(a_turn(RevokeAgent, AGENT))

    job = market.do(a_judgement(job_id, "reject")).job

    assert (job.status, job.remaining) == ("OPEN", 4)
    assert market.balance((CLIENT, "held")) == 0


def test_what_a_lost_agent_delivered_and_was_rejected_does_not_burden_the_next() -> None:
    market, job_id = half_done()
    market.do(a_turn(RevokeAgent, AGENT))
    market.do(an_acceptance(job_id, agent_id=SECOND))

    job = market.do(a_judgement(job_id, "reject")).job

    assert (job.remaining, job.given_up) == (2, 2)
    assert market.balance((CLIENT, "held")) == 500


def test_a_lost_agent_has_nothing_in_hand_and_its_ended_jobs_are_left_alone() -> None:
    market, _ = half_done()
    done = market.accepted()
    market.do(a_delivery(done))
    market.do(a_judgement(done))

    market.do(a_turn(RevokeAgent, AGENT))

    assert market.job(done).status == "COMPLETED"
    assert not [key for key in market.rows if key[0] == IN_HAND.name]


def test_the_preview_of_a_kill_loses_nothing() -> None:
    market, job_id = half_done()

    market.do(a_kill(AGENT, preview=True))

    assert market.job(job_id).agent_id == AGENT
    assert market.known().get(IN_HAND, in_hand_key(AGENT, job_id)) is not None


# Erasing


def test_erasing_destroys_all_that_was_written_and_leaves_the_log() -> None:
    market = Market()
    job_id = market.accepted()
    market.do(some_inputs(job_id))
    market.do(a_delivery(job_id))
    market.do(a_judgement(job_id, comments="Fine"))
    assert len(documents_of(market, job_id)) == 5
    entries = list(market.entries)

    reply = market.do(an_erasure_of(job_id))

    assert documents_of(market, job_id) == []
    assert reply.job.erased_at == NOW
    assert market.entries[: len(entries)] == entries


def test_another_jobs_documents_stay() -> None:
    market = Market()
    first, second = market.posted(), market.posted()
    for job_id in (first, second):
        market.do(a_cancellation(job_id))

    market.do(an_erasure_of(first, client_id=None))

    assert len(documents_of(market, second)) == 2


def test_a_job_that_goes_on_is_not_erased_nor_another_clients() -> None:
    market = Market()
    job_id = market.posted()

    with pytest.raises(InvalidJobState):
        market.do(an_erasure_of(job_id))
    with pytest.raises(NotFound):
        market.do(an_erasure_of(job_id, client_id="client-2"))


def test_erasing_twice_is_recorded_once() -> None:
    market = Market()
    job_id = market.posted()
    market.do(a_cancellation(job_id))
    market.do(an_erasure_of(job_id))

    assert market.decide(an_erasure_of(job_id)).changes == ()
