"""Partners: who you are."""

from fastapi import APIRouter
from typing_extensions import TypedDict

from domain.partner import Environment, Partner, Status
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import READ
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import Id, Moment
from projections.partners import AskPartner

router = APIRouter(route_class=LeanRoute, tags=["Partners"])


class PartnerOut(TypedDict):
    """The partner behind the key, and the environment that the key opens.

    ``environments`` are all that it may use, each with keys of its own; ``domain`` is the one that
    it proved.
    """

    partnerId: Id
    name: str
    slug: str
    status: Status
    environment: Environment
    environments: list[Environment]
    domain: str | None
    approvedAt: Moment


@router.get(
    "/partners/me",
    response_model=PartnerOut,
    dependencies=[needs("events:read")],
    openapi_extra=READ,
    summary="Who am I",
)
async def get_me(call: Call) -> Answered:
    """The partner that the key belongs to."""
    found: Partner = (await call.ask(AskPartner(call.principal.partner_id))).value
    return call.show(
        PartnerOut(
            partnerId=call.principal.partner_id,
            name=found.name,
            slug=found.slug,
            status=found.status,
            environment=call.principal.environment,
            environments=list(found.environments),
            domain=found.domain,
            approvedAt=found.approved_at,
        )
    )
