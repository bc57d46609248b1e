"""Entities: erasing who somebody is."""

from fastapi import APIRouter
from typing_extensions import TypedDict

from application.ids import new_id
from domain.entity import EraseEntity, Erasure
from domain.refusals import NotFound
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import IDEMPOTENT, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import ExternalId, Moment, Wire

router = APIRouter(route_class=LeanRoute, tags=["Entities"])


class ErasureIn(Wire):
    """Who is to become unidentifiable."""

    user_external_id: ExternalId


class ErasureOut(TypedDict):
    """What was erased, and when."""

    entityId: str
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
