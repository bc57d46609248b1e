"""Listings: what agents offer on a marketplace, at what price, and how well they did so far."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.guarded_fetch import URL_LENGTH_AT_MOST
from application.ids import new_id
from domain.agent import Status
from domain.listing import Listing, Pricing, PublishListing, RotateAgentUid, ShownListing
from domain.money import read_price
from domain.names import LENGTH_AT_MOST
from domain.refusals import (
    InvalidAgentState,
    InvalidCursor,
    InvalidName,
    InvalidSchema,
    InvalidValue,
    NotFound,
)
from domain.reputation import MILLION
from interfaces.api.call import Answered, Call
from interfaces.api.map.route import MapRoute, member, member_id
from interfaces.api.map.webhooks import must_be_public, secret_of
from interfaces.api.map.wire import Capability, Currency, Decimal, MapPage, MapWire, Unit, page_out
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.wire import WHOLE, Id, Moment, Pagination
from projections.market_listings import Offered, ranked_listings

router = APIRouter(route_class=MapRoute, tags=["Marketplace: agents"])

Schema = Annotated[
    dict[str, Any] | None,
    Field(description="JSON Schema, draft 2020-12, without references to other documents."),
]


class PricingIn(MapWire):
    """What one unit of the work costs."""

    unit: Unit
    price_per_unit: Decimal
    currency: Currency


class SlaIn(MapWire):
    """What the agent promises."""

    max_seconds: Annotated[int, WHOLE] | None = Field(
        None, description="How long after acceptance it delivers at the latest."
    )


class ListingIn(MapWire):
    """An agent, and what it offers."""

    name: Annotated[
        str,
        Field(
            examples=["Voice caller"],
            json_schema_extra={"minLength": 1, "maxLength": LENGTH_AT_MOST, "pattern": r"\S"},
        ),
    ]
    capabilities: Annotated[
        list[Capability], Field(json_schema_extra={"minItems": 1, "maxItems": 20})
    ]
    input_schema: Schema = None
    output_schema: Schema = None
    pricing: PricingIn
    sla: SlaIn = SlaIn()
    auto_accept: bool = Field(
        default=False,
        description="Whether it takes any job at its price that is within the budget.",
    )
    webhook_url: str | None = Field(
        None,
        description="Where it is told of offers. Its host must be public, and is asked on the "
        "default port.",
        json_schema_extra={"maxLength": URL_LENGTH_AT_MOST, "format": "uri"},
    )


class PricingOut(TypedDict):
    """What one unit of the work costs."""

    unit: str
    price_per_unit: str
    currency: str


class SlaOut(TypedDict):
    """What the agent promises."""

    max_seconds: int | None


class ListingOut(TypedDict):
    """What an agent offers."""

    agent_id: Id
    user_id: Id
    name: str
    capabilities: list[str]
    input_schema: dict[str, Any] | None
    output_schema: dict[str, Any] | None
    pricing: PricingOut
    sla: SlaOut
    auto_accept: bool
    status: Status
    published_at: Moment


class ListingWithUidOut(ListingOut):
    """An agent and its uid, shown this once; a replay has null there."""

    agent_uid: str | None


class PublishedListingOut(ListingWithUidOut):
    """A new agent. ``webhook_secret``, shown this once like its uid, is what it is told of offers
    under; null without an address to tell it. The webhook has the agent's id.
    """

    webhook_secret: str | None


def listing_out(agent_id: str, listing: Listing, status: Status) -> ListingOut:
    """What is shown of a listing, everywhere the same."""
    pricing = listing.pricing
    return {
        "agent_id": agent_id,
        "user_id": listing.owner_id,
        "name": listing.name,
        "capabilities": list(listing.capabilities),
        "input_schema": listing.input_schema,
        "output_schema": listing.output_schema,
        "pricing": {
            "unit": pricing.unit,
            "price_per_unit": str(pricing.price),
            "currency": pricing.price.currency,
        },
        "sla": {"max_seconds": listing.sla_max_seconds},
        "auto_accept": listing.auto_accept,
        "status": status,
        "published_at": listing.published_at,
    }


def listing_with_uid_out(shown: ShownListing) -> ListingWithUidOut:
    """What is shown of an agent that was given a uid, and kept."""
    out = listing_out(shown.agent_id, shown.listing, shown.agent.status)
    return {**out, "agent_uid": None}


def published_listing_out(shown: ShownListing) -> PublishedListingOut:
    """What is shown of a new agent, and kept."""
    return {**listing_with_uid_out(shown), "webhook_secret": None}


class ReputationOut(TypedDict):
    """How an agent's work was judged: rates and the mean rating are null before any of it was.
    ``score``, of 0 to 1, ranks.
    """

    score: float
    evaluations: int
    mean_rating: float | None
    approval_rate: float | None
    on_time_rate: float | None
    jobs_done: int


class OfferedOut(ListingOut):
    """What an agent offers, and how it did so far."""

    reputation: ReputationOut


class OfferedList(TypedDict):
    """A page of agents, the best first."""

    data: list[OfferedOut]
    pagination: Pagination


class ListingsQuery(MapPage):
    """Which agents to find."""

    capability: Capability | None = None


def offered_out(offered: Offered) -> OfferedOut:
    """What is shown of an agent that was found."""
    reputation = offered.reputation
    return {
        **listing_out(offered.agent_id, offered.listing, "ACTIVE"),
        "reputation": {
            "score": reputation.score / MILLION,
            "evaluations": reputation.ratings,
            "mean_rating": reputation.mean_rating,
            "approval_rate": reputation.approval_rate,
            "on_time_rate": reputation.on_time_rate,
            "jobs_done": reputation.jobs_done,
        },
    }


@router.post(
    "/agents",
    status_code=201,
    response_model=PublishedListingOut,
    dependencies=member("listings:write"),
    openapi_extra=IDEMPOTENT,
    summary="List an agent",
)
@refuses(InvalidName, InvalidValue, InvalidSchema)
async def publish_listing(call: Call, form: ListingIn) -> Answered:
    """Register an agent of yours and offer its work. Its uid is shown this once. Inputs and results
    of its jobs are held against the schemas.
    """
    uid, issued = call.services.new_uid()
    agent_id, once = new_id(), {"agent_uid": uid}
    if form.webhook_url is not None:
        must_be_public(call, form.webhook_url, "webhook_url")
        once["webhook_secret"] = secret_of(call, agent_id)
    price = read_price(form.pricing.price_per_unit, form.pricing.currency, "pricing.price_per_unit")
    command = PublishListing(
        id=agent_id,
        tenant=call.principal.tenant,
        owner_id=member_id(call),
        name=form.name,
        capabilities=tuple(form.capabilities),
        pricing=Pricing(unit=form.pricing.unit, price=price),
        uid=issued,
        lookup=call.lookup(agent_id),
        participant_id=new_id(),
        input_schema=form.input_schema,
        output_schema=form.output_schema,
        sla_max_seconds=form.sla.max_seconds,
        auto_accept=form.auto_accept,
        webhook_url=form.webhook_url,
    )
    return await call.commit(
        command, published_listing_out, status=201, repeat=call.repeat(), once=once
    )


@router.post(
    "/agents/{agent_id}/uid/rotate",
    response_model=ListingWithUidOut,
    dependencies=member("listings:write"),
    openapi_extra=IDEMPOTENT,
    summary="Rotate an agent's uid",
)
@refuses(NotFound, InvalidAgentState)
async def rotate_agent_uid(call: Call, agent_id: str) -> Answered:
    """Give an agent of yours another uid, shown this once; the one before is dead at once."""
    uid, issued = call.services.new_uid()
    command = RotateAgentUid(
        id=new_id(),
        tenant=call.principal.tenant,
        owner_id=member_id(call),
        agent_id=agent_id,
        uid=issued,
    )
    return await call.commit(
        command, listing_with_uid_out, repeat=call.repeat(), once={"agent_uid": uid}
    )


@router.get(
    "/agents",
    response_model=OfferedList,
    dependencies=member("market:read"),
    openapi_extra=READ,
    summary="Find agents",
)
@refuses(InvalidCursor)
async def get_listings(call: Call, query: Annotated[ListingsQuery, FromQuery()]) -> Answered:
    """The agents that are offered, the best first: by how their work was judged, shrunk towards the
    middle where it is little; then by id.
    """
    page = await ranked_listings(
        call.across,
        call.principal.tenant,
        capability=query.capability,
        cursor=query.cursor,
        limit=query.limit,
    )
    return call.show(
        OfferedList(
            data=[offered_out(one) for one in page.agents], pagination=page_out(page.cursor)
        )
    )
