"""A job: work that a client asks for and an agent does, paid by the approved unit.
Stream ``job-{number}``; a job's number is the position of the entry that posts it.

The row holds counts of units, so it stays small however many there are; what became of each item
is in rows of their own (``domain/work.py``). Each unit is *remaining* (to be delivered), *awaiting*
(an evaluation), *approved* or *given up*.
"""

from typing import Any, Literal

import msgspec

from domain.documents import Written
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.ledger import Moved
from domain.money import Price
from domain.rights import Role

CATEGORY = "job"
UNITS_AT_MOST = 1_000_000
ENGAGEMENTS_AT_MOST = 20

Status = Literal["OPEN", "OFFERED", "REQUESTED", "DELIVERED", "COMPLETED", "CANCELLED", "EXPIRED"]
"""``OFFERED`` is what an OPEN job is to an agent that may accept it; no row holds it."""
Final = Literal["COMPLETED", "CANCELLED", "EXPIRED"]
Cause = Literal["CANCELLED", "EXPIRED"]
Decision = Literal["approve", "reject"]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed with an agent. ``participant_id`` is the agent's entity."""

    agent_id: str
    developer_id: str
    participant_id: str
    price: Price
    fee_basis_points: int
    due_at: Instant | None


# Events


@stored("job.posted.v1")
class Posted(Event, frozen=True, kw_only=True):
    """A client asks for units of work. ``brief`` is the title with the requirements."""

    client_id: str
    capability: str
    unit: str
    units: int
    budget: Price
    deadline: Instant | None = None
    brief: Written


@stored("job.offer_countered.v1")
class OfferCountered(Event, frozen=True, kw_only=True):
    """An agent would do it for another price; its earlier offer, if any, is void."""

    agent_id: str
    price: Price
    eta_seconds: int | None = None
    replaces: str | None = None


@stored("job.offer_declined.v1")
class OfferDeclined(Event, frozen=True, kw_only=True):
    """An agent does not want the job."""

    agent_id: str


@stored("job.counter_declined.v1")
class CounterDeclined(Event, frozen=True, kw_only=True):
    """The client does not want an agent's counter-offer."""

    offer_id: str
    agent_id: str


@stored("job.accepted.v1")
class Accepted(Event, frozen=True, kw_only=True):
    """An agent works on it from now on; ``offer_id`` when the client took a counter-offer."""

    terms: Terms
    eta_seconds: int | None = None
    offer_id: str | None = None


@stored("job.inputs_provided.v1")
class InputsProvided(Event, frozen=True, kw_only=True):
    """The client gives what the agent works on, in place of what was given before."""

    inputs: Written


@stored("job.delivered.v1")
class Delivered(Event, frozen=True, kw_only=True):
    """An agent hands in items, each in an event of its own after this one. The delivery has this
    entry's id. ``given_up`` are the units that it will not deliver.
    """

    terms: Terms
    number: int
    items: tuple[str, ...]
    units: int
    whole: bool = False
    given_up: int = 0
    on_time: bool


@stored("job.item_delivered.v1")
class ItemDelivered(Event, frozen=True, kw_only=True):
    """One item of a delivery."""

    delivery_id: str
    item_ref: str
    units: int
    result: Written


@stored("job.review_claimed.v1")
class ReviewClaimed(Event, frozen=True, kw_only=True):
    """A supervisor judges this job, and nobody else until then."""

    supervisor_id: str
    until: Instant


@stored("job.judged.v1")
class Judged(Event, frozen=True, kw_only=True):
    """A supervisor judged items of one delivery, each in an event of its own after this one. The
    evaluation has this entry's id.
    """

    supervisor_id: str
    agent_id: str
    delivery_id: str
    decision: Decision
    rating: int
    comments: Written | None = None
    items: tuple[str, ...]
    units: int
    charged_minor: int = 0
    earned_minor: int = 0
    on_time: bool


@stored("job.item_judged.v1")
class ItemJudged(Event, frozen=True, kw_only=True):
    """What became of one item."""

    evaluation_id: str
    item_ref: str
    decision: Decision
    charged_minor: int = 0
    earned_minor: int = 0


@stored("job.evaluation_reversed.v1")
class EvaluationReversed(Event, frozen=True, kw_only=True):
    """An evaluation does not count any more. What was rejected awaits an evaluation again; what was
    approved is given up, and what was billed for it is moved back.
    """

    evaluation_id: str
    supervisor_id: str
    agent_id: str
    decision: Decision
    rating: int
    items: tuple[str, ...]
    units: int
    charged_minor: int = 0
    earned_minor: int = 0
    on_time: bool


