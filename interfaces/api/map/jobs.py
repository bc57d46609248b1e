"""Jobs: work that clients ask for, from the post to the end, and all that became of it."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id, new_salt
from domain.instants import Instant, parse_instant
from domain.job import Cause, Job, ShownJob, Status
from domain.job_end import CancelJob, EraseJob
from domain.job_posting import PostJob
from domain.money import Price, read_price
from domain.negotiation import House
from domain.refusals import (
    InvalidJobState,
    InvalidValue,
    NotFound,
)
from interfaces.api.call import Answered, Call
from interfaces.api.map.route import MapRoute, member, member_id
from interfaces.api.map.wire import (
    Capability,
    Currency,
    Decimal,
    Documented,
    JobNumber,
    MapWire,
    Unit,
    number_of,
)
from interfaces.api.openapi import IDEMPOTENT, refuses
from interfaces.api.route import needs
from interfaces.api.wire import WHOLE, Id, Moment, Time

router = APIRouter(route_class=MapRoute, tags=["Marketplace: jobs"])


GATE = "job.accept"
"""The action that the policy must allow whoever accepts a job, where the operator wants it."""


class BudgetIn(MapWire):
    """The most that one unit may cost."""

    price_per_unit: Decimal
    currency: Currency


class JobIn(Documented):
    """What is to be done, and for how much."""

    title: Annotated[
        str,
        Field(examples=["Call our leads"], json_schema_extra={"minLength": 1, "maxLength": 200}),
    ]
    capability: Capability
    requirements: Annotated[
        Any,
        Field(
            description="Whatever the agent must know, as text or JSON. Agents read it under "
            "requirements.requirement_json.",
            examples=[{"script": "Hello, this is Acme."}],
        ),
    ] = None
    unit: Unit
    units: Annotated[int, WHOLE, Field(json_schema_extra={"minimum": 1, "maximum": 1_000_000})]
    budget: BudgetIn
    deadline: Time | None = Field(
        None, description="After it nothing more is delivered, and what is missing is given up."
    )


class PriceOut(TypedDict):
    """What one unit costs."""

    price_per_unit: str
    currency: str


class JobOut(TypedDict):
    """A job as it stands. Its units are ``remaining`` (to be delivered), ``awaiting`` (their
    evaluation), ``approved`` or ``given_up``. ``agreed`` is the price of the agent at work;
    ``delivery_id`` is what was delivered last.
    """

    job_id: int
    job_status: Status
    user_id: Id
    capability: str
    unit: str
    units: int
    remaining: int
    awaiting: int
    approved: int
    given_up: int
    budget: PriceOut
    agent_id: Id | None
    agreed: PriceOut | None
    due_at: Moment | None
    delivery_id: Id | None
    deadline: Moment | None
    closed: Cause | None
    posted_at: Moment
    ended_at: Moment | None
    erased_at: Moment | None


def job_out(job: Job) -> JobOut:
    """What is shown of a job, everywhere the same."""
    terms = None if job.engagement is None else job.engagement.terms
    return {
        "job_id": job.number,
        "job_status": job.status,
        "user_id": job.client_id,
        "capability": job.capability,
        "unit": job.unit,
        "units": job.units,
        "remaining": job.remaining,
        "awaiting": job.awaiting,
        "approved": job.approved,
        "given_up": job.given_up,
        "budget": price_out(job.budget),
        "agent_id": job.agent_id,
        "agreed": None if terms is None else price_out(terms.price),
        "due_at": None if terms is None else terms.due_at,
        "delivery_id": job.delivery_id,
        "deadline": job.deadline,
        "closed": job.closed,
        "posted_at": job.posted_at,
        "ended_at": job.ended_at,
        "erased_at": job.erased_at,
    }


def price_out(price: Price) -> PriceOut:
    """What is shown of a price."""
    return {"price_per_unit": str(price), "currency": price.currency}


def shown_job_out(shown: ShownJob) -> JobOut:
    """What is shown of a job to which something was done, and kept."""
    return job_out(shown.job)


def house_of(call: Call) -> House:
    """The rules of the house, as the operator set them."""
    settings = call.services.settings
    return House(
        fee_basis_points=settings.market_fee_basis_points,
        gate=GATE if settings.market_gate else None,
    )


@router.post(
    "/jobs",
    status_code=201,
    response_model=JobOut,
    dependencies=member("jobs:post"),
    openapi_extra=IDEMPOTENT,
    summary="Post a job",
)
@refuses(InvalidValue)
async def post_job(call: Call, form: JobIn) -> Answered:
    """Ask for work. Agents with the capability are offered it; the best of those who take any job
    within its budget has it at once.
    """
    budget = form.budget
    command = PostJob(
        id=new_id(),
        tenant=call.principal.tenant,
        client_id=member_id(call),
        title=form.title,
        capability=form.capability,
        requirements=requirements_of(form.requirements),
        unit=form.unit,
        units=form.units,
        budget=read_price(budget.price_per_unit, budget.currency, "budget.price_per_unit"),
        deadline=deadline_of(form.deadline),
        salt=new_salt(),
        house=house_of(call),
        decision_id=new_id(),
    )
    return await call.commit(command, shown_job_out, status=201, repeat=call.repeat())


def requirements_of(given: Any) -> dict[str, Any]:
    """Requirements as agents read them: an object that has ``requirement_json``."""
    if isinstance(given, dict) and "requirement_json" in given:
        return given
    return {"requirement_json": {} if given is None else given}


def deadline_of(text: str | None) -> Instant | None:
    """A deadline as an instant. Raises InvalidValue."""
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise InvalidValue(field="deadline", reason=f"must be a time: {error}") from error


@router.post(
    "/jobs/{job_id}/cancel",
    response_model=JobOut,
    dependencies=member("jobs:post"),
    openapi_extra=IDEMPOTENT,
    summary="Cancel a job",
)
@refuses(NotFound, InvalidJobState)
async def cancel_job(call: Call, job_id: JobNumber) -> Answered:
    """Want no more of it: what nobody has delivered is given up, what was delivered is judged
    first.
    """
    command = CancelJob(
        id=new_id(),
        tenant=call.principal.tenant,
        client_id=member_id(call),
        job_id=number_of(job_id),
    )
    return await call.commit(command, shown_job_out, repeat=call.repeat())


@router.post(
    "/jobs/{job_id}/erase",
    response_model=JobOut,
    dependencies=[*member("jobs:post"), needs("members:write")],
    openapi_extra=IDEMPOTENT,
    summary="Erase what was written on a job",
)
@refuses(NotFound, InvalidJobState)
async def erase_job(call: Call, job_id: JobNumber) -> Answered:
    """Destroy all that people wrote on a job that has ended: title, requirements, inputs, results,
    comments. By its client, or with the platform's key. What the log holds stays, and proves
    nothing of what was written.
    """
    client = call.principal.member
    command = EraseJob(
        id=new_id(),
        tenant=call.principal.tenant,
        client_id=None if client is None else client.member_id,
        job_id=number_of(job_id),
    )
    return await call.commit(command, shown_job_out, repeat=call.repeat())
