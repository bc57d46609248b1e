"""What happened to a job? Its stream, told in sentences."""

from pathlib import Path

import msgspec

from domain.events import Event, decode
from domain.instants import Instant
from domain.job import (
    Accepted,
    AgentLost,
    Closed,
    CounterDeclined,
    Delivered,
    Ended,
    Erased,
    EvaluationReversed,
    InputsProvided,
    Invoiced,
    ItemDelivered,
    ItemJudged,
    ItemReversed,
    Job,
    Judged,
    OfferCountered,
    OfferDeclined,
    PaidOut,
    Posted,
    ReviewClaimed,
    Viewer,
)
from domain.ledger import Moved, MoveKind
from domain.money import Money
from domain.ports import Fetch
from projections.cursors import write_cursor
from projections.jobs import number_of, seen_in

STORY = Path(__file__).with_name("job_story.sql").read_bytes()

MOVED: dict[MoveKind, str] = {
    "HOLD": "{amount} of what the client may spend is held.",
    "RELEASE": "{amount} is held no more.",
    "CHARGE": "{item_ref} was billed to the client: {amount}.",
    "FEE": "The platform keeps {amount} of it.",
    "INVOICE": "What was billed became due: {amount}.",
    "PAYOUT": "What was earned became payable: {amount}.",
    "REVERSAL": "{amount} for {item_ref} was moved back.",
}
VERDICTS = {"approve": "approved", "reject": "rejected"}


class Told(msgspec.Struct, frozen=True):
    """One thing that happened, and who did it."""

    at: Instant
    type: str
    sentence: str
    principal: str
    position: int


class Story(msgspec.Struct, frozen=True):
    """Some of what happened, in order, and the cursor to what came next, None at the end."""

    told: list[Told]
    cursor: str | None


async def story_of(
    fetch: Fetch,
    tenant: str,
    viewer: Viewer,
    job_id: int,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> Story:
    """One page of a job's story, from its beginning. Raises NotFound, InvalidCursor."""
    after = 0 if cursor is None else number_of(cursor)
    rows = await fetch(
        STORY,
        {
            "tenant": tenant,
            "job_id": str(job_id),
            "after": str(min(after, 2**31 - 1)),
            "limit": str(limit + 1),
        },
    )
    job = seen_in(rows, viewer)
    found = [row for row in rows if row[1] is not None]
    told = []
    for _, _, position, document in found[:limit]:
        entry = decode(document)
        sentence = in_words(entry.data, job)
        told.append(Told(entry.recorded_at, entry.type, sentence, entry.principal, position))
    return Story(told, write_cursor(str(found[limit - 1][1])) if len(found) > limit else None)


def in_words(event: Event, job: Job) -> str:
    """What an event of a job says, as a sentence."""
    return (
        _of_offers(event, job) or _of_work(event, job) or _of_judgements(event) or _of_money(event)
    )


def counted(units: int, unit: str = "") -> str:
    """So many units, with what they are."""
    named = f" ({unit})" if unit else ""
    return f"{units} {'unit' if units == 1 else 'units'}{named}"


def _of_offers(event: Event, job: Job) -> str:
    sentence = ""
    match event:
        case Posted(capability=capability, units=units, unit=unit, budget=budget):
            sentence = (
                f"The client asked for {counted(units, unit)} of {capability}, "
                f"for at most {budget} {budget.currency} each."
            )
        case OfferCountered(agent_id=agent_id, price=price):
            sentence = f"Agent {agent_id} asked for {price} {price.currency} per {job.unit}."
        case OfferDeclined(agent_id=agent_id):
            sentence = f"Agent {agent_id} declined."
        case CounterDeclined(agent_id=agent_id):
            sentence = f"The counter-offer of agent {agent_id} was declined."
        case Accepted(terms=terms):
            due = "" if terms.due_at is None else f", due {terms.due_at}"
            price = terms.price
            sentence = (
                f"Agent {terms.agent_id} accepted, "
                f"for {price} {price.currency} per {job.unit}{due}."
            )
    return sentence


def _of_work(event: Event, job: Job) -> str:
    sentence = ""
    match event:
        case InputsProvided(inputs=inputs):
            sentence = f"The client gave inputs of {inputs.size_bytes} bytes."
        case Delivered(units=units, number=number, on_time=on_time):
            when = "on time" if on_time else "late"
            sentence = f"Delivery {number} came {when}: {counted(units, job.unit)}."
        case ItemDelivered(item_ref=item_ref, units=units, result=result):
            sentence = (
                f"{item_ref} was handed in: {counted(units, job.unit)}, {result.size_bytes} bytes."
            )
        case AgentLost(agent_id=agent_id):
            sentence = f"Agent {agent_id} was revoked; what it had not delivered is open again."
        case Closed(cause="CANCELLED", given_up=given_up):
            sentence = f"The client cancelled what remained: {counted(given_up, job.unit)}."
        case Closed(given_up=given_up):
            sentence = (
                f"The deadline passed; what remained is given up: {counted(given_up, job.unit)}."
            )
        case Ended(status=status):
            sentence = f"The job is {status}."
        case Erased():
            sentence = "What people wrote on the job was erased."
    return sentence


def _of_judgements(event: Event) -> str:
    sentence = ""
    match event:
        case ReviewClaimed(supervisor_id=supervisor_id, until=until):
            sentence = f"Supervisor {supervisor_id} judges the work, until {until}."
        case Judged(decision=decision, items=items, rating=rating, supervisor_id=supervisor_id):
            sentence = (
                f"Supervisor {supervisor_id} {VERDICTS[decision]} {', '.join(items)}, "
                f"and gave {rating} of 5."
            )
        case ItemJudged(item_ref=item_ref, decision=decision):
            sentence = f"{item_ref} is {VERDICTS[decision]}."
        case EvaluationReversed(supervisor_id=supervisor_id, decision=decision, items=items):
            sentence = (
                f"Supervisor {supervisor_id} took back that {', '.join(items)} "
                f"had been {VERDICTS[decision]}."
            )
        case ItemReversed(item_ref=item_ref, decision="approve"):
            sentence = f"{item_ref} is given up, and nobody is billed for it."
        case ItemReversed(item_ref=item_ref):
            sentence = f"{item_ref} awaits an evaluation again."
    return sentence


def _of_money(event: Event) -> str:
    sentence = ""
    match event:
        case Moved(kind=kind, postings=(debit, _), currency=currency, item_ref=item_ref):
            amount = f"{Money(debit.minor, currency)} {currency}"
            sentence = MOVED[kind].format(amount=amount, item_ref=item_ref)
        case Invoiced(minor=minor, currency=currency, units=units):
            amount = f"{Money(minor, currency)} {currency}"
            sentence = f"The client was invoiced {amount} for {counted(units)}."
        case PaidOut(minor=minor, currency=currency, agent_id=agent_id):
            amount = f"{Money(minor, currency)} {currency}"
            sentence = f"The developer of agent {agent_id} gets {amount}."
    return sentence
