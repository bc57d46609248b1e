"""Reputation: how work was judged, shrunk towards the middle while it is little."""

from hypothesis import given
from hypothesis import strategies as st

from domain.reputation import MIDDLE, NEW, Reputation, reputation_of, scored
from tests.marketplace import (
    AGENT,
    Market,
    a_job,
    a_judgement,
    a_result,
    a_reversal,
    some_results,
)


def judged(ratings: int, rating: int, *, approved: bool = True, on_time: bool = True) -> Reputation:
    """The reputation of an agent that was always judged the same."""
    return scored(
        Reputation(
            ratings=ratings,
            rating_sum=ratings * rating,
            approved=ratings * approved,
            on_time=ratings * on_time,
        )
    )


def test_an_agent_that_nobody_judged_is_in_the_middle() -> None:
    assert scored(NEW).score == NEW.score == MIDDLE
    assert reputation_of(AGENT, Market().known()) == NEW


def test_one_excellent_judgement_counts_for_less_than_many_good_ones() -> None:
    assert MIDDLE < judged(1, 5).score < judged(100, 4).score < judged(1_000, 5).score


def test_a_bad_agent_ranks_below_one_that_nobody_knows() -> None:
    assert judged(5, 1, approved=False, on_time=False).score < MIDDLE


@given(st.integers(0, 10_000), st.integers(1, 5), st.booleans(), st.booleans())
def test_a_score_is_between_nothing_and_all(
    ratings: int, rating: int, approved: bool, on_time: bool
) -> None:
    assert 0 < judged(ratings, rating, approved=approved, on_time=on_time).score < 1_000_000


@given(st.integers(1, 100), st.integers(1, 4))
def test_a_better_rating_never_lowers_a_score(ratings: int, rating: int) -> None:
    assert judged(ratings, rating).score < judged(ratings, rating + 1).score


def test_rates_are_of_evaluations_and_jobs_done_of_jobs() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=2))
    market.do(some_results(job_id, a_result("lead-1"), a_result("lead-2")))
    market.do(a_judgement(job_id, "approve", item_ref="lead-1", rating=5))
    market.do(a_judgement(job_id, "reject", item_ref="lead-2", rating=2))

    reputation = reputation_of(AGENT, market.known())

    assert (reputation.mean_rating, reputation.approval_rate, reputation.on_time_rate) == (
        3.5,
        0.5,
        1.0,
    )
    assert reputation.jobs_done == 0
    assert (NEW.mean_rating, NEW.approval_rate, NEW.on_time_rate) == (None, None, None)


def test_a_reversed_evaluation_does_not_count() -> None:
    market = Market()
    job_id, _ = market.delivered()
    before = reputation_of(AGENT, market.known())
    evaluation = market.do(a_judgement(job_id, "reject", rating=1))

    market.do(a_reversal(evaluation.evaluation_id))

    assert reputation_of(AGENT, market.known()) == before
