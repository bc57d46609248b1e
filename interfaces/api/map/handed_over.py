"""What a client and an agent hand each other: inputs one way, results the other."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.delivery import ProvideInputs
from domain.refusals import (
    InvalidCursor,
    InvalidJobState,
    JobErased,
    NotFound,
    SchemaViolation,
)
from domain.work import ItemStatus
from interfaces.api.call import Answered, Call
from interfaces.api.map.jobs import JobOut, shown_job_out
from interfaces.api.map.route import MapRoute, member, member_id, member_or_agent
from interfaces.api.map.viewing import listing_of, viewer_of
from interfaces.api.map.waiting import lookups
from interfaces.api.map.wire import Documented, JobNumber, MapPage, number_of, page_out
from interfaces.api.openapi import READ, lines_schema, refuses
from interfaces.api.wire import Id, Moment, Pagination
from projections.jobs import SeenItem, inputs_of, results_of, show_job
from projections.results_followed import Step, followed

router = APIRouter(route_class=MapRoute, tags=["Marketplace: work"])

NDJSON = b"application/x-ndjson"


class InputsIn(Documented):
    """What an agent works on, in place of what was given before."""

    inputs: Annotated[
        Any, Field(description="Text, or any JSON.", examples=[[{"phone": "+15550100"}]])
    ]


class InputsOut(TypedDict):
    """What an agent works on."""

    job_id: int
    inputs: Any


class ItemOut(TypedDict):
    """An item as it was handed in last, and what became of it. ``outcome`` and ``data`` are null
    once erased.
    """

    item_ref: str
    units: int
    status: ItemStatus
    delivery_id: Id
    evaluation_id: Id | None
    outcome: str | None
    data: Any


class ItemList(TypedDict):
    """A page of items, by their names."""

    data: list[ItemOut]
    pagination: Pagination


class ResultsQuery(MapPage):
    """Which items, and whether to stay for those that come."""

    follow: bool = Field(
        default=False,
        description="Stay connected: what is handed in and judged comes as it happens, from the "
        "beginning, in lines of NDJSON, until the job has ended.",
    )


class HappenedOut(TypedDict):
    """What happened to an item, in a line. ``data`` comes with what is handed in."""

    position: int
    at: Moment
    item_ref: str
    status: ItemStatus
    delivery_id: Id | None
    evaluation_id: Id | None
    outcome: str | None
    data: Any


READ_OR_FOLLOWED: dict[str, Any] = {
    **READ,
    "responses": {
        "200": {"content": {NDJSON.decode(): {"schema": lines_schema(HappenedOut)}}},
    },
}


def item_out(seen: SeenItem) -> ItemOut:
    """What is shown of an item, everywhere the same."""
    item = seen.item
    return {
        "item_ref": seen.item_ref,
        "units": item.units,
        "status": item.status,
        "delivery_id": item.delivery_id,
        "evaluation_id": item.evaluation_id,
        "outcome": seen.outcome,
        "data": seen.data,
    }


@router.put(
    "/jobs/{job_id}/inputs",
    response_model=JobOut,
    dependencies=member("jobs:post"),
    summary="Provide inputs",
)
@refuses(NotFound, InvalidJobState, JobErased, SchemaViolation)
async def put_inputs(call: Call, job_id: JobNumber, form: InputsIn) -> Answered:
    """Give the agent what it is to work on. It is held against the agent's schema, once there is
    an agent.
    """
    number, tenant = number_of(job_id), call.principal.tenant
    job = (await show_job(call.across, tenant, viewer_of(call), number)).job
    if job.agent_id is not None:
        schema = (await listing_of(call, job.agent_id)).input_schema
        if schema is not None:
            await call.services.schemas.must_fit(schema, (form.inputs, "inputs"))
    command = ProvideInputs(
        id=new_id(),
        tenant=tenant,
        client_id=member_id(call),
        job_id=number,
        inputs=form.inputs,
    )
    return await call.commit(command, shown_job_out)


@router.get(
    "/jobs/{job_id}/inputs",
    response_model=InputsOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=READ,
    summary="Show inputs",
)
@refuses(NotFound)
async def get_inputs(call: Call, job_id: JobNumber) -> Answered:
    """What the client gave to work on. Not found while there is nothing, or for whom it is not."""
    number = number_of(job_id)
    inputs = await inputs_of(call.across, call.principal.tenant, viewer_of(call), number)
    return call.show(InputsOut(job_id=number, inputs=inputs))


@router.get(
    "/jobs/{job_id}/results",
    response_model=ItemList,
    dependencies=member_or_agent("market:read"),
    openapi_extra=READ_OR_FOLLOWED,
    summary="Show results",
)
@refuses(NotFound, InvalidCursor)
async def get_results(
    call: Call, job_id: JobNumber, query: Annotated[ResultsQuery, FromQuery()]
) -> Answered:
    """What was handed in, an item at a time, as it was handed in last."""
    number = number_of(job_id)
    page = await results_of(
        call.across,
        call.principal.tenant,
        viewer_of(call),
        number,
        cursor=query.cursor,
        limit=1 if query.follow else query.limit,
    )
    if query.follow:
        return Answered(200, b"", media_type=NDJSON, stream=lines_of(call, number))
    return call.show(
        ItemList(data=[item_out(one) for one in page.items], pagination=page_out(page.cursor))
    )


class Looked(msgspec.Struct, frozen=True):
    """What happened meanwhile, and a position of the log before which it did."""

    step: Step
    position: int


async def lines_of(call: Call, number: int) -> AsyncGenerator[bytes, None]:
    """What happens to the items of a job, a line each, as it happens."""
    version = 0

    async def look_up() -> Looked:
        position = await call.services.probe()
        tenant, viewer = call.principal.tenant, viewer_of(call)
        return Looked(await followed(call.across, tenant, viewer, number, version), position)

    async with aclosing(lookups(call, look_up)) as looks:
        async for looked in looks:
            step = looked.step
            while True:
                for happened in step.happened:
                    yield msgspec.json.encode(happened) + b"\n"
                if step.is_last:
                    return
                if step.version == version:
                    break
                version = step.version
                step = (await look_up()).step
