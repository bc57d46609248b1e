"""Builders for the marketplace: members, agents with listings, jobs and what is done on them.

Tests speak of members and agents by the ids that these builders give them.
"""

from collections.abc import Sequence
from typing import Any

from domain.command import Command
from domain.delivery import DeliverJob, ProvideInputs, Received, Result, SubmitResults
from domain.evaluation import ClaimReview, EvaluateWork, ReverseEvaluation
from domain.instants import Instant
from domain.job import JOB, Decision, Job
from domain.job_end import CancelJob, EraseJob, ExpireJob
from domain.job_posting import PostJob
from domain.ledger import Account, balance_of
from domain.listing import Pricing, PublishListing, RotateAgentUid
from domain.member import MakeMember, RotateUid, SetSpendCap
from domain.money import Money, Price, read_price
from domain.negotiation import (
    AcceptCounterOffer,
    AcceptJob,
    DeclineCounterOffer,
    DeclineJob,
    House,
    MakeCounterOffer,
)
from domain.partner import IssuedKey
from domain.principal import Principal
from domain.rights import Role
from tests.builders import TENANT, History, a_hash_of, a_lookup, a_principal, an_id, an_issued_key

CLIENT, DEVELOPER, SUPERVISOR = "client-1", "developer-1", "supervisor-1"
AGENT = "agent-1"
VOICE = "voice-outbound"
SALT = a_hash_of("a salt")
PLAIN = House()


def a_price(text: str = "2.50", currency: str = "USD") -> Price:
    """What one unit costs."""
    return read_price(text, currency)


def a_member(
    member_id: str, *roles: Role, tenant: str = TENANT, uid: IssuedKey | None = None
) -> MakeMember:
    """The command to let somebody take part."""
    return MakeMember(
        id=member_id,
        tenant=tenant,
        roles=roles,
        uid=uid or an_issued_key(f"first uid of {member_id}"),
    )


def a_uid_rotation(member_id: str, uid: IssuedKey, *, tenant: str = TENANT) -> RotateUid:
    """The command to give a member another uid."""
    return RotateUid(id=an_id(), tenant=tenant, member_id=member_id, uid=uid)


def a_spend_cap(
    minor: int | None, *, member_id: str = CLIENT, currency: str = "USD"
) -> SetSpendCap:
    """The command to bound what a client spends."""
    cap = None if minor is None else Money(minor, currency)
    return SetSpendCap(id=an_id(), tenant=TENANT, member_id=member_id, currency=currency, cap=cap)


def a_listing(
    agent_id: str = AGENT,
    *,
    tenant: str = TENANT,
    owner_id: str = DEVELOPER,
    name: str = "Caller",
    capabilities: tuple[str, ...] = (VOICE,),
    price: Price | None = None,
    unit: str = "lead",
    uid: IssuedKey | None = None,
    sla_max_seconds: int | None = None,
    auto_accept: bool = False,
    input_schema: dict[str, Any] | None = None,
    output_schema: dict[str, Any] | None = None,
    webhook_url: str | None = None,
) -> PublishListing:
    """The command to offer an agent."""
    return PublishListing(
        id=agent_id,
        tenant=tenant,
        owner_id=owner_id,
        name=name,
        capabilities=capabilities,
        pricing=Pricing(unit=unit, price=price or a_price()),
        uid=uid or an_issued_key(f"first uid of {agent_id}"),
        lookup=a_lookup(agent_id, tenant),
        participant_id=f"entity-of-{agent_id}",
        input_schema=input_schema,
        output_schema=output_schema,
        webhook_url=webhook_url,
        sla_max_seconds=sla_max_seconds,
        auto_accept=auto_accept,
    )


def an_agent_uid_rotation(
    uid: IssuedKey, *, agent_id: str = AGENT, owner_id: str = DEVELOPER
) -> RotateAgentUid:
    """The command to give a marketplace agent another uid."""
    return RotateAgentUid(id=an_id(), tenant=TENANT, owner_id=owner_id, agent_id=agent_id, uid=uid)


def a_job(
    *,
    tenant: str = TENANT,
    client_id: str = CLIENT,
    capability: str = VOICE,
    units: int = 4,
    unit: str = "lead",
    budget: Price | None = None,
    deadline: Instant | None = None,
    title: str = "Call these leads",
    requirements: dict[str, Any] | None = None,
    house: House = PLAIN,
) -> PostJob:
    """The command to post a job."""
    return PostJob(
        id=an_id(),
        tenant=tenant,
        client_id=client_id,
        title=title,
        capability=capability,
        requirements=requirements or {"requirement_json": {"language": "en"}},
        unit=unit,
        units=units,
        budget=budget or a_price("3"),
        deadline=deadline,
        salt=SALT,
        house=house,
        decision_id=an_id(),
    )


def an_acceptance(
    job_id: int,
    *,
    agent_id: str = AGENT,
    price: Price | None = None,
    eta_seconds: int | None = None,
    house: House = PLAIN,
) -> AcceptJob:
    """The command of an agent to take a job."""
    return AcceptJob(
        id=an_id(),
        tenant=TENANT,
        agent_id=agent_id,
        job_id=job_id,
        price_millionths=None if price is None else price.millionths,
        eta_seconds=eta_seconds,
        house=house,
        decision_id=an_id(),
    )


def a_counter_offer(
    job_id: int,
    price: Price | None = None,
    *,
    agent_id: str = AGENT,
    eta_seconds: int | None = None,
) -> MakeCounterOffer:
    """The command of an agent to ask for another price."""
    return MakeCounterOffer(
        id=an_id(),
        tenant=TENANT,
        agent_id=agent_id,
        job_id=job_id,
        price_millionths=(price or a_price("4")).millionths,
        eta_seconds=eta_seconds,
    )


