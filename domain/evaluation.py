"""Evaluation: a supervisor approves or rejects. What is approved is billed, and with the last of a
job all is invoiced, paid out and reported, in the same outcome: all of it happens, or nothing.
"""

import msgspec

from domain.command import Document, Outcome
from domain.documents import Written, write
from domain.instants import Instant, shifted
from domain.job import (
    JOB,
    Decision,
    EvaluationReversed,
    ItemJudged,
    ItemReversed,
    Job,
    Judged,
    ReviewClaimed,
)
from domain.job_course import Course, job_of, place_of, salt_in, salt_of
from domain.job_end import end_when_done, release
from domain.known import DOCUMENT, Key, Known
from domain.ledger import FEES, Account, moved
from domain.money import Money, share_of
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
from domain.work import (
    DELIVERY,
    EVALUATION,
    ITEM,
    Delivery,
    Evaluation,
    Item,
    first_whole,
    item_key,
)

REVIEW_MINUTES = 15
ESCALATED_AFTER_HOURS = 24
"""Work that awaits its evaluation for longer is escalated; nothing is ever approved by default."""


class ClaimedReview(msgspec.Struct, frozen=True):
    """The reply: who judges a job, and until when nobody else does."""

    job_id: int
    supervisor_id: str
    until: Instant


class Evaluated(msgspec.Struct, frozen=True):
    """The reply: an evaluation, and the job as it now stands. ``charged`` is what it billed."""

    evaluation_id: str
    evaluation: Evaluation
    charged: Money
    job: Job


class ClaimReview(msgspec.Struct, frozen=True, kw_only=True):
    """A supervisor judges a job for 15 minutes, alone.

    Raises NotFound, OwnWork, NothingToJudge, ReviewTaken.
    """

    id: str
    tenant: str
    supervisor_id: str
    job_id: int

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((JOB.name, str(self.job_id)),)

    def decide(self, known: Known, now: Instant) -> Outcome[ClaimedReview]:
        job = job_of(self.job_id, self.tenant, known)
        if job.awaiting == 0:
            raise NothingToJudge
        delivery = known.get(DELIVERY, job.delivery_id or "")
        if delivery is not None:
            must_be_anothers(delivery, self.supervisor_id)
        must_not_be_taken(job, self.supervisor_id, now)
        until = shifted(now, minutes=REVIEW_MINUTES)
        course = Course(self.job_id, job, self.tenant, now)
        course.then(ReviewClaimed(supervisor_id=self.supervisor_id, until=until))
        return Outcome(ClaimedReview(self.job_id, self.supervisor_id, until), tuple(course.changes))


class EvaluateWork(msgspec.Struct, frozen=True, kw_only=True):
    """A supervisor judges an item, or all that awaits an evaluation of one delivery. The evaluation
    takes the command's ``id``.

    Raises NotFound, OwnWork, ReviewTaken, MissingField (``delivery_id``), InvalidValue
    (``rating``), StaleDelivery, AlreadyJudged, NothingToJudge, JobErased, PayloadTooLarge.
    """

    id: str
    tenant: str
    supervisor_id: str
    job_id: int
    delivery_id: str | None = None
    item_ref: str | None = None
    decision: Decision
    rating: int
    comments: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        keys: tuple[Key, ...] = (
            (JOB.name, str(self.job_id)),
            (DOCUMENT, salt_of(self.job_id)),
            (EVALUATION.name, self.id),
        )
        if self.delivery_id is not None:
            keys = (*keys, (DELIVERY.name, self.delivery_id))
        if self.item_ref is not None:
            return (*keys, (ITEM.name, item_key(self.job_id, self.item_ref)))
        return (*keys, first_whole(self.job_id))

    def decide(self, known: Known, now: Instant) -> Outcome[Evaluated]:
        if not 1 <= self.rating <= 5:
            raise InvalidValue(field="rating", reason="must be 1 to 5")
        job = job_of(self.job_id, self.tenant, known)
        if job.deliveries == 0:
            raise NothingToJudge
        if job.deliveries > 1 and self.delivery_id is None:
            raise MissingField(
                field="delivery_id", help="There was more than one delivery; say which you judged."
            )
        delivery_id, delivery, items = self._chosen(job, known)
        must_be_anothers(delivery, self.supervisor_id)
        must_not_be_taken(job, self.supervisor_id, now)
        comments, documents = self._comments(known)
        course = Course(self.job_id, job, self.tenant, now)
        judged = Judged(
            supervisor_id=self.supervisor_id,
            agent_id=delivery.terms.agent_id,
            delivery_id=delivery_id,
            decision=self.decision,
            rating=self.rating,
            comments=comments,
            items=tuple(ref for ref, _ in items),
            units=sum(item.units for _, item in items),
            on_time=delivery.on_time,
        )
        judge = approve if self.decision == "approve" else reject
        charged = judge(course, self.id, judged, delivery, items)
        end_when_done(course)
        return Outcome(
            Evaluated(self.id, shown(self.job_id, judged, now), charged, course.job),
            tuple(course.changes),
            documents=documents,
        )

    def _comments(self, known: Known) -> tuple[Written | None, tuple[Document, ...]]:
        if not self.comments:
            return None, ()
        place = place_of(self.job_id, f"comments-{self.id}")
        written, document = write(place, self.comments, salt_in(self.job_id, known))
        return written, (document,)

    def _chosen(self, job: Job, known: Known) -> tuple[str, Delivery, list[tuple[str, Item]]]:
        """The delivery and the items that are judged, all of them awaiting it."""
        if self.item_ref is None:
            return whole_delivery(job, self.delivery_id or job.delivery_id or "", known)
        item = known.get(ITEM, item_key(job.number, self.item_ref))
        if item is None:
            raise NotFound
        if self.delivery_id not in (None, item.delivery_id):
            raise StaleDelivery
        if item.status != "DELIVERED":
            raise AlreadyJudged(item_ref=self.item_ref, decision=item.status.lower())
        return item.delivery_id, delivery_of(job, item.delivery_id, known), [(self.item_ref, item)]


