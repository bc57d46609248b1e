"""How work on a job ends: by its last unit, its client, its deadline, or the loss of its agent; and
how what was written on it is erased.
"""

import msgspec

from domain.command import Change, Outcome
from domain.entity import CATEGORY as ENTITY_CATEGORY
from domain.entity import Participated
from domain.instants import Instant
from domain.job import (
    CATEGORY,
    JOB,
    AgentLost,
    Cause,
    Closed,
    Ended,
    Engagement,
    Erased,
    Final,
    Invoiced,
    PaidOut,
    ShownJob,
)
from domain.job_course import Course, clients_job, job_of
from domain.known import RANGE, Key, Known
from domain.ledger import moved
from domain.money import Money, Price
from domain.refusals import InvalidJobState
from domain.work import IN_HAND, in_hand_key

PARTICIPATION = "gig.completed"
"""What a completed job is in the history of each agent whose work was approved."""


class CancelJob(msgspec.Struct, frozen=True, kw_only=True):
    """The client wants no more: what remains is given up, what was delivered is judged first.

    Raises NotFound, InvalidJobState.
    """

    id: str
    tenant: str
    client_id: str
    job_id: int

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((JOB.name, str(self.job_id)),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        job = clients_job(self.job_id, self.tenant, self.client_id, known)
        course = Course(self.job_id, job, job.tenant, now)
        if job.ended_at is not None or job.closed is not None or job.remaining == 0:
            status = job.closed if job.closed and job.ended_at is None else job.status
            raise InvalidJobState(status=status, wanted="cancelled")
        close(course, "CANCELLED")
        return course.outcome()


class ExpireJob(msgspec.Struct, frozen=True, kw_only=True):
    """What remains at a job's deadline is given up. Before it, or after the end, changes nothing.

    Raises NotFound.
    """

    id: str
    tenant: str
    job_id: int

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((JOB.name, str(self.job_id)),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        job = job_of(self.job_id, self.tenant, known)
        course = Course(self.job_id, job, job.tenant, now)
        is_due = job.deadline is not None and job.deadline <= now
        if is_due and job.ended_at is None and job.closed is None:
            close(course, "EXPIRED")
        return course.outcome()


class EraseJob(msgspec.Struct, frozen=True, kw_only=True):
    """Destroy all that people wrote on a job that has ended. ``client_id`` None is the platform.

    Raises NotFound, InvalidJobState.
    """

    id: str
    tenant: str
    client_id: str | None
    job_id: int

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((JOB.name, str(self.job_id)),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        if self.client_id is None:
            job = job_of(self.job_id, self.tenant, known)
        else:
            job = clients_job(self.job_id, self.tenant, self.client_id, known)
        if job.ended_at is None:
            raise InvalidJobState(status=job.status, wanted="erased")
        course = Course(self.job_id, job, job.tenant, now)
        if job.erased_at is None:
            course.then(Erased())
        stream = f"{CATEGORY}-{self.job_id}"
        return msgspec.structs.replace(course.outcome(), erases=stream)


def close(course: Course, cause: Cause) -> None:
    """Take no more work on a job, and end it if nothing awaits an evaluation."""
    job = course.job
    course.then(Closed(cause=cause, given_up=job.remaining))
    if job.engagement is not None:
        release(course, job.engagement.terms.price, job.remaining)
    end_when_done(course)


def lose(agent_id: str, known: Known, now: Instant) -> list[Change]:
    """What happens to the jobs that a revoked agent has in hand: what it has not delivered is open
    to others again.
    """
    changes: list[Change] = []
    for in_hand in known.within(IN_HAND, in_hand_key(agent_id)):
        job = known.get(JOB, str(in_hand.job))
        if job is None or job.engagement is None:
            continue
        course = Course(in_hand.job, job, job.tenant, now)
        course.then(AgentLost(agent_id=agent_id))
        release(course, job.engagement.terms.price, job.remaining)
        changes += course.changes
    return changes


def in_hand_of(agent_id: str) -> Key:
    """All jobs that an agent has in hand."""
    return (IN_HAND.name + RANGE, in_hand_key(agent_id))


def release(course: Course, price: Price, units: int) -> None:
    """Hold no more for so many units at a price."""
    if units:
        client_id = course.job.client_id
        held = price.at_most(units)
        course.then(moved("RELEASE", held, debit=(client_id, "free"), credit=(client_id, "held")))


def end_when_done(course: Course) -> None:
    """End a job of which every unit is approved or given up: the invoice, the payouts, and what it
    is in the history of the agents.
    """
    job = course.job
    if job.remaining or job.awaiting or job.ended_at is not None:
        return
    done = [one for one in job.engagements if one.approved]
    if done:
        invoice(course)
    for one in done:
        pay_out(course, one)
    status: Final = "COMPLETED" if done else job.closed or "CANCELLED"
    course.then(
        Ended(
            status=status,
            agent_id=job.agent_id,
            done_by=tuple(one.terms.agent_id for one in done),
        )
    )
    course.also(
        *(
            Change(
                f"{ENTITY_CATEGORY}-{one.terms.participant_id}",
                Participated(kind=PARTICIPATION, occurred_at=course.now, actor_type="AGENT"),
                tenant=job.tenant,
            )
            for one in done
        )
    )


def invoice(course: Course) -> None:
    """Ask the client for all that was approved: the one invoice of a job."""
    job = course.job
    total = Money(job.charged_minor, job.budget.currency)
    client_id = job.client_id
    course.then(
        moved("INVOICE", total, debit=(client_id, "receivable"), credit=(client_id, "unbilled"))
    )
    course.then(
        Invoiced(
            client_id=client_id, currency=total.currency, minor=total.minor, units=job.approved
        )
    )


def pay_out(course: Course, done: Engagement) -> None:
    """Owe a developer what an agent of theirs earned with a job."""
    terms = done.terms
    earned = Money(done.earned_minor, terms.price.currency)
    developer_id = terms.developer_id
    course.then(
        moved("PAYOUT", earned, debit=(developer_id, "earned"), credit=(developer_id, "payable"))
    )
    course.then(
        PaidOut(
            developer_id=developer_id,
            agent_id=terms.agent_id,
            currency=earned.currency,
            minor=earned.minor,
            units=done.approved,
        )
    )