def a_decline(job_id: int, *, agent_id: str = AGENT) -> DeclineJob:
    """The command of an agent that does not want a job."""
    return DeclineJob(id=an_id(), tenant=TENANT, agent_id=agent_id, job_id=job_id)


def a_taking(job_id: int, offer_id: str, *, client_id: str = CLIENT) -> AcceptCounterOffer:
    """The command of a client to take a counter-offer."""
    return AcceptCounterOffer(
        id=an_id(),
        tenant=TENANT,
        client_id=client_id,
        job_id=job_id,
        offer_id=offer_id,
        house=PLAIN,
        decision_id=an_id(),
    )


def a_refusal_of(job_id: int, offer_id: str, *, client_id: str = CLIENT) -> DeclineCounterOffer:
    """The command of a client that does not want a counter-offer."""
    return DeclineCounterOffer(
        id=an_id(), tenant=TENANT, client_id=client_id, job_id=job_id, offer_id=offer_id
    )


def some_inputs(job_id: int, inputs: Any = None, *, client_id: str = CLIENT) -> ProvideInputs:
    """The command of a client to give what is worked on."""
    return ProvideInputs(
        id=an_id(), tenant=TENANT, client_id=client_id, job_id=job_id, inputs=inputs or ["a lead"]
    )


def a_delivery(job_id: int, data: Any = "done", *, agent_id: str = AGENT) -> DeliverJob:
    """The command of an agent to hand in all that remains."""
    return DeliverJob(id=an_id(), tenant=TENANT, agent_id=agent_id, job_id=job_id, data=data)


def a_result(item_ref: str, data: Any = "done", *, units: int = 1) -> Result:
    """One item that is handed in."""
    return Result(item_ref=item_ref, units=units, outcome="reached", data=data)


def some_results(
    job_id: int, *items: Result, agent_id: str = AGENT, final: bool = False
) -> SubmitResults:
    """The command of an agent to hand in some items."""
    return SubmitResults(
        id=an_id(), tenant=TENANT, agent_id=agent_id, job_id=job_id, items=items, final=final
    )


def a_judgement(
    job_id: int,
    decision: Decision = "approve",
    *,
    supervisor_id: str = SUPERVISOR,
    delivery_id: str | None = None,
    item_ref: str | None = None,
    rating: int = 5,
    comments: str = "",
) -> EvaluateWork:
    """The command of a supervisor to judge work."""
    return EvaluateWork(
        id=an_id(),
        tenant=TENANT,
        supervisor_id=supervisor_id,
        job_id=job_id,
        delivery_id=delivery_id,
        item_ref=item_ref,
        decision=decision,
        rating=rating,
        comments=comments,
    )


def a_review_claim(job_id: int, *, supervisor_id: str = SUPERVISOR) -> ClaimReview:
    """The command of a supervisor to judge a job alone."""
    return ClaimReview(id=an_id(), tenant=TENANT, supervisor_id=supervisor_id, job_id=job_id)


def a_reversal(evaluation_id: str, *, supervisor_id: str = SUPERVISOR) -> ReverseEvaluation:
    """The command to take an evaluation back."""
    return ReverseEvaluation(
        id=an_id(), tenant=TENANT, supervisor_id=supervisor_id, evaluation_id=evaluation_id
    )


def a_cancellation(job_id: int, *, client_id: str = CLIENT) -> CancelJob:
    """The command of a client that wants no more."""
    return CancelJob(id=an_id(), tenant=TENANT, client_id=client_id, job_id=job_id)


def an_expiry(job_id: int) -> ExpireJob:
    """The command of the clock at a job's deadline."""
    return ExpireJob(id=an_id(), tenant=TENANT, job_id=job_id)


def an_erasure_of(job_id: int, *, client_id: str | None = CLIENT) -> EraseJob:
    """The command to destroy what was written on a job."""
    return EraseJob(id=an_id(), tenant=TENANT, client_id=client_id, job_id=job_id)


# Scenes


def the_developer(member_id: str = DEVELOPER) -> Principal:
    """The principal that lists agents."""
    return a_principal(permissions=frozenset({"listings:write"}), member_id=member_id)


class Market(History):
    """A history that begins with a client, a developer with an agent, and a supervisor."""

    def __init__(self, *listings: PublishListing, given: Sequence[Command[Any]] = ()) -> None:
        super().__init__(
            a_member(CLIENT, "client"),
            a_member(DEVELOPER, "developer"),
            a_member(SUPERVISOR, "supervisor"),
        )
        for listing in listings or (a_listing(),):
            self.list(listing)
        for command in given:
            self.do(command)

    def list(self, listing: PublishListing) -> None:
        """Have a developer offer an agent."""
        self.do(listing, principal=the_developer(listing.owner_id))

    def posted(self, command: PostJob | None = None) -> int:
        """Post a job; the reply is its number."""
        return self.do(command or a_job()).job_id

    def accepted(self, command: PostJob | None = None, **terms: Any) -> int:
        """Post a job that the agent has accepted; the reply is its number."""
        job_id = self.posted(command)
        self.do(an_acceptance(job_id, **terms))
        return job_id

    def delivered(self, command: PostJob | None = None, data: Any = "done") -> tuple[int, Received]:
        """Post a job of which all is delivered; the reply are its number and the receipt."""
        job_id = self.accepted(command)
        return job_id, self.do(a_delivery(job_id, data))

    def job(self, job_id: int) -> Job:
        """A job as it stands."""
        job = self.known().get(JOB, str(job_id))
        assert job is not None
        return job

    def balance(self, account: Account, currency: str = "USD") -> int:
        """How an account stands, in minor units."""
        return balance_of(TENANT, account, currency, self.known())
