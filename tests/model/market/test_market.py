"""The marketplace against its specification, over any course; and what the comparison notices.

Each control breaks one guard on purpose, and sees a course that shows it.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain.command import Outcome
from domain.delivery import SubmitResults, hand_in, keep, received
from domain.evaluation import Evaluated, EvaluateWork, approve, delivery_of, shown
from domain.instants import Instant
from domain.job import Judged
from domain.job_course import Course, job_of
from domain.job_end import CancelJob, close
from domain.known import Known
from domain.ledger import Moved, moved
from domain.listing import listing_of
from domain.money import Money
from domain.negotiation import AcceptJob, Candidate, engage
from domain.refusals import NothingToJudge
from domain.work import ITEM, item_key
from tests.marketplace import (
    CLIENT,
    DEVELOPER,
    Market,
    a_cancellation,
    a_judgement,
    an_acceptance,
    some_results,
)
from tests.model.market.machine import COMMANDS, AnyMarketplace
from tests.model.market.promises import (
    every_currency_sums_to_zero,
    nothing_is_billed_that_was_not_approved,
    nothing_is_billed_twice,
)

COURSES = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
UNTIL_SEEN = settings(
    COURSES, max_examples=400, phases=(Phase.generate,), report_multiple_bugs=False
)


def test_any_course_of_a_marketplace_is_as_specified() -> None:
    run_state_machine_as_test(AnyMarketplace, settings=COURSES)


# Controls


class TakesFromOthers(AcceptJob, frozen=True, kw_only=True):
    """An acceptance that does not look whether the job is taken."""

    def decide(self, known: Known, now: Instant) -> Outcome[Any]:
        listing = listing_of(self.agent_id, self.tenant, known)
        course = Course(self.job_id, job_of(self.job_id, self.tenant, known), self.tenant, now)
        candidate = Candidate(self.agent_id, listing, listing.pricing.price)
        engage(course, candidate, self.house, self.decision_id, known)
        return course.outcome()


class SubmitsAnything(SubmitResults, frozen=True, kw_only=True):
    """A submission that does not look whether its items were delivered, or judged."""

    def decide(self, known: Known, now: Instant) -> Outcome[Any]:
        job = job_of(self.job_id, self.tenant, known)
        if job.engagement is None or job.ended_at is not None or job.remaining == 0:
            return super().decide(known, now)
        course = Course(self.job_id, job, self.tenant, now)
        (one,) = self.items
        written, document = keep(self.job_id, self.id, 0, one, known)
        hand_in(course, self.id, job.engagement, [(one, written)])
        return received(course, self.id, document)


class JudgesAnything(EvaluateWork, frozen=True, kw_only=True):
    """An approval that does not look at the delivery, or whether there was a decision."""

    def decide(self, known: Known, now: Instant) -> Outcome[Any]:
        if self.decision == "reject":
            return super().decide(known, now)
        job = job_of(self.job_id, self.tenant, known)
        item = known.get(ITEM, item_key(self.job_id, self.item_ref or ""))
        if item is None:
            raise NothingToJudge
        delivery = delivery_of(job, item.delivery_id, known)
        course = Course(self.job_id, job, self.tenant, now)
        judged = Judged(
            supervisor_id=self.supervisor_id,
            agent_id=delivery.terms.agent_id,
            delivery_id=item.delivery_id,
            decision="approve",
            rating=self.rating,
            items=(self.item_ref or "",),
            units=item.units,
            on_time=True,
        )
        charged = approve(course, self.id, judged, delivery, [(self.item_ref or "", item)])
        reply = Evaluated(self.id, shown(self.job_id, judged, now), charged, course.job)
        return Outcome(reply, tuple(course.changes))


class CancelsTwice(CancelJob, frozen=True, kw_only=True):
    """A cancellation that does not look whether the job is over."""

    def decide(self, known: Known, now: Instant) -> Outcome[Any]:
        course = Course(self.job_id, job_of(self.job_id, self.tenant, known), self.tenant, now)
        close(course, "CANCELLED")
        return course.outcome()


def careless(kind: type[Any], command: Any) -> Any:
    """The same command, of a kind that is careless."""
    return kind(**{name: getattr(command, name) for name in command.__struct_fields__})


DEFECTS: dict[str, tuple[type[Any], Callable[..., Any]]] = {
    "accept": (TakesFromOthers, an_acceptance),
    "submit": (SubmitsAnything, some_results),
    "judge": (JudgesAnything, a_judgement),
    "cancel": (CancelsTwice, a_cancellation),
}


@pytest.mark.parametrize("operation", DEFECTS)
def test_a_guard_that_is_missing_is_noticed(operation: str) -> None:
    kind, build = DEFECTS[operation]

    class Defective(AnyMarketplace):
        commands = COMMANDS | {operation: lambda *who, **what: careless(kind, build(*who, **what))}

    with pytest.raises(Exception) as noticed:  # noqa: PT011
        run_state_machine_as_test(Defective, settings=UNTIL_SEEN)
    assert isinstance(noticed.value, AssertionError | ValueError)


def test_a_promise_that_is_broken_is_noticed() -> None:
    market = Market()
    job_id, _ = market.delivered()
    stream = f"job-{job_id}"
    charge = moved(
        "CHARGE",
        Money(1, "USD"),
        debit=(CLIENT, "unbilled"),
        credit=(DEVELOPER, "earned"),
        item_ref="all~1",
    )

    append(market, stream, charge)
    with pytest.raises(AssertionError):
        nothing_is_billed_that_was_not_approved(market)
    append(market, stream, charge)
    with pytest.raises(AssertionError):
        nothing_is_billed_twice(market)
    append(market, stream, lopsided(charge))
    with pytest.raises(AssertionError):
        every_currency_sums_to_zero(market)


def append(market: Market, stream: str, event: Any) -> None:
    """Write an event into the log that no command decided."""
    entry = market.entries[-1]
    values = {name: getattr(entry, name) for name in entry.__struct_fields__}
    changed = {"stream": stream, "type": event.stored_name, "data": event}
    market.entries.append(type(entry)(**(values | changed)))


def lopsided(event: Moved) -> Moved:
    """An entry of the ledger that does not sum to zero, as no code can make it."""
    debit, credit = event.postings
    wrong = msgspec.structs.replace(event)
    msgspec.structs.force_setattr(
        wrong, "postings", (msgspec.structs.replace(debit, minor=debit.minor + 1), credit)
    )
    return wrong
