"""Topics: which of what happens is told under webhooks, to whom, and in which words.

The words are thin: ids, states, numbers, money. What somebody wrote is left out: who wants it asks
for it with a credential of their own. They are made of an entry and of what never changes of its
job, so they are the same each time that they are sent.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from domain.events import Entry, Event
from domain.job import Accepted, AgentLost, Delivered, Invoiced, Job, Judged, Posted
from domain.money import Money, Price
from domain.webhook import PING, Pinged

Words = dict[str, Any]


class Telling(NamedTuple):
    """How an event is told. ``listeners`` are the ids of the members and agents whom it concerns;
    of ``to_candidates`` also the agents that could take the job, of ``to_supervisors`` also all
    supervisors. Each is made of the entry and of the row of its job, where it has one.
    """

    topic: str
    words: Callable[[Entry, Any], Words]
    listeners: Callable[[Entry, Any], tuple[str, ...]]
    to_candidates: bool = False
    to_supervisors: bool = False


D = TypeVar("D", bound=Event)


def _data(entry: Entry, event: type[D]) -> D:
    assert isinstance(entry.data, event)
    return entry.data


def _price(price: Price) -> Words:
    return {"price_per_unit": str(price), "currency": price.currency}


def _offer(entry: Entry, job: Job) -> Words:
    return {
        "job_id": job.number,
        "capability": job.capability,
        "unit": job.unit,
        "units": job.units,
        "budget": _price(job.budget),
        "deadline": job.deadline,
    }


def _accepted(entry: Entry, job: Job) -> Words:
    accepted = _data(entry, Accepted)
    return {
        "job_id": job.number,
        "agent_id": accepted.terms.agent_id,
        "agreed": _price(accepted.terms.price),
        "eta": accepted.eta_seconds,
        "due_at": accepted.terms.due_at,
    }


def _delivered(entry: Entry, job: Job) -> Words:
    delivered = _data(entry, Delivered)
    return {
        "job_id": job.number,
        "delivery_id": entry.id,
        "agent_id": delivered.terms.agent_id,
        "units": delivered.units,
        "on_time": delivered.on_time,
    }


def _evaluation(entry: Entry, job: Job) -> Words:
    judged = _data(entry, Judged)
    return {
        "evaluation_id": entry.id,
        "job_id": job.number,
        "delivery_id": judged.delivery_id,
        "agent_id": judged.agent_id,
        "decision": judged.decision,
        "rating": judged.rating,
        "units": judged.units,
        "charged": str(Money(judged.charged_minor, job.budget.currency)),
        "currency": job.budget.currency,
    }


def _invoice(entry: Entry, job: Job) -> Words:
    invoiced = _data(entry, Invoiced)
    return {
        # A job has one invoice, which is known by its number.
        "invoice_id": job.number,
        "job_id": job.number,
        "units": invoiced.units,
        "amount": str(Money(invoiced.minor, invoiced.currency)),
        "currency": invoiced.currency,
    }


def _parties(entry: Entry, job: Job) -> tuple[str, ...]:
    """The client, and the agent whose work it is about with its developer."""
    match entry.data:
        case Accepted(terms=terms) | Delivered(terms=terms):
            return (job.client_id, terms.agent_id, terms.developer_id)
        case Judged(agent_id=agent_id):
            terms = next(one.terms for one in job.engagements if one.terms.agent_id == agent_id)
            return (job.client_id, agent_id, terms.developer_id)
    return (job.client_id,)


def _nobody(entry: Entry, job: Job) -> tuple[str, ...]:
    return ()


TELLINGS: Mapping[type[Event], Telling] = {
    Posted: Telling("job.offer", _offer, _nobody, to_candidates=True),
    # What it has not delivered is open to others.
    AgentLost: Telling("job.offer", _offer, _nobody, to_candidates=True),
    Accepted: Telling("job.accepted", _accepted, _parties),
    Delivered: Telling("job.delivered", _delivered, _parties, to_supervisors=True),
    Judged: Telling("evaluation.created", _evaluation, _parties, to_supervisors=True),
    Invoiced: Telling("invoice.issued", _invoice, _parties),
    Pinged: Telling(PING, lambda entry, job: {"webhook_id": entry.aggregate_id}, _nobody),
}
"""How each event is told that is told at all."""
