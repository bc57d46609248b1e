"""Work: what agents find to do, what they are given for it, and what they hand in."""

from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.delivery import ITEMS_AT_MOST, DeliverJob, Received, Result, SubmitResults
from domain.job import Status
from domain.refusals import (
    AlreadyJudged,
    DeliveryDiffers,
    InvalidJobState,
    InvalidValue,
    JobErased,
    NotFound,
    SchemaViolation,
)
from interfaces.api.call import Answered, Call
from interfaces.api.map.jobs import price_out
from interfaces.api.map.route import MapRoute, agent, agent_id
from interfaces.api.map.viewing import listing_of
from interfaces.api.map.waiting import first
from interfaces.api.map.wire import Documented, JobId, JobNumber, MapQuery, MapWire, number_of
from interfaces.api.openapi import IDEMPOTENT, READ, refuses, shared
from interfaces.api.wire import WHOLE, Id, Moment
from projections.polling import Due, poll

router = APIRouter(route_class=MapRoute, tags=["Marketplace: work"])

DELIVERING = (NotFound, InvalidJobState, DeliveryDiffers, JobErased, SchemaViolation)
"""What keeps a delivery from being taken."""


POLL_AGAIN_SECONDS = 20
"""What the seed's clients wait between two polls."""

POLLED: dict[str, Any] = {
    **READ,
    "responses": {"200": {"headers": {"Retry-After": shared("headers", "Retry-After")}}},
}


class PollQuery(MapQuery):
    """How long to wait for something to do."""

    wait: int = Field(
        0,
        ge=0,
        le=30,
        description="Seconds to wait for as long as there is nothing; the reply comes as soon as "
        "there is.",
    )


class PolledJob(TypedDict):
    """A job that you can act on: OFFERED, accept it; REQUESTED, deliver it. ``delivery_info`` is
    what a supervisor said of what was rejected last, else the empty text.
    """

    job_id: int
    job_status: Literal["OFFERED", "REQUESTED"]
    delivery_info: str
    requirements: dict[str, Any]


class PollOut(TypedDict):
    """What there is to do, the oldest first."""

    jobs: list[PolledJob]


class DeliveryIn(Documented):
    """All that remains of a job, handed in at once."""

    job_id: JobId
    delivery_data: Annotated[Any, Field(description="Text, or any JSON.", examples=["done"])]


class ResultIn(MapWire):
    """One item of the work."""

    item_ref: Annotated[
        str,
        Field(
            description="Your name for the item, by which it is judged. It names nobody: it stays "
            "in the log.",
            examples=["lead-1"],
            json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"},
        ),
    ]
    units: Annotated[int, WHOLE, Field(json_schema_extra={"minimum": 1})] = 1
    outcome: str | None = Field(None, description="In a word or a few.", examples=["reached"])
    data: Annotated[Any, Field(description="Text, or any JSON.")] = None


class ResultsIn(Documented):
    """Some items of the work; with ``final`` what then remains is given up."""

    items: Annotated[
        list[ResultIn], Field(json_schema_extra={"minItems": 1, "maxItems": ITEMS_AT_MOST})
    ]
    final: bool = False


class ReceivedOut(TypedDict):
    """The receipt of a delivery."""

    job_id: int
    job_status: Status
    delivery_id: Id
    received_at: Moment


def received_out(received: Received) -> ReceivedOut:
    """What is shown of a receipt, and kept."""
    return {
        "job_id": received.job_id,
        "job_status": received.status,
        "delivery_id": received.delivery_id,
        "received_at": received.received_at,
    }


class Polled(msgspec.Struct, frozen=True):
    """What an agent can act on, and a position of the log at which it was so."""

    due: list[Due]
    position: int


def polled_out(due: Due) -> PolledJob:
    """What an agent is shown of a job, as the seed shows it: ``requirements`` are what the client
    asked, and the terms beside it.
    """
    job, brief = due.job, due.brief
    agreed = None if job.engagement is None else job.engagement.terms
    return {
        "job_id": due.job_id,
        "job_status": due.status,
        "delivery_info": due.comments or "",
        "requirements": {
            "requirement_json": {},
            **({} if brief is None else brief.requirements),
            "title": None if brief is None else brief.title,
            "capability": job.capability,
            "unit": job.unit,
            "units": job.units,
            "remaining": job.remaining,
            "budget": price_out(job.budget),
            "agreed": None if agreed is None else price_out(agreed.price),
            "due_at": None if agreed is None else agreed.due_at,
            "deadline": job.deadline,
        },
    }


@router.get(
    "/job-polling",
    response_model=PollOut,
    dependencies=agent(),
    openapi_extra=POLLED,
    summary="Poll for jobs",
)
@refuses(InvalidValue)
async def poll_jobs(call: Call, query: Annotated[PollQuery, FromQuery()]) -> Answered:
    """What you can act on now, the oldest first. With ``wait`` the reply comes as soon as there is
    something.
    """
    tenant, asking = call.principal.tenant, agent_id(call)

    async def due_now() -> list[Due]:
        return await poll(call.polls, tenant, asking, call.services.now())

    async def look_up() -> Polled:
        # Known before it is looked for: what comes in between is looked for again.
        position = await call.services.probe()
        return Polled(await due_now(), position)

    if query.wait:
        due = (await first(call, look_up, lambda polled: bool(polled.due), query.wait)).due
    else:
        due = await due_now()
    answered = call.show(PollOut(jobs=[polled_out(one) for one in due]))
    answered.headers.append((b"retry-after", b"%d" % POLL_AGAIN_SECONDS))
    return answered


@router.post(
    "/job-deliver",
    response_model=ReceivedOut,
    dependencies=agent(),
    openapi_extra=IDEMPOTENT,
    summary="Deliver a job",
)
@refuses(*DELIVERING)
async def deliver_job(call: Call, form: DeliveryIn) -> Answered:
    """Hand in all that remains of a job. The same again, while it awaits its evaluation, gets the
    same receipt.
    """
    await must_fit_output(call, (form.delivery_data, "delivery_data"))
    command = DeliverJob(
        id=new_id(),
        tenant=call.principal.tenant,
        agent_id=agent_id(call),
        job_id=form.job_id,
        data=form.delivery_data,
    )
    return await call.commit(command, received_out, repeat=call.repeat())


@router.post(
    "/jobs/{job_id}/results",
    status_code=201,
    response_model=ReceivedOut,
    dependencies=agent(),
    openapi_extra=IDEMPOTENT,
    summary="Submit results",
)
@refuses(InvalidValue, AlreadyJudged, *DELIVERING)
async def submit_results(call: Call, job_id: JobNumber, form: ResultsIn) -> Answered:
    """Hand in some items, as they are done. Each is judged and billed by itself."""
    number = number_of(job_id)
    await must_fit_output(
        call, *((item.data, f"items.{place}.data") for place, item in enumerate(form.items))
    )
    command = SubmitResults(
        id=new_id(),
        tenant=call.principal.tenant,
        agent_id=agent_id(call),
        job_id=number,
        items=tuple(
            Result(item_ref=one.item_ref, units=one.units, outcome=one.outcome, data=one.data)
            for one in form.items
        ),
        final=form.final,
    )
    return await call.commit(command, received_out, status=201, repeat=call.repeat())


async def must_fit_output(call: Call, *documents: tuple[Any, str]) -> None:
    """Hold what an agent hands in, each with its field, against the schema that it declared.

    Raises SchemaViolation.
    """
    acting = call.principal.agent
    if acting is not None and acting.output_is_checked:
        listing = await listing_of(call, acting.agent_id)
        await call.services.schemas.must_fit(listing.output_schema, *documents)
