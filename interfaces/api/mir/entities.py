"""Entities: how a history came about, and erasing whose it is."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.claim import Status
from domain.erasure import EraseEntity, Erasure
from domain.refusals import NotFound
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import ExternalId, Id, Moment, Query, Wire
from projections.timeline import timeline

router = APIRouter(route_class=LeanRoute, tags=["Entities"])


class ErasureIn(Wire):
    """Who is to become unidentifiable."""

    user_external_id: ExternalId


class ErasureOut(TypedDict):
    """What was erased, and when."""

    entityId: Id
    erasedAt: Moment
    position: int


def erasure_out(done: Erasure) -> ErasureOut:
    """What is shown of an erasure."""
    return {"entityId": done.entity_id, "erasedAt": done.erased_at, "position": done.position}


@router.post(
    "/entities/erase",
    response_model=ErasureOut,
    dependencies=[needs("entities:erase")],
    openapi_extra=IDEMPOTENT,
    summary="Erase a person",
)
@refuses(NotFound)
async def erase_entity(call: Call, person: ErasureIn) -> Answered:
    """Make a person unidentifiable for good: the way from your identifier to their history is
    destroyed, with the replies kept for their events. The history itself stays, nobody's.
    """
    return await call.commit(
        EraseEntity(id=new_id(), lookup=call.lookup(person.user_external_id)),
        erasure_out,
        repeat=call.repeat(),
    )


class PersonQuery(Query):
    """Whose history."""

    user_external_id: ExternalId


class DayOut(TypedDict):
    """What happened on a day, in UTC."""

    date: Annotated[str, Field(json_schema_extra={"format": "date"})]
    events: int
    backfilled: int


class TierOut(TypedDict):
    """When your own history of somebody became deep enough for a tier."""

    tier: Annotated[int, Field(ge=1, le=3)]
    reachedAt: Moment


class ClaimStepOut(TypedDict):
    """A claim of yours was filed, or moved."""

    claimId: Id
    status: Status
    at: Moment


class TimelineOut(TypedDict):
    """The steps of a history, oldest first, for people and plots."""

    days: list[DayOut]
    tiers: list[TierOut]
    claims: list[ClaimStepOut]


@router.get(
    "/entities/timeline",
    response_model=TimelineOut,
    dependencies=[needs("events:read")],
    openapi_extra=READ,
    summary="Timeline of a person",
)
@refuses(NotFound)
async def get_timeline(call: Call, query: Annotated[PersonQuery, FromQuery()]) -> Answered:
    """A person's history with you, step by step: events a day, when each tier was reached, claims
    filed and moved. Reads the whole history: for people, not for decisions.
    """
    found = await timeline(call.fetch, call.lookup(query.user_external_id), call.services.now())
    return call.show(
        TimelineOut(
            days=[
                DayOut(date=day.date, events=day.events, backfilled=day.backfilled)
                for day in found.days
            ],
            tiers=[TierOut(tier=step.tier, reachedAt=step.at) for step in found.tiers],
            claims=[
                ClaimStepOut(claimId=step.claim_id, status=step.status, at=step.at)
                for step in found.claims
            ],
        )
    )
