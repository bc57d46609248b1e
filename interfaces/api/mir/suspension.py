"""Suspension: how the operator stops a partner, and lets it go on."""

from fastapi import APIRouter
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.admission import ReactivatePartner, SuspendPartner
from domain.partner import Status
from domain.refusals import NotFound
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import IDEMPOTENT, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import Id, Wire

router = APIRouter(route_class=LeanRoute, tags=["Operators"])


class PartnerIn(Wire):
    """Which partner."""

    partner_id: Id = Field(examples=["0b6f2c0e-6d53-4b57-9d0c-7a1f6b0e2f11"])


class PartnerStatusOut(TypedDict):
    """A partner, and whether its keys open anything."""

    partnerId: Id
    status: Status


@router.post(
    "/partners/suspend",
    response_model=PartnerStatusOut,
    dependencies=[needs("partners:suspend")],
    openapi_extra=IDEMPOTENT,
    summary="Suspend a partner",
)
@refuses(NotFound)
async def suspend_partner(call: Call, partner: PartnerIn) -> Answered:
    """Stop all keys of a partner, at once and on every worker. Takes the operator's key."""
    return await _turned(call, SuspendPartner(id=new_id(), partner_id=partner.partner_id))


@router.post(
    "/partners/reactivate",
    response_model=PartnerStatusOut,
    dependencies=[needs("partners:suspend")],
    openapi_extra=IDEMPOTENT,
    summary="Reactivate a partner",
)
@refuses(NotFound)
async def reactivate_partner(call: Call, partner: PartnerIn) -> Answered:
    """Let a suspended partner's keys work again. Takes the operator's key."""
    return await _turned(call, ReactivatePartner(id=new_id(), partner_id=partner.partner_id))


async def _turned(call: Call, command: SuspendPartner | ReactivatePartner) -> Answered:
    def shown(status: Status) -> PartnerStatusOut:
        return {"partnerId": command.partner_id, "status": status}

    return await call.commit(command, shown, repeat=call.repeat())
