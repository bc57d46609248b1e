"""Offers: how an agent comes to a job. It takes it as it is, or says for what it would."""

from fastapi import APIRouter
from typing_extensions import TypedDict

from application.ids import new_id
from domain.money import read_millionths
from domain.negotiation import (
    AcceptCounterOffer,
    AcceptJob,
    DeclineCounterOffer,
    DeclineJob,
    MadeOffer,
    MakeCounterOffer,
)
from domain.refusals import (
    InvalidJobState,
    InvalidValue,
    JobNotOffered,
    NotFound,
    OfferAlreadyAccepted,
    OfferClosed,
    PolicyRefused,
    PriceAboveBudget,
    SpendCapExceeded,
    TooManyEngagements,
)
from domain.work import CounterOffer, OfferStatus
from interfaces.api.call import Answered, Call
from interfaces.api.map.jobs import JobOut, house_of, shown_job_out
from interfaces.api.map.route import MapRoute, agent, agent_id, member, member_id
from interfaces.api.map.wire import Decimal, Eta, JobNumber, MapWire, number_of
from interfaces.api.openapi import IDEMPOTENT, refuses
from interfaces.api.wire import Id, Moment

router = APIRouter(route_class=MapRoute, tags=["Marketplace: offers"])

ENGAGING = (
    InvalidJobState,
    OfferAlreadyAccepted,
    PolicyRefused,
    SpendCapExceeded,
    TooManyEngagements,
)
"""What may keep an agent and a job from each other."""


class OfferIn(MapWire):
    """For what, and until when, an agent would do the work. The currency is that of the budget."""

    price_per_unit: Decimal
    eta: Eta


class CounterOfferOut(TypedDict):
    """An agent's own price for a job, which its client may take while it is open."""

    offer_id: Id
    job_id: int
    agent_id: Id
    price_per_unit: str
    currency: str
    eta: int | None
    status: OfferStatus
    made_at: Moment


def counter_offer_out(offer_id: str, offer: CounterOffer) -> CounterOfferOut:
    """What is shown of a counter-offer, everywhere the same."""
    return {
        "offer_id": offer_id,
        "job_id": offer.job,
        "agent_id": offer.agent_id,
        "price_per_unit": str(offer.price),
        "currency": offer.price.currency,
        "eta": offer.eta_seconds,
        "status": offer.status,
        "made_at": offer.made_at,
    }


def made_offer_out(made: MadeOffer) -> CounterOfferOut:
    """What is shown of a counter-offer that was just made, and kept."""
    return counter_offer_out(made.offer_id, made.offer)


@router.post(
    "/jobs/{job_id}/offers/accept",
    response_model=JobOut,
    dependencies=agent(),
    openapi_extra=IDEMPOTENT,
    summary="Accept a job",
)
@refuses(NotFound, InvalidValue, PriceAboveBudget, JobNotOffered, *ENGAGING)
async def accept_job(call: Call, job_id: JobNumber, form: OfferIn) -> Answered:
    """Take a job at a price within its budget. The first who does has it."""
    command = AcceptJob(
        id=new_id(),
        tenant=call.principal.tenant,
        agent_id=agent_id(call),
        job_id=number_of(job_id),
        price_millionths=read_millionths(form.price_per_unit),
        eta_seconds=form.eta,
        house=house_of(call),
        decision_id=new_id(),
    )
    return await call.commit(command, shown_job_out, repeat=call.repeat())


@router.post(
    "/jobs/{job_id}/offers/counter",
    status_code=201,
    response_model=CounterOfferOut,
    dependencies=agent(),
    openapi_extra=IDEMPOTENT,
    summary="Make a counter-offer",
)
@refuses(NotFound, InvalidValue, JobNotOffered, InvalidJobState, OfferAlreadyAccepted)
async def make_counter_offer(call: Call, job_id: JobNumber, form: OfferIn) -> Answered:
    """Say for what you would take a job, even above its budget. The client may accept it; your
    earlier one is void.
    """
    command = MakeCounterOffer(
        id=new_id(),
        tenant=call.principal.tenant,
        agent_id=agent_id(call),
        job_id=number_of(job_id),
        price_millionths=read_millionths(form.price_per_unit),
        eta_seconds=form.eta,
    )
    return await call.commit(command, made_offer_out, status=201, repeat=call.repeat())


@router.post(
    "/jobs/{job_id}/offers/decline",
    response_model=JobOut,
    dependencies=agent(),
    openapi_extra=IDEMPOTENT,
    summary="Decline a job",
)
@refuses(NotFound, InvalidJobState, OfferAlreadyAccepted)
async def decline_job(call: Call, job_id: JobNumber) -> Answered:
    """Not want a job: it is not offered to you again."""
    command = DeclineJob(
        id=new_id(),
        tenant=call.principal.tenant,
        agent_id=agent_id(call),
        job_id=number_of(job_id),
    )
    return await call.commit(command, shown_job_out, repeat=call.repeat())


@router.post(
    "/jobs/{job_id}/offers/{offer_id}/accept",
    response_model=JobOut,
    dependencies=member("jobs:post"),
    openapi_extra=IDEMPOTENT,
    summary="Accept a counter-offer",
)
@refuses(NotFound, OfferClosed, *ENGAGING)
async def accept_counter_offer(call: Call, job_id: JobNumber, offer_id: str) -> Answered:
    """Take an agent's own price for a job of yours, even above your budget."""
    command = AcceptCounterOffer(
        id=new_id(),
        tenant=call.principal.tenant,
        client_id=member_id(call),
        job_id=number_of(job_id),
        offer_id=offer_id,
        house=house_of(call),
        decision_id=new_id(),
    )
    return await call.commit(command, shown_job_out, repeat=call.repeat())


@router.post(
    "/jobs/{job_id}/offers/{offer_id}/decline",
    response_model=JobOut,
    dependencies=member("jobs:post"),
    openapi_extra=IDEMPOTENT,
    summary="Decline a counter-offer",
)
@refuses(NotFound, OfferClosed)
async def decline_counter_offer(call: Call, job_id: JobNumber, offer_id: str) -> Answered:
    """Not want an agent's own price for a job of yours."""
    command = DeclineCounterOffer(
        id=new_id(),
        tenant=call.principal.tenant,
        client_id=member_id(call),
        job_id=number_of(job_id),
        offer_id=offer_id,
    )
    return await call.commit(command, shown_job_out, repeat=call.repeat())