@stored("job.item_reversed.v1")
class ItemReversed(Event, frozen=True, kw_only=True):
    """What an item is after the evaluation of it was reversed."""

    item_ref: str
    decision: Decision


@stored("job.agent_lost.v1")
class AgentLost(Event, frozen=True, kw_only=True):
    """The agent at work was revoked. What it delivered stays; what remains is open again."""

    agent_id: str


@stored("job.closed.v1")
class Closed(Event, frozen=True, kw_only=True):
    """No more is delivered: what remained is given up, and so is what will be rejected."""

    cause: Cause
    given_up: int


@stored("job.invoiced.v1")
class Invoiced(Event, frozen=True, kw_only=True):
    """The client's one invoice for the job."""

    client_id: str
    currency: str
    minor: int
    units: int


@stored("job.paid_out.v1")
class PaidOut(Event, frozen=True, kw_only=True):
    """What a developer gets for the job."""

    developer_id: str
    agent_id: str
    currency: str
    minor: int
    units: int


@stored("job.ended.v1")
class Ended(Event, frozen=True, kw_only=True):
    """Every unit is approved or given up. ``agent_id`` was at work; ``done_by`` are the agents
    whose work was approved.
    """

    status: Final
    agent_id: str | None = None
    done_by: tuple[str, ...] = ()


@stored("job.erased.v1")
class Erased(Event, frozen=True, kw_only=True):
    """All that people wrote on the job was destroyed."""


# State


class Engagement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent that works on a job, or did, and what it has come to."""

    terms: Terms
    accepted_at: Instant
    approved: int = 0
    earned_minor: int = 0


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A job as it stands. ``engagement`` is the agent at work, ``lost`` are those before it.

    ``awaiting_since`` is when the oldest work that awaits an evaluation was delivered; ``comments``
    what a supervisor said of what was rejected last. ``closed`` says why no more is delivered.
    """

    number: int
    tenant: str
    client_id: str
    capability: str
    unit: str
    units: int
    budget: Price
    deadline: Instant | None = None
    brief: Written
    posted_at: Instant
    status: Status
    inputs: Written | None = None
    engagement: Engagement | None = None
    lost: tuple[Engagement, ...] = ()
    awaiting: int = 0
    awaiting_since: Instant | None = None
    approved: int = 0
    given_up: int = 0
    charged_minor: int = 0
    deliveries: int = 0
    delivery_id: str | None = None
    comments: Written | None = None
    reviewer_id: str | None = None
    review_until: Instant | None = None
    closed: Cause | None = None
    ended_at: Instant | None = None
    erased_at: Instant | None = None

    @property
    def remaining(self) -> int:
        """How many units are to be delivered."""
        return self.units - self.awaiting - self.approved - self.given_up

    @property
    def adds_up(self) -> bool:
        """Whether every unit is in one place."""
        return min(self.remaining, self.awaiting, self.approved, self.given_up) >= 0

    @property
    def agent_id(self) -> str | None:
        """The agent at work."""
        return None if self.engagement is None else self.engagement.terms.agent_id

    @property
    def engagements(self) -> tuple[Engagement, ...]:
        """Every agent that ever worked on it, the last one last."""
        return self.lost if self.engagement is None else (*self.lost, self.engagement)


def standing_of(job: Job) -> Status:
    """The status of a job that has not ended: what has to happen next."""
    if job.remaining == 0:
        return "DELIVERED"
    return "OPEN" if job.engagement is None else "REQUESTED"


def returns(job: Job, agent_id: str) -> bool:
    """Whether what is rejected of an agent's work is to be delivered again: not once the job is
    closed, and not by another agent, which agreed to what remained when it accepted.
    """
    return job.closed is None and job.agent_id in (None, agent_id)


BESIDE = (
    OfferCountered,
    OfferDeclined,
    CounterDeclined,
    ItemDelivered,
    ItemJudged,
    ItemReversed,
    Moved,
    Invoiced,
    PaidOut,
)
"""What happens on a job and leaves its row as it is: other rows hold it."""


def evolve(job: Job | None, entry: Entry) -> Job | None:
    """The job after one more entry of its stream."""
    if isinstance(entry.data, Posted):
        return Job(
            number=int(entry.aggregate_id),
            tenant=entry.tenant or "",
            posted_at=entry.recorded_at,
            status="OPEN",
            **msgspec.structs.asdict(entry.data),
        )
    if job is None:
        return None
    if isinstance(entry.data, BESIDE):
        return job
    changed = _by_work(job, entry) or _by_course(job, entry)
    if not changed:
        return job
    after = msgspec.structs.replace(job, **changed)
    if after.awaiting == 0:
        changed |= {"awaiting_since": None, "reviewer_id": None, "review_until": None}
    if after.ended_at is None:
        changed["status"] = standing_of(after)
    return msgspec.structs.replace(job, **changed)


