"""Entities: erasing who somebody is."""

from fastapi import APIRouter

from domain.entity import EraseEntity, Erasure
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import IDEMPOTENT, faults
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import ExternalId, Moment, Wire

router = APIRouter(route_class=LeanRoute, tags=["Entities"])


class ErasureIn(Wire):
    """Who is to become unidentifiable."""

    user_external_id: ExternalId


class ErasureOut(Wire):
    """What was erased, and when."""

    entity_id: str
    erased_at: Moment
    position: int


def render_erasure(done: Erasure) -> str:
    """The reply as it is kept."""
    return ErasureOut(
        entity_id=done.entity_id, erased_at=done.erased_at, position=done.position
    ).model_dump_json()


@router.post(
    "/entities/erase",
    response_model=ErasureOut,
    dependencies=[needs("entities:erase")],
    responses=faults(400, 401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra=IDEMPOTENT,
    summary="Erase a person",
)
async def erase_entity(call: Call, person: ErasureIn) -> Answered:
    """Make a person unidentifiable for good: the way from your identifier to their history is
    destroyed, with the replies kept for their events. The history itself stays, nobody's."""
    return await call.commit(
        EraseEntity(id=call.services.new_id(), lookup=call.lookup(person.user_external_id)),
        render_erasure,
        repeat=call.repeat(person),
    )
