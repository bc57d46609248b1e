"""Delivery: what the client gives, and what the agent hands in, at once or in parts."""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from domain.agent import AGENT
from domain.command import Document, Outcome
from domain.documents import Written, write
from domain.instants import Instant
from domain.job import (
    JOB,
    Delivered,
    Engagement,
    InputsProvided,
    ItemDelivered,
    Job,
    ShownJob,
    Status,
)
from domain.job_course import Course, clients_job, job_of, must_go_on, place_of, salt_in, salt_of
from domain.job_end import end_when_done, release
from domain.known import DOCUMENT, Key, Known
from domain.listing import LISTING, listed_in_force
from domain.refusals import (
    AlreadyJudged,
    DeliveryDiffers,
    InvalidJobState,
    InvalidValue,
    NotFound,
)
from domain.work import DELIVERY, ITEM, Delivery, all_of, first_whole, item_key

ITEMS_AT_MOST = 500

_ITEM_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}", re.ASCII)


class Received(msgspec.Struct, frozen=True):
    """The reply to a delivery."""

    job_id: int
    status: Status
    delivery_id: str
    received_at: Instant


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One item that an agent hands in. ``outcome`` and ``data`` are kept beside the log; the
    ``item_ref`` is in it, so it names nobody.
    """

    item_ref: str
    units: int = 1
    outcome: str | None = None
    data: Any = None


class ProvideInputs(msgspec.Struct, frozen=True, kw_only=True):
    """The client gives what the agent works on, in place of what was given before.

    Raises NotFound, InvalidJobState, JobErased, PayloadTooLarge.
    """

    id: str
    tenant: str
    client_id: str
    job_id: int
    inputs: Any

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((JOB.name, str(self.job_id)), (DOCUMENT, salt_of(self.job_id)))

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        job = clients_job(self.job_id, self.tenant, self.client_id, known)
        must_go_on(job, now, "given inputs")
        place = place_of(self.job_id, f"inputs-{self.id}")
        inputs, document = write(place, self.inputs, salt_in(self.job_id, known))
        course = Course(self.job_id, job, self.tenant, now)
        course.then(InputsProvided(inputs=inputs))
        return course.outcome(document)


class DeliverJob(msgspec.Struct, frozen=True, kw_only=True):
    """An agent hands in all that remains, as one item. The same again, while it awaits its
    evaluation, repeats the reply. The delivery takes the command's ``id``.

    Raises NotFound, InvalidJobState, DeliveryDiffers, JobErased, PayloadTooLarge.
    """

    id: str
    tenant: str
    agent_id: str
    job_id: int
    data: Any

    @property
    def asks(self) -> tuple[Key, ...]:
        return (
            *keys_of_work(self.job_id, self.agent_id),
            (DELIVERY.name, self.id),
            first_whole(self.job_id),
        )

    def decide(self, known: Known, now: Instant) -> Outcome[Received]:
        job, engagement = at_work(self.job_id, self.tenant, self.agent_id, known)
        result = Result(item_ref=all_of(job.deliveries + 1), data=self.data)
        written, document = keep(self.job_id, self.id, 0, result, known)
        if job.ended_at is None and job.remaining == 0:
            return Outcome(repeated(job, self.agent_id, written, known))
        must_go_on(job, now, "delivered")
        course = Course(self.job_id, job, self.tenant, now)
        item = msgspec.structs.replace(result, units=job.remaining)
        hand_in(course, self.id, engagement, [(item, written)], whole=True)
        return received(course, self.id, document)


class SubmitResults(msgspec.Struct, frozen=True, kw_only=True):
    """An agent hands in some items; ``final`` gives up what then remains. An item that awaits its
    evaluation may be sent again with equal data. The delivery takes the command's ``id``.

    Raises NotFound, InvalidJobState, InvalidValue, DeliveryDiffers, AlreadyJudged, JobErased,
    PayloadTooLarge.
    """

    id: str
    tenant: str
    agent_id: str
    job_id: int
    items: tuple[Result, ...]
    final: bool = False

    @property
    def asks(self) -> tuple[Key, ...]:
        items = ((ITEM.name, item_key(self.job_id, one.item_ref)) for one in self.items)
        return (
            *keys_of_work(self.job_id, self.agent_id),
            (DELIVERY.name, self.id),
            *dict.fromkeys(items),
        )

    def decide(self, known: Known, now: Instant) -> Outcome[Received]:
        check_items(self.items)
        job, engagement = at_work(self.job_id, self.tenant, self.agent_id, known)
        kept = [
            (one, *keep(self.job_id, self.id, number, one, known))
            for number, one in enumerate(self.items)
        ]
        new = [
            (one, written, document)
            for one, written, document in kept
            if is_new(self.job_id, one, written, known)
        ]
        if not new and job.ended_at is None and not (self.final and job.remaining):
            return Outcome(latest(job, known))
        must_go_on(job, now, "delivered")
        if sum(one.units for one, _, _ in new) > job.remaining:
            raise InvalidValue(
                field="items", reason=f"must be no more than the {job.remaining} units that remain"
            )
        course = Course(self.job_id, job, self.tenant, now)
        items = [(one, written) for one, written, _ in new]
        hand_in(course, self.id, engagement, items, final=self.final)
        return received(course, self.id, *(document for _, _, document in new))


def keys_of_work(number: int, agent_id: str) -> tuple[Key, ...]:
    """The rows that every delivery asks for."""
    return (
        (LISTING.name, agent_id),
        (AGENT.name, agent_id),
        (JOB.name, str(number)),
        (DOCUMENT, salt_of(number)),
    )


def at_work(number: int, tenant: str, agent_id: str, known: Known) -> tuple[Job, Engagement]:
    """The job that an agent works on.

    Raises NotFound for another agent's, InvalidJobState for nobody's, and what stops the agent.
    """
    listed_in_force(agent_id, tenant, known)
    job = job_of(number, tenant, known)
    if job.engagement is None:
        raise InvalidJobState(status=job.status, wanted="delivered")
    if job.agent_id != agent_id:
        raise NotFound
    return job, job.engagement


def keep(
    number: int, delivery_id: str, place: int, result: Result, known: Known
) -> tuple[Written, Document]:
    """What the log holds of a result, and what is kept beside it."""
    content = {"outcome": result.outcome, "data": result.data}
    name = place_of(number, f"result-{delivery_id}-{place}")
    return write(name, content, salt_in(number, known))


def hand_in(
    course: Course,
    delivery_id: str,
    engagement: Engagement,
    items: Sequence[tuple[Result, Written]],
    *,
    whole: bool = False,
    final: bool = False,
) -> None:
    """Deliver some items, and, when it is the last of it, give up what remains."""
    job, terms = course.job, engagement.terms
    units = sum(one.units for one, _ in items)
    given_up = job.remaining - units if final else 0
    course.then(
        Delivered(
            terms=terms,
            number=job.deliveries + 1,
            items=tuple(one.item_ref for one, _ in items),
            units=units,
            whole=whole,
            given_up=given_up,
            on_time=terms.due_at is None or course.now <= terms.due_at,
        ),
        entry_id=delivery_id,
    )
    for one, written in items:
        course.then(
            ItemDelivered(
                delivery_id=delivery_id, item_ref=one.item_ref, units=one.units, result=written
            )
        )
    release(course, terms.price, given_up)
    end_when_done(course)


def received(course: Course, delivery_id: str, *documents: Document) -> Outcome[Received]:
    """A delivery, with its receipt."""
    job = course.job
    return Outcome(
        Received(job.number, job.status, delivery_id, course.now),
        tuple(course.changes),
        documents=documents,
    )


def repeated(job: Job, agent_id: str, written: Written, known: Known) -> Received:
    """The receipt of what was delivered at once, for the same again. Raises DeliveryDiffers."""
    last = known.get(DELIVERY, job.delivery_id or "")
    item = None if last is None else known.get(ITEM, item_key(job.number, last.items[0]))
    if last is None or item is None or not last.whole or last.terms.agent_id != agent_id:
        raise DeliveryDiffers
    if item.result_hash != written.hash:
        raise DeliveryDiffers
    return receipt(job, last)


def latest(job: Job, known: Known) -> Received:
    """The receipt of the last delivery. Raises NotFound where there is none."""
    last = known.get(DELIVERY, job.delivery_id or "")
    if last is None:
        raise NotFound
    return receipt(job, last)


def receipt(job: Job, delivery: Delivery) -> Received:
    """The receipt of the last delivery of a job."""
    return Received(job.number, job.status, job.delivery_id or "", delivery.received_at)


def check_items(items: tuple[Result, ...]) -> None:
    """Raise InvalidValue for none, too many, or one that could not be told from another."""
    if not 1 <= len(items) <= ITEMS_AT_MOST:
        raise InvalidValue(field="items", reason=f"must be 1 to {ITEMS_AT_MOST}")
    if len({one.item_ref for one in items}) < len(items):
        raise InvalidValue(field="items", reason="must not name the same item_ref twice")
    for number, one in enumerate(items):
        if _ITEM_REF.fullmatch(one.item_ref) is None:
            raise InvalidValue(
                field=f"items[{number}].item_ref", reason="must be 1 to 64 of A-Z a-z 0-9 . _ : -"
            )
        if one.units < 1:
            raise InvalidValue(field=f"items[{number}].units", reason="must be > 0")


def is_new(number: int, result: Result, written: Written, known: Known) -> bool:
    """Whether an item is delivered, not sent again. Raises DeliveryDiffers, AlreadyJudged."""
    item = known.get(ITEM, item_key(number, result.item_ref))
    if item is None or item.status == "REJECTED":
        return True
    if item.status != "DELIVERED":
        raise AlreadyJudged(item_ref=result.item_ref, decision=item.status.lower())
    if item.result_hash != written.hash or item.units != result.units:
        raise DeliveryDiffers
    return False