def _by_work(job: Job, entry: Entry) -> dict[str, Any]:
    """What is delivered and judged changes of a job: where its units are."""
    changed: dict[str, Any] = {}
    match entry.data:
        case Delivered(units=units, given_up=given_up, number=number):
            changed = {
                "awaiting": job.awaiting + units,
                "awaiting_since": job.awaiting_since or entry.recorded_at,
                "given_up": job.given_up + given_up,
                "deliveries": number,
                "delivery_id": entry.id,
                "comments": None,
            }
        case Judged(decision="approve") as judged:
            changed = {
                "awaiting": job.awaiting - judged.units,
                **_approved(job, judged, 1),
            }
        case Judged(units=units, comments=comments, agent_id=agent_id):
            changed = {
                "awaiting": job.awaiting - units,
                "given_up": job.given_up + (0 if returns(job, agent_id) else units),
                "comments": comments,
            }
        case EvaluationReversed(decision="approve") as back:
            changed = {
                "given_up": job.given_up + back.units,
                **_approved(job, back, -1),
            }
        case EvaluationReversed(units=units):
            changed = {
                "awaiting": job.awaiting + units,
                "awaiting_since": job.awaiting_since or entry.recorded_at,
            }
    return changed


def _approved(job: Job, judged: Judged | EvaluationReversed, by: int) -> dict[str, Any]:
    """What so much more, or less, of an agent's work approved changes of a job."""

    def after(one: Engagement) -> Engagement:
        if one.terms.agent_id != judged.agent_id:
            return one
        return msgspec.structs.replace(
            one,
            approved=one.approved + by * judged.units,
            earned_minor=one.earned_minor + by * judged.earned_minor,
        )

    return {
        "approved": job.approved + by * judged.units,
        "charged_minor": job.charged_minor + by * judged.charged_minor,
        "engagement": None if job.engagement is None else after(job.engagement),
        "lost": tuple(after(one) for one in job.lost),
    }


def _by_course(job: Job, entry: Entry) -> dict[str, Any]:
    """What everything else changes of a job."""
    changed: dict[str, Any] = {}
    match entry.data:
        case Accepted(terms=terms):
            changed["engagement"] = Engagement(terms=terms, accepted_at=entry.recorded_at)
        case InputsProvided(inputs=inputs):
            changed["inputs"] = inputs
        case ReviewClaimed(supervisor_id=supervisor_id, until=until):
            changed.update(reviewer_id=supervisor_id, review_until=until)
        case AgentLost() if job.engagement is not None:
            changed.update(engagement=None, lost=(*job.lost, job.engagement))
        case Closed(cause=cause, given_up=given_up):
            changed.update(closed=cause, given_up=job.given_up + given_up)
        case Ended(status=status):
            changed.update(status=status, ended_at=entry.recorded_at)
        case Erased():
            changed["erased_at"] = entry.recorded_at
    return changed


JOB = Fold(
    name="job",
    state=Job,
    events=(
        Posted,
        OfferCountered,
        OfferDeclined,
        CounterDeclined,
        Accepted,
        InputsProvided,
        Delivered,
        ItemDelivered,
        ReviewClaimed,
        Judged,
        ItemJudged,
        EvaluationReversed,
        ItemReversed,
        AgentLost,
        Closed,
        Moved,
        Invoiced,
        PaidOut,
        Ended,
        Erased,
    ),
    evolve=evolve,
    category=CATEGORY,
)


# Who sees a job


class Viewer(msgspec.Struct, frozen=True):
    """A member who looks at jobs."""

    member_id: str
    roles: tuple[Role, ...]

    def sees(self, job: Job) -> bool:
        """A supervisor sees every job, a client their own, a developer those that are open and
        those that an agent of theirs works on, or did.
        """
        developers = {one.terms.developer_id for one in job.engagements}
        return (
            "supervisor" in self.roles
            or job.client_id == self.member_id
            or self.member_id in developers
            or ("developer" in self.roles and job.status == "OPEN")
        )


class ShownJob(msgspec.Struct, frozen=True):
    """The reply: a job as it now stands."""

    job_id: int
    job: Job
