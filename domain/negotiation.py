"""Negotiation: how an agent comes to work on a job, and at which price; the first that accepts."""

import msgspec

from domain.agent import AGENT
from domain.command import Change, Outcome
from domain.instants import Instant, shifted
from domain.job import (
    ENGAGEMENTS_AT_MOST,
    JOB,
    Accepted,
    CounterDeclined,
    Job,
    OfferCountered,
    OfferDeclined,
    ShownJob,
    Terms,
)
from domain.job_course import Course, clients_job, job_of, must_go_on
from domain.known import Key, Known
from domain.ledger import moved, spent_by
from domain.listing import LISTING, Listing, check_seconds, listed_in_force
from domain.member import MEMBER
from domain.money import Money, Price
from domain.policy import CATEGORY as DECISION
from domain.policy import WHY, Evaluate, weigh
from domain.refusals import (
    AgentSuspended,
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
    Unauthenticated,
)
from domain.standing import assess
from domain.work import BID, COUNTER_OFFER, CounterOffer, bid_key


class House(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of the house, from its settings: the platform's share of what is billed, and the
    action that the policy must allow whoever accepts a job, None for none.
    """

    fee_basis_points: int = 0
    gate: str | None = None


class MadeOffer(msgspec.Struct, frozen=True):
    """The reply to a counter-offer."""

    offer_id: str
    offer: CounterOffer


class AcceptJob(msgspec.Struct, frozen=True, kw_only=True):
    """An agent takes a job, within its budget. ``price_millionths`` are in the budget's
    currency, None for the price of its listing.

    ``decision_id`` is the id of the policy's decision, where the house asks for one.
    Raises NotFound, OfferAlreadyAccepted, InvalidJobState, JobNotOffered, InvalidValue,
    PriceAboveBudget, PolicyRefused, SpendCapExceeded, TooManyEngagements.
    """

    id: str
    tenant: str
    agent_id: str
    job_id: int
    price_millionths: int | None
    eta_seconds: int | None
    house: House
    decision_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return (
            (JOB.name, str(self.job_id)),
            (LISTING.name, self.agent_id),
            (AGENT.name, self.agent_id),
        )

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        listing = listed_in_force(self.agent_id, self.tenant, known)
        job = job_of(self.job_id, self.tenant, known)
        must_be_open(job, now)
        must_be_offered(job, listing)
        price = listing.pricing.price
        if self.price_millionths is not None:
            price = Price(self.price_millionths, job.budget.currency)
        must_be_within(price, job.budget)
        course = Course(self.job_id, job, self.tenant, now)
        candidate = Candidate(self.agent_id, listing, price, self.eta_seconds)
        engage(course, candidate, self.house, self.decision_id, known)
        return course.outcome()


class MakeCounterOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An agent says for what it would take a job; the client may accept it. The offer takes the
    command's ``id``, and voids the agent's earlier one.

    Raises NotFound, OfferAlreadyAccepted, InvalidJobState, JobNotOffered, InvalidValue.
    """

    id: str
    tenant: str
    agent_id: str
    job_id: int
    price_millionths: int
    eta_seconds: int | None

    @property
    def asks(self) -> tuple[Key, ...]:
        return (
            (JOB.name, str(self.job_id)),
            (LISTING.name, self.agent_id),
            (AGENT.name, self.agent_id),
            (BID.name, bid_key(self.job_id, self.agent_id)),
            (COUNTER_OFFER.name, self.id),
        )

    def decide(self, known: Known, now: Instant) -> Outcome[MadeOffer]:
        listing = listed_in_force(self.agent_id, self.tenant, known)
        job = job_of(self.job_id, self.tenant, known)
        must_be_open(job, now)
        must_be_offered(job, listing)
        price = Price(self.price_millionths, job.budget.currency)
        if self.eta_seconds is not None:
            check_seconds(self.eta_seconds, "eta")
        bid = known.get(BID, bid_key(self.job_id, self.agent_id))
        countered = OfferCountered(
            agent_id=self.agent_id,
            price=price,
            eta_seconds=self.eta_seconds,
            replaces=None if bid is None else bid.offer_id,
        )
        course = Course(self.job_id, job, self.tenant, now)
        course.then(countered, entry_id=self.id)
        offer = CounterOffer(
            job=self.job_id,
            agent_id=self.agent_id,
            price=price,
            eta_seconds=self.eta_seconds,
            made_at=now,
        )
        return Outcome(MadeOffer(self.id, offer), tuple(course.changes))


class DeclineJob(msgspec.Struct, frozen=True, kw_only=True):
    """An agent does not want a job, and is not offered it again. Saying so twice changes nothing.

    Raises NotFound, OfferAlreadyAccepted, InvalidJobState.
    """

    id: str
    tenant: str
    agent_id: str
    job_id: int

    @property
    def asks(self) -> tuple[Key, ...]:
        return (
            (JOB.name, str(self.job_id)),
            (LISTING.name, self.agent_id),
            (AGENT.name, self.agent_id),
            (BID.name, bid_key(self.job_id, self.agent_id)),
        )

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        listed_in_force(self.agent_id, self.tenant, known)
        job = job_of(self.job_id, self.tenant, known)
        must_be_open(job, now)
        course = Course(self.job_id, job, self.tenant, now)
        bid = known.get(BID, bid_key(self.job_id, self.agent_id))
        if bid is not None and bid.offer_id is not None:
            course.then(CounterDeclined(offer_id=bid.offer_id, agent_id=self.agent_id))
        if bid is None or bid.status != "DECLINED":
            course.then(OfferDeclined(agent_id=self.agent_id))
        return course.outcome()


class AcceptCounterOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The client takes an agent's own price, even above the budget.

    Raises NotFound, OfferClosed (also when the agent may not act any more), OfferAlreadyAccepted,
    InvalidJobState, PolicyRefused, SpendCapExceeded, TooManyEngagements.
    """

    id: str
    tenant: str
    client_id: str
    job_id: int
    offer_id: str
    house: House
    decision_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((JOB.name, str(self.job_id)), (COUNTER_OFFER.name, self.offer_id))

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        job = clients_job(self.job_id, self.tenant, self.client_id, known)
        offer = offer_of(self.job_id, self.offer_id, known)
        must_be_open(job, now)
        if offer.status != "OPEN":
            raise OfferClosed
        course = Course(self.job_id, job, self.tenant, now)
        try:
            listing = listed_in_force(offer.agent_id, self.tenant, known)
        except (Unauthenticated, AgentSuspended) as refusal:
            raise OfferClosed from refusal
        candidate = Candidate(
            offer.agent_id, listing, offer.price, offer.eta_seconds, self.offer_id
        )
        engage(course, candidate, self.house, self.decision_id, known)
        return course.outcome()


class DeclineCounterOffer(msgspec.Struct, frozen=True, kw_only=True):
    """The client does not want an agent's counter-offer. Raises NotFound, OfferClosed."""

    id: str
    tenant: str
    client_id: str
    job_id: int
    offer_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((JOB.name, str(self.job_id)), (COUNTER_OFFER.name, self.offer_id))

    def decide(self, known: Known, now: Instant) -> Outcome[ShownJob]:
        job = clients_job(self.job_id, self.tenant, self.client_id, known)
        offer = offer_of(self.job_id, self.offer_id, known)
        if offer.status != "OPEN":
            raise OfferClosed
        course = Course(self.job_id, job, self.tenant, now)
        course.then(CounterDeclined(offer_id=self.offer_id, agent_id=offer.agent_id))
        return course.outcome()


# What they have in common


class Candidate(msgspec.Struct, frozen=True):
    """An agent that is about to work on a job, and for what."""

    agent_id: str
    listing: Listing
    price: Price
    eta_seconds: int | None = None
    offer_id: str | None = None


def engage(
    course: Course, candidate: Candidate, house: House, decision_id: str, known: Known
) -> None:
    """Let an agent work on a job, and hold what it may come to.

    Raises InvalidValue, PolicyRefused, SpendCapExceeded, TooManyEngagements.
    """
    job, listing = course.job, candidate.listing
    if len(job.lost) >= ENGAGEMENTS_AT_MOST:
        raise TooManyEngagements(limit=ENGAGEMENTS_AT_MOST)
    eta_seconds = candidate.eta_seconds or listing.sla_max_seconds
    due = [] if job.deadline is None else [job.deadline]
    if eta_seconds is not None:
        check_seconds(eta_seconds, "eta")
        due.append(shifted(course.now, seconds=eta_seconds))
    permitted = gate(course, candidate, house, decision_id, known)
    held = candidate.price.at_most(job.remaining)
    must_have_left(job, held, known)
    course.then(
        Accepted(
            terms=Terms(
                agent_id=candidate.agent_id,
                developer_id=listing.owner_id,
                participant_id=listing.participant_id,
                price=candidate.price,
                fee_basis_points=house.fee_basis_points,
                due_at=min(due, default=None),
            ),
            eta_seconds=eta_seconds,
            offer_id=candidate.offer_id,
        )
    )
    course.then(moved("HOLD", held, debit=(job.client_id, "held"), credit=(job.client_id, "free")))
    course.also(*permitted)


def gate(
    course: Course, candidate: Candidate, house: House, decision_id: str, known: Known
) -> tuple[Change, ...]:
    """The policy's decision to let an agent accept, where the house asks for one.

    Raises PolicyRefused, UnknownAction.
    """
    if house.gate is None:
        return ()
    attempt = Evaluate(
        id=decision_id,
        tenant=course.job.tenant,
        actor_type="service",
        lookup="",
        agent_id=candidate.agent_id,
        action=house.gate,
    )
    found = assess(candidate.listing.participant_id, known, course.now)
    decided = weigh(attempt, course.job.tenant, found, known)
    if decided.decision != "ALLOW":
        raise PolicyRefused(
            decision=decided.decision, action=house.gate, why=WHY[decided.reasons[0]]
        )
    return (Change(f"{DECISION}-{decision_id}", decided, begins=True, id=decision_id),)


def must_have_left(job: Job, held: Money, known: Known) -> None:
    """Raise SpendCapExceeded unless the client's cap leaves room for so much more."""
    client = known.get(MEMBER, job.client_id)
    cap = None if client is None else client.spend_caps.get(held.currency)
    if cap is None:
        return
    total = held.minor + spent_by(job.tenant, job.client_id, held.currency, known)
    if total > cap:
        raise SpendCapExceeded(
            cap=Money(cap, held.currency),
            total=Money(total, held.currency),
            currency=held.currency,
        )


def offer_of(number: int, offer_id: str, known: Known) -> CounterOffer:
    """A counter-offer to a job. Raises NotFound for another job's, too."""
    offer = known.get(COUNTER_OFFER, offer_id)
    if offer is None or offer.job != number:
        raise NotFound
    return offer


def must_be_open(job: Job, now: Instant) -> None:
    """Raise unless an agent may take a job: OfferAlreadyAccepted, InvalidJobState."""
    must_go_on(job, now, "accepted")
    if job.engagement is not None:
        raise OfferAlreadyAccepted
    if job.status != "OPEN":
        raise InvalidJobState(status=job.status, wanted="accepted")


def must_be_offered(job: Job, listing: Listing) -> None:
    """Raise JobNotOffered to an agent that does not list what a job asks for."""
    if job.capability not in listing.capabilities:
        raise JobNotOffered(capability=job.capability)


def must_be_within(price: Price, budget: Price) -> None:
    """Raise InvalidValue or PriceAboveBudget for a price that the client did not offer."""
    if price.currency != budget.currency:
        raise InvalidValue(field="currency", reason=f"must be the budget's, {budget.currency}")
    if price.millionths > budget.millionths:
        raise PriceAboveBudget(field="price_per_unit", budget=budget, currency=budget.currency)
