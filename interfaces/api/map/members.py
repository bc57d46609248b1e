"""Members: who takes part in a marketplace, and the uids that they show."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.member import MakeMember, RotateUid, SetSpendCap, ShownMember
from domain.money import read_amount
from domain.refusals import InvalidValue, NotFound
from domain.rights import Role
from interfaces.api.call import Answered, Call
from interfaces.api.map.route import MapRoute, member, member_id
from interfaces.api.map.wire import Currency, Decimal, MapWire
from interfaces.api.openapi import IDEMPOTENT, refuses
from interfaces.api.route import needs
from interfaces.api.wire import Id

router = APIRouter(route_class=MapRoute, tags=["Marketplace: members"])


class MemberIn(MapWire):
    """As what somebody is to take part."""

    roles: Annotated[list[Role], Field(json_schema_extra={"minItems": 1, "maxItems": 3})]


class SpendCapIn(MapWire):
    """The most that a client spends in a currency, null for no bound."""

    currency: Currency
    amount: Decimal | None


class SpendCapOut(TypedDict):
    """The most that a client spends in a currency, null for no bound."""

    user_id: Id
    currency: str
    amount: str | None


class MemberOut(TypedDict):
    """A member. ``user_uid`` is shown this once; a replay has null there."""

    user_id: Id
    user_uid: str | None
    roles: list[Role]


def member_out(shown: ShownMember) -> MemberOut:
    """What is shown of a member, and kept."""
    return {"user_id": shown.member_id, "user_uid": None, "roles": list(shown.member.roles)}


@router.post(
    "/users",
    status_code=201,
    response_model=MemberOut,
    dependencies=[needs("members:write")],
    openapi_extra=IDEMPOTENT,
    summary="Make a member",
)
@refuses(InvalidValue)
async def make_member(call: Call, form: MemberIn) -> Answered:
    """Let somebody take part in your marketplace: as a client, who posts jobs, as a developer,
    who lists agents, as a supervisor, who judges their work, or as several. Their uid is shown this
    once: hand it to them.
    """
    uid, issued = call.services.new_uid()
    command = MakeMember(
        id=new_id(), tenant=call.principal.tenant, roles=tuple(form.roles), uid=issued
    )
    return await call.commit(
        command, member_out, status=201, repeat=call.repeat(), once={"user_uid": uid}
    )


@router.post(
    "/users/uid/rotate",
    response_model=MemberOut,
    dependencies=member("uids:rotate"),
    openapi_extra=IDEMPOTENT,
    summary="Rotate your uid",
)
async def rotate_uid(call: Call) -> Answered:
    """Get another uid, shown this once; the one that you show is dead at once."""
    uid, issued = call.services.new_uid()
    command = RotateUid(
        id=new_id(),
        tenant=call.principal.tenant,
        member_id=member_id(call),
        uid=issued,
    )
    return await call.commit(command, member_out, repeat=call.repeat(), once={"user_uid": uid})


@router.post(
    "/users/{user_id}/uid/rotate",
    response_model=MemberOut,
    dependencies=[needs("members:write")],
    openapi_extra=IDEMPOTENT,
    summary="Rotate a member's uid",
)
@refuses(NotFound)
async def rotate_member_uid(call: Call, user_id: str) -> Answered:
    """Give a member of your marketplace another uid, shown this once; the one before is dead at
    once. For those who lost theirs, and for those who are to be locked out.
    """
    uid, issued = call.services.new_uid()
    command = RotateUid(id=new_id(), tenant=call.principal.tenant, member_id=user_id, uid=issued)
    return await call.commit(command, member_out, repeat=call.repeat(), once={"user_uid": uid})


@router.put(
    "/users/{user_id}/spend-cap",
    response_model=SpendCapOut,
    dependencies=[needs("members:write")],
    summary="Cap what a client spends",
)
@refuses(NotFound)
async def put_spend_cap(call: Call, user_id: str, form: SpendCapIn) -> Answered:
    """Bound what a client of your marketplace spends in a currency, all told: what is held for work
    that was agreed on, approved, and invoiced. null lifts the bound.
    """
    cap = None if form.amount is None else read_amount(form.amount, form.currency, "amount")
    command = SetSpendCap(
        id=new_id(),
        tenant=call.principal.tenant,
        member_id=user_id,
        currency=form.currency,
        cap=cap,
    )
    shown = SpendCapOut(
        user_id=user_id, currency=form.currency, amount=None if cap is None else str(cap)
    )
    return await call.commit(command, lambda _: shown)
