"""Links: entities of several partners that are one, joined by the organisations themselves."""

import base64
import secrets
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.link import Code, LeaveLink, Linked, OfferLink, RedeemLink
from domain.refusals import LinkCodeInvalid, LinkExists, LinkNotAllowed, NotFound
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import ExternalId, Moment, Query, Wire
from projections.links import AskLinks

router = APIRouter(route_class=LeanRoute, tags=["Links"])


class LinkIn(Wire):
    """Whose entity is to be linked."""

    user_external_id: ExternalId


class RedeemIn(Wire):
    """The code that another partner gave you, and who it is at your side."""

    link_code: str = Field(min_length=1, max_length=64, examples=["lnk_MZXW6YTBOI2GEZDF"])
    user_external_id: ExternalId


class LinkQuery(Query):
    """Whose link."""

    user_external_id: ExternalId


class CodeOut(TypedDict):
    """A code for the other partner, shown this once; a replay has null in its place."""

    linkCode: str | None
    expiresAt: Moment


class LinkOut(TypedDict):
    """Whether somebody is linked, and the names of the other partners."""

    linked: bool
    partners: list[str]


def code_out(code: Code) -> CodeOut:
    """What is shown of an offer, and kept."""
    return {"linkCode": None, "expiresAt": code.expires_at}


def link_out(linked: Linked) -> LinkOut:
    """What is shown of a link."""
    return {"linked": bool(linked.partners), "partners": list(linked.partners)}


@router.post(
    "/links",
    status_code=201,
    response_model=CodeOut,
    dependencies=[needs("links:write")],
    openapi_extra=IDEMPOTENT,
    summary="Offer a link",
)
@refuses(LinkNotAllowed)
async def offer_link(call: Call, person: LinkIn) -> Answered:
    """A code, good once within 15 minutes, with which another partner joins its entity to yours."""
    code = "lnk_" + base64.b32encode(secrets.token_bytes(20)).decode()
    command = OfferLink(
        id=new_id(),
        tenant=call.principal.tenant,
        lookup=call.lookup(person.user_external_id),
        agent_id=person.user_external_id,
        code_lookup=call.services.hashes.link_code(code),
    )
    return await call.commit(
        command, code_out, status=201, repeat=call.repeat(), once={"linkCode": code}
    )


@router.post(
    "/links/redeem",
    response_model=LinkOut,
    dependencies=[needs("links:write")],
    openapi_extra=IDEMPOTENT,
    summary="Redeem a link code",
)
@refuses(LinkCodeInvalid, LinkExists, LinkNotAllowed)
async def redeem_link(call: Call, given: RedeemIn) -> Answered:
    """Join your entity to the one that the code stands for: they share standing and claims from
    now on, each partner's events stay its own.
    """
    command = RedeemLink(
        id=new_id(),
        tenant=call.principal.tenant,
        lookup=call.lookup(given.user_external_id),
        agent_id=given.user_external_id,
        code_lookup=call.services.hashes.link_code(given.link_code),
    )
    with call.services.guesses.counted(call.principal.tenant, LinkCodeInvalid):
        return await call.commit(command, link_out, repeat=call.repeat())


@router.get(
    "/links/status",
    response_model=LinkOut,
    dependencies=[needs("claims:read")],
    openapi_extra=READ,
    summary="Show a link",
)
async def get_link(call: Call, query: Annotated[LinkQuery, FromQuery()]) -> Answered:
    """With whom somebody is linked."""
    linked: Linked = (await call.ask(AskLinks(call.lookup(query.user_external_id)))).value
    return call.show(link_out(linked))


@router.delete(
    "/links",
    response_model=LinkOut,
    dependencies=[needs("links:write")],
    summary="Leave a link",
)
@refuses(NotFound)
async def leave_link(call: Call, query: Annotated[LinkQuery, FromQuery()]) -> Answered:
    """Take your entity out, at once; the others stay together."""
    command = LeaveLink(id=new_id(), lookup=call.lookup(query.user_external_id))
    return await call.commit(command, link_out)
