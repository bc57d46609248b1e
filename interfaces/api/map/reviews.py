"""Reviews: supervisors judge what agents deliver, and only what they approve is billed."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.evaluation import (
    ClaimedReview,
    ClaimReview,
    Evaluated,
    EvaluateWork,
    ReverseEvaluation,
)
from domain.instants import shifted
from domain.job import Decision
from domain.refusals import (
    AlreadyJudged,
    InvalidCursor,
    InvalidValue,
    JobErased,
    MissingField,
    NotFound,
    NothingToJudge,
    NotReversible,
    OwnWork,
    ReviewTaken,
    StaleDelivery,
)
from interfaces.api.call import Answered, Call
from interfaces.api.map.jobs import JobOut, job_out
from interfaces.api.map.route import MapRoute, member, member_id
from interfaces.api.map.wire import (
    Documented,
    JobId,
    JobNumber,
    MapPage,
    number_of,
    page_out,
)
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.wire import WHOLE, Id, Moment, Pagination
from projections.reviews import Review, review_queue

router = APIRouter(route_class=MapRoute, tags=["Marketplace: reviews"])


class WorkEvaluationIn(Documented):
    """What a supervisor thinks of an item, or of all that awaits it of a delivery."""

    job_id: JobId
    delivery_id: Id | None = Field(
        None, description="Which delivery was judged; needed from a job's second delivery on."
    )
    item_ref: str | None = Field(None, description="Absent: all of the delivery.")
    decision: Decision
    rating: Annotated[int, WHOLE, Field(json_schema_extra={"minimum": 1, "maximum": 5})]
    comments: str = Field("", description="Of a rejection: what the agent reads to do better.")


class WorkEvaluationOut(TypedDict):
    """A judgement, what it billed (less than nothing when it was reversed), and the job after."""

    evaluation_id: Id
    job_id: int
    delivery_id: Id
    agent_id: Id
    user_id: Id
    decision: Decision
    rating: int
    items: list[str]
    units: int
    charged: str
    currency: str
    is_reversed: bool
    judged_at: Moment
    job: JobOut


class ClaimedReviewOut(TypedDict):
    """Who judges a job, and until when nobody else does."""

    job_id: int
    user_id: Id
    until: Moment


class ReviewOut(TypedDict):
    """Work that awaits its evaluation, due by ``due_at``. ``user_id`` is who judges it now,
    if anybody does.
    """

    job_id: int
    delivery_id: Id | None
    agent_id: Id | None
    awaiting: int
    unit: str
    awaiting_since: Moment
    due_at: Moment
    is_overdue: bool
    user_id: Id | None
    until: Moment | None


class ReviewList(TypedDict):
    """A page of the queue, the oldest work first."""

    data: list[ReviewOut]
    pagination: Pagination


def review_out(review: Review, hours: int) -> ReviewOut:
    """What is shown of work that awaits its evaluation, so many hours at most."""
    return {
        "job_id": review.job.number,
        "delivery_id": review.job.delivery_id,
        "agent_id": review.job.agent_id,
        "awaiting": review.job.awaiting,
        "unit": review.job.unit,
        "awaiting_since": review.awaiting_since,
        "due_at": shifted(review.awaiting_since, minutes=60 * hours),
        "is_overdue": review.is_escalated,
        "user_id": review.reviewer_id,
        "until": review.review_until,
    }


def evaluation_out(evaluated: Evaluated) -> WorkEvaluationOut:
    """What is shown of a judgement, and kept."""
    evaluation = evaluated.evaluation
    return {
        "evaluation_id": evaluated.evaluation_id,
        "job_id": evaluation.job,
        "delivery_id": evaluation.delivery_id,
        "agent_id": evaluation.agent_id,
        "user_id": evaluation.supervisor_id,
        "decision": evaluation.decision,
        "rating": evaluation.rating,
        "items": list(evaluation.items),
        "units": evaluation.units,
        "charged": str(evaluated.charged),
        "currency": evaluated.charged.currency,
        "is_reversed": evaluation.is_reversed,
        "judged_at": evaluation.judged_at,
        "job": job_out(evaluated.job),
    }


def claimed_out(claimed: ClaimedReview) -> ClaimedReviewOut:
    """What is shown of a claim to judge, and kept."""
    return {
        "job_id": claimed.job_id,
        "user_id": claimed.supervisor_id,
        "until": claimed.until,
    }


@router.get(
    "/reviews",
    response_model=ReviewList,
    dependencies=member("jobs:judge"),
    openapi_extra=READ,
    summary="List reviews",
)
@refuses(InvalidCursor)
async def get_reviews(call: Call, query: Annotated[MapPage, FromQuery()]) -> Answered:
    """What awaits its evaluation, the oldest first, without the work of agents of your own."""
    hours = call.services.settings.market_review_hours
    page = await review_queue(
        call.across,
        call.principal.tenant,
        member_id(call),
        call.services.now(),
        escalated_after_hours=hours,
        cursor=query.cursor,
        limit=query.limit,
    )
    return call.show(
        ReviewList(
            data=[review_out(one, hours) for one in page.reviews],
            pagination=page_out(page.cursor),
        )
    )


@router.post(
    "/reviews/{job_id}/claim",
    response_model=ClaimedReviewOut,
    dependencies=member("jobs:judge"),
    openapi_extra=IDEMPOTENT,
    summary="Claim a review",
)
@refuses(NotFound, OwnWork, NothingToJudge, ReviewTaken)
async def claim_review(call: Call, job_id: JobNumber) -> Answered:
    """Judge what was delivered, alone for 15 minutes, so that two do not do the same work."""
    command = ClaimReview(
        id=new_id(),
        tenant=call.principal.tenant,
        supervisor_id=member_id(call),
        job_id=number_of(job_id),
    )
    return await call.commit(command, claimed_out, repeat=call.repeat())


@router.post(
    "/evaluations",
    status_code=201,
    response_model=WorkEvaluationOut,
    dependencies=member("jobs:judge"),
    openapi_extra=IDEMPOTENT,
    summary="Judge work",
)
@refuses(
    NotFound,
    MissingField,
    InvalidValue,
    OwnWork,
    ReviewTaken,
    StaleDelivery,
    AlreadyJudged,
    NothingToJudge,
    JobErased,
)
async def evaluate_work(call: Call, form: WorkEvaluationIn) -> Answered:
    """Approve, and it is billed; reject, and the agent does it again, with your comments before it.
    The last approval of a job issues its invoice and pays it out.
    """
    command = EvaluateWork(
        id=new_id(),
        tenant=call.principal.tenant,
        supervisor_id=member_id(call),
        job_id=form.job_id,
        delivery_id=form.delivery_id,
        item_ref=form.item_ref,
        decision=form.decision,
        rating=form.rating,
        comments=form.comments,
    )
    return await call.commit(command, evaluation_out, status=201, repeat=call.repeat())


@router.post(
    "/evaluations/{evaluation_id}/reverse",
    response_model=WorkEvaluationOut,
    dependencies=member("jobs:judge"),
    openapi_extra=IDEMPOTENT,
    summary="Reverse a judgement",
)
@refuses(NotFound, OwnWork, NotReversible)
async def reverse_evaluation(call: Call, evaluation_id: str) -> Answered:
    """Take a judgement back. What was rejected awaits another; what was approved is given up, and
    what was billed for it is moved back.
    """
    command = ReverseEvaluation(
        id=new_id(),
        tenant=call.principal.tenant,
        supervisor_id=member_id(call),
        evaluation_id=evaluation_id,
    )
    return await call.commit(command, evaluation_out, repeat=call.repeat())
