"""Jobs as they are looked at: who sees which, how each stands or stood, and its whole story."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import AliasChoices, Field
from typing_extensions import TypedDict

from domain.job import Status
from domain.job_posting import AskJob
from domain.refusals import InvalidCursor, NotFound, UnknownPosition
from domain.work import CounterOffer
from interfaces.api.call import Answered, Call
from interfaces.api.map.jobs import JobOut, job_out
from interfaces.api.map.offers import CounterOfferOut, counter_offer_out
from interfaces.api.map.route import MapRoute, member, member_or_agent
from interfaces.api.map.viewing import viewer_of
from interfaces.api.map.wire import JobNumber, MapPage, MapQuery, number_of, page_out
from interfaces.api.openapi import READ, refuses
from interfaces.api.wire import Moment, Pagination, PositionOrTime
from projections.job_story import story_of
from projections.jobs import SeenJob, list_jobs, offers_of, show_job

router = APIRouter(route_class=MapRoute, tags=["Marketplace: jobs"])


class ListedJobOut(JobOut):
    """A job in a list; ``title`` is null once erased."""

    title: str | None


class SeenJobOut(ListedJobOut):
    """A job with what was written on it, null once erased. ``delivery_info`` is what a supervisor
    said of what was rejected last, else the empty text.
    """

    requirements: dict[str, Any] | None
    delivery_info: str


class JobList(TypedDict):
    """A page of jobs, newest first."""

    data: list[ListedJobOut]
    pagination: Pagination


class CounterOfferList(TypedDict):
    """The counter-offers that a client may take."""

    data: list[CounterOfferOut]


class ToldOut(TypedDict):
    """One thing that happened to a job, and who did it."""

    at: Moment
    type: str
    sentence: str
    principal: str
    position: int


class StoryOut(TypedDict):
    """A page of a job's story, in order."""

    data: list[ToldOut]
    pagination: Pagination


class JobsQuery(MapPage):
    """Which jobs to list."""

    status: Status | None = None


class JobAsOf(MapQuery):
    """The state of the log that an answer is wanted from."""

    as_of: PositionOrTime | None = Field(
        None,
        validation_alias=AliasChoices("asOf", "as_of"),
        description="Show it as it stood then: at a position, or at a time.",
        examples=["42"],
    )


def seen_job_out(seen: SeenJob) -> SeenJobOut:
    """What is shown of a job with what was written on it."""
    return {
        **job_out(seen.job),
        "title": seen.title,
        "requirements": seen.requirements,
        "delivery_info": seen.comments or "",
    }


@router.get(
    "/jobs",
    response_model=JobList,
    dependencies=member("market:read"),
    openapi_extra=READ,
    summary="List jobs",
)
@refuses(InvalidCursor)
async def get_jobs(call: Call, query: Annotated[JobsQuery, FromQuery()]) -> Answered:
    """The jobs that you see, newest first: a client their own, a developer those that are open and
    those that an agent of theirs works on, a supervisor all.
    """
    page = await list_jobs(
        call.across,
        call.principal.tenant,
        viewer_of(call),
        status=query.status,
        cursor=query.cursor,
        limit=query.limit,
    )
    listed: list[ListedJobOut] = [{**job_out(one.job), "title": one.title} for one in page.jobs]
    return call.show(JobList(data=listed, pagination=page_out(page.cursor)))


@router.get(
    "/jobs/{job_id}",
    response_model=SeenJobOut | JobOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=READ,
    summary="Show a job",
)
@refuses(NotFound, UnknownPosition)
async def get_job(
    call: Call, job_id: JobNumber, query: Annotated[JobAsOf, FromQuery()]
) -> Answered:
    """One job, with what was written on it. As it stood in the past it is shown without that: what
    people write is not in the log.
    """
    number, viewer, tenant = number_of(job_id), viewer_of(call), call.principal.tenant
    if query.as_of is not None:
        question = AskJob(tenant=tenant, viewer=viewer, job_id=number)
        return call.show(job_out(await call.resolve(question, query.as_of)))
    return call.show(seen_job_out(await show_job(call.across, tenant, viewer, number)))


@router.get(
    "/jobs/{job_id}/offers",
    response_model=CounterOfferList,
    dependencies=member("jobs:post"),
    openapi_extra=READ,
    summary="List counter-offers",
)
@refuses(NotFound)
async def get_offers(call: Call, job_id: JobNumber) -> Answered:
    """The counter-offers to a job of yours that you may take, at most 200."""
    offers: list[tuple[str, CounterOffer]] = await offers_of(
        call.across, call.principal.tenant, viewer_of(call), number_of(job_id)
    )
    return call.show(CounterOfferList(data=[counter_offer_out(*offer) for offer in offers]))


@router.get(
    "/jobs/{job_id}/log",
    response_model=StoryOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=READ,
    summary="Story of a job",
)
@refuses(NotFound, InvalidCursor)
async def get_story(
    call: Call, job_id: JobNumber, query: Annotated[MapPage, FromQuery()]
) -> Answered:
    """All that happened to a job, from its beginning, in sentences."""
    story = await story_of(
        call.across,
        call.principal.tenant,
        viewer_of(call),
        number_of(job_id),
        cursor=query.cursor,
        limit=query.limit,
    )
    told: list[ToldOut] = [
        {
            "at": one.at,
            "type": one.type,
            "sentence": one.sentence,
            "principal": one.principal,
            "position": one.position,
        }
        for one in story.told
    ]
    return call.show(StoryOut(data=told, pagination=page_out(story.cursor)))