class ReverseEvaluation(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation does not count any more. Raises NotFound, OwnWork, NotReversible."""

    id: str
    tenant: str
    supervisor_id: str
    evaluation_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((EVALUATION.name, self.evaluation_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Evaluated]:
        evaluation = known.get(EVALUATION, self.evaluation_id)
        if evaluation is None:
            raise NotFound
        job = job_of(evaluation.job, self.tenant, known)
        delivery = delivery_of(job, evaluation.delivery_id, known)
        must_be_anothers(delivery, self.supervisor_id)
        found = [(ref, known.get(ITEM, item_key(job.number, ref))) for ref in evaluation.items]
        items = [(ref, item) for ref, item in found if item is not None]
        must_be_reversible(job, evaluation, self.evaluation_id, items)
        course = Course(job.number, job, self.tenant, now)
        charged = sum(item.charged_minor for _, item in items)
        course.then(
            EvaluationReversed(
                evaluation_id=self.evaluation_id,
                supervisor_id=self.supervisor_id,
                agent_id=evaluation.agent_id,
                decision=evaluation.decision,
                rating=evaluation.rating,
                items=evaluation.items,
                units=evaluation.units,
                charged_minor=charged,
                earned_minor=sum(item.earned_minor for _, item in items),
                on_time=evaluation.on_time,
            )
        )
        for ref, item in items:
            course.then(ItemReversed(item_ref=ref, decision=evaluation.decision))
            if evaluation.decision == "approve":
                move_back(course, delivery, ref, item)
        return Outcome(
            Evaluated(
                self.evaluation_id,
                msgspec.structs.replace(evaluation, is_reversed=True),
                Money(-charged, job.budget.currency),
                course.job,
            ),
            tuple(course.changes),
        )


# Guards


def must_be_anothers(delivery: Delivery, supervisor_id: str) -> None:
    """Raise OwnWork for the work of an agent of the supervisor's own."""
    if delivery.terms.developer_id == supervisor_id:
        raise OwnWork


def must_not_be_taken(job: Job, supervisor_id: str, now: Instant) -> None:
    """Raise ReviewTaken while another supervisor judges a job."""
    until = job.review_until
    if until is not None and until > now and job.reviewer_id != supervisor_id:
        raise ReviewTaken(until=until)


def must_be_reversible(
    job: Job, evaluation: Evaluation, evaluation_id: str, items: list[tuple[str, Item]]
) -> None:
    """Raise NotReversible for an evaluation that something else rests on."""
    if evaluation.is_reversed:
        raise NotReversible(reason="it was reversed already")
    if evaluation.decision == "approve":
        return
    if job.ended_at is not None or job.closed is not None:
        raise NotReversible(reason="what was rejected is given up already")
    if job.agent_id != evaluation.agent_id:
        raise NotReversible(reason="the job has another agent, or none")
    is_last = all(
        item.status == "REJECTED" and item.evaluation_id == evaluation_id for _, item in items
    )
    if not is_last or job.remaining < evaluation.units:
        raise NotReversible(reason="the work was delivered again")


def delivery_of(job: Job, delivery_id: str, known: Known) -> Delivery:
    """A delivery to a job. Raises StaleDelivery for what is none."""
    delivery = known.get(DELIVERY, delivery_id)
    if delivery is None or delivery.job != job.number:
        raise StaleDelivery
    return delivery


def whole_delivery(
    job: Job, delivery_id: str, known: Known
) -> tuple[str, Delivery, list[tuple[str, Item]]]:
    """All of a delivery that awaits its evaluation. Raises StaleDelivery, NothingToJudge."""
    delivery = delivery_of(job, delivery_id, known)
    found = [(ref, known.get(ITEM, item_key(job.number, ref))) for ref in delivery.items]
    items = [
        (ref, item)
        for ref, item in found
        if item is not None and item.status == "DELIVERED" and item.delivery_id == delivery_id
    ]
    if items or known.missing:
        return delivery_id, delivery, items
    raise NothingToJudge if delivery_id == job.delivery_id else StaleDelivery


# What they do


def approve(
    course: Course,
    evaluation_id: str,
    judged: Judged,
    delivery: Delivery,
    items: list[tuple[str, Item]],
) -> Money:
    """Bill each item at the agreed price, the platform's share out of it; the reply is the sum."""
    terms = delivery.terms
    lines = [(ref, terms.price.line(item.units)) for ref, item in items]
    fees = {ref: share_of(line, terms.fee_basis_points) for ref, line in lines}
    charged = sum(line.minor for _, line in lines)
    earned = charged - sum(fee.minor for fee in fees.values())
    course.then(
        msgspec.structs.replace(judged, charged_minor=charged, earned_minor=earned),
        entry_id=evaluation_id,
    )
    for ref, line in lines:
        fee = fees[ref]
        course.then(
            ItemJudged(
                evaluation_id=evaluation_id,
                item_ref=ref,
                decision="approve",
                charged_minor=line.minor,
                earned_minor=line.minor - fee.minor,
            )
        )
        bill(course, terms.developer_id, ref, line, fee)
    release(course, terms.price, judged.units)
    return Money(charged, terms.price.currency)


def reject(
    course: Course,
    evaluation_id: str,
    judged: Judged,
    delivery: Delivery,
    items: list[tuple[str, Item]],
) -> Money:
    """Send items back to work; nothing is held for them where nobody will deliver them again."""
    course.then(judged, entry_id=evaluation_id)
    for ref, _ in items:
        course.then(ItemJudged(evaluation_id=evaluation_id, item_ref=ref, decision="reject"))
    terms = delivery.terms
    if course.job.closed is not None or course.job.agent_id != terms.agent_id:
        release(course, terms.price, judged.units)
    return Money(0, terms.price.currency)


def bill(course: Course, developer_id: str, item_ref: str, line: Money, fee: Money) -> None:
    """Charge the client for an item, to the developer, who pays the platform's share."""
    due: Account = (course.job.client_id, "unbilled")
    owed: Account = (developer_id, "earned")
    course.then(moved("CHARGE", line, debit=due, credit=owed, item_ref=item_ref))
    if fee.minor:
        course.then(moved("FEE", fee, debit=owed, credit=FEES, item_ref=item_ref))


def move_back(course: Course, delivery: Delivery, item_ref: str, item: Item) -> None:
    """Move back what was billed for an item, from where it is by now."""
    job, terms = course.job, delivery.terms
    has_ended = job.ended_at is not None
    due: Account = (job.client_id, "receivable" if has_ended else "unbilled")
    owed: Account = (terms.developer_id, "payable" if has_ended else "earned")
    line = Money(item.charged_minor, terms.price.currency)
    fee = Money(item.charged_minor - item.earned_minor, terms.price.currency)
    course.then(moved("REVERSAL", line, debit=owed, credit=due, item_ref=item_ref))
    if fee.minor:
        course.then(moved("REVERSAL", fee, debit=FEES, credit=owed, item_ref=item_ref))


def shown(number: int, judged: Judged, now: Instant) -> Evaluation:
    """An evaluation as it was made."""
    return Evaluation(
        job=number,
        supervisor_id=judged.supervisor_id,
        agent_id=judged.agent_id,
        delivery_id=judged.delivery_id,
        decision=judged.decision,
        rating=judged.rating,
        items=judged.items,
        units=judged.units,
        on_time=judged.on_time,
        judged_at=now,
    )
