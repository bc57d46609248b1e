"""What becomes of the work on a job: rows beside the job's own, so that it stays small.

An offer an agent makes, the jobs an agent has in hand, each delivery, each item, each evaluation.
"""

from typing import Literal

import msgspec

from domain.events import Entry
from domain.fold import Fold
from domain.instants import Instant
from domain.job import (
    Accepted,
    AgentLost,
    CounterDeclined,
    Decision,
    Delivered,
    Ended,
    EvaluationReversed,
    ItemDelivered,
    ItemJudged,
    ItemReversed,
    Judged,
    OfferCountered,
    OfferDeclined,
    Terms,
)
from domain.known import Key
from domain.money import Price

BidStatus = Literal["COUNTERED", "DECLINED"]
OfferStatus = Literal["OPEN", "CLOSED"]
ItemStatus = Literal["DELIVERED", "APPROVED", "REJECTED", "REVERSED"]


# Offers


class Bid(msgspec.Struct, frozen=True, kw_only=True):
    """What one agent said to one job: that it does not want it, or for what it would."""

    status: BidStatus
    offer_id: str | None = None


def bid_key(number: int | str, agent_id: str) -> str:
    """The key of what an agent said to a job."""
    return f"{number}/{agent_id}"


def evolve_bid(bid: Bid | None, entry: Entry) -> Bid | None:
    """What an agent said, after one more entry about it."""
    match entry.data:
        case OfferCountered():
            return Bid(status="COUNTERED", offer_id=entry.id)
        case OfferDeclined():
            return Bid(status="DECLINED")
    return bid


BID = Fold(
    name="bid",
    state=Bid,
    events=(OfferCountered, OfferDeclined),
    evolve=evolve_bid,
    keys=lambda entry: (
        (bid_key(entry.aggregate_id, entry.data.agent_id),)
        if isinstance(entry.data, OfferCountered | OfferDeclined)
        else ()
    ),
)


class CounterOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's own price for a job, which the client may take while it is open."""

    job: int
    agent_id: str
    price: Price
    eta_seconds: int | None
    made_at: Instant
    status: OfferStatus = "OPEN"


def evolve_counter_offer(offer: CounterOffer | None, entry: Entry) -> CounterOffer | None:
    """A counter-offer after one more entry about it."""
    match entry.data:
        case OfferCountered(agent_id=agent_id, price=price, eta_seconds=eta_seconds) if (
            offer is None
        ):
            return CounterOffer(
                job=int(entry.aggregate_id),
                agent_id=agent_id,
                price=price,
                eta_seconds=eta_seconds,
                made_at=entry.recorded_at,
            )
    return None if offer is None else msgspec.structs.replace(offer, status="CLOSED")


def counter_offers_in(entry: Entry) -> tuple[str, ...]:
    """The offers that an entry makes, voids, declines or takes."""
    match entry.data:
        case OfferCountered(replaces=replaces):
            return (entry.id,) if replaces is None else (entry.id, replaces)
        case CounterDeclined(offer_id=offer_id) | Accepted(offer_id=str(offer_id)):
            return (offer_id,)
    return ()


COUNTER_OFFER = Fold(
    name="counter_offer",
    state=CounterOffer,
    events=(OfferCountered, CounterDeclined, Accepted),
    evolve=evolve_counter_offer,
    keys=counter_offers_in,
)


# Jobs in hand


class InHand(msgspec.Struct, frozen=True, kw_only=True):
    """That an agent works on a job."""

    job: int


def in_hand_key(agent_id: str, number: int | str = "") -> str:
    """The key of a job that an agent has in hand; without a job, of all of them."""
    return f"{agent_id}/{number}"


def evolve_in_hand(in_hand: InHand | None, entry: Entry) -> InHand | None:
    """Whether an agent works on a job after one more entry about it."""
    match entry.data:
        case Accepted():
            return InHand(job=int(entry.aggregate_id))
    return None


def in_hand_in(entry: Entry) -> tuple[str, ...]:
    """Whose work an entry begins or ends."""
    match entry.data:
        case Accepted(terms=terms):
            return (in_hand_key(terms.agent_id, entry.aggregate_id),)
        case AgentLost(agent_id=agent_id) | Ended(agent_id=str(agent_id)):
            return (in_hand_key(agent_id, entry.aggregate_id),)
    return ()


IN_HAND = Fold(
    name="in_hand",
    state=InHand,
    events=(Accepted, AgentLost, Ended),
    evolve=evolve_in_hand,
    keys=in_hand_in,
    ends=(AgentLost, Ended),
)


# Deliveries and their items


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent handed in at once. ``whole`` when it was all that remained, as one item."""

    job: int
    number: int
    terms: Terms
    items: tuple[str, ...]
    whole: bool
    on_time: bool
    received_at: Instant


def evolve_delivery(delivery: Delivery | None, entry: Entry) -> Delivery | None:
    """The row of a delivery, once and for all."""
    match entry.data:
        case Delivered() as delivered:
            return Delivery(
                job=int(entry.aggregate_id),
                number=delivered.number,
                terms=delivered.terms,
                items=delivered.items,
                whole=delivered.whole,
                on_time=delivered.on_time,
                received_at=entry.recorded_at,
            )
    return delivery


DELIVERY = Fold(
    name="delivery",
    state=Delivery,
    events=(Delivered,),
    evolve=evolve_delivery,
    keys=lambda entry: (entry.id,),
)


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One item as it was delivered last, and what became of it."""

    units: int
    status: ItemStatus
    delivery_id: str
    result_hash: str
    place: str
    evaluation_id: str | None = None
    charged_minor: int = 0
    earned_minor: int = 0


def item_key(number: int | str, item_ref: str) -> str:
    """The key of an item of a job."""
    return f"{number}/{item_ref}"


def all_of(delivery: int) -> str:
    """The name of the one item of a delivery that hands in all that remains, by its number."""
    return f"all~{delivery}"


def first_whole(number: int) -> Key:
    """The item of a job that hands it in whole at the first attempt, as most are."""
    return (ITEM.name, item_key(number, all_of(1)))


def evolve_item(item: Item | None, entry: Entry) -> Item | None:
    """An item after one more entry about it."""
    match entry.data:
        case ItemDelivered(units=units, delivery_id=delivery_id, result=result):
            return Item(
                units=units,
                status="DELIVERED",
                delivery_id=delivery_id,
                result_hash=result.hash,
                place=result.place,
            )
        case ItemJudged() as judged if item is not None:
            return msgspec.structs.replace(
                item,
                status="APPROVED" if judged.decision == "approve" else "REJECTED",
                evaluation_id=judged.evaluation_id,
                charged_minor=judged.charged_minor,
                earned_minor=judged.earned_minor,
            )
        case ItemReversed(decision=decision) if item is not None:
            return msgspec.structs.replace(
                item,
                status="REVERSED" if decision == "approve" else "DELIVERED",
                evaluation_id=None,
                charged_minor=0,
                earned_minor=0,
            )
    return item


ITEM = Fold(
    name="item",
    state=Item,
    events=(ItemDelivered, ItemJudged, ItemReversed),
    evolve=evolve_item,
    keys=lambda entry: (
        (item_key(entry.aggregate_id, entry.data.item_ref),)
        if isinstance(entry.data, ItemDelivered | ItemJudged | ItemReversed)
        else ()
    ),
)


# Evaluations


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor decided of items of a delivery."""

    job: int
    supervisor_id: str
    agent_id: str
    delivery_id: str
    decision: Decision
    rating: int
    items: tuple[str, ...]
    units: int
    on_time: bool
    judged_at: Instant
    is_reversed: bool = False


def evolve_evaluation(evaluation: Evaluation | None, entry: Entry) -> Evaluation | None:
    """An evaluation after one more entry about it."""
    match entry.data:
        case Judged() as judged:
            return Evaluation(
                job=int(entry.aggregate_id),
                supervisor_id=judged.supervisor_id,
                agent_id=judged.agent_id,
                delivery_id=judged.delivery_id,
                decision=judged.decision,
                rating=judged.rating,
                items=judged.items,
                units=judged.units,
                on_time=judged.on_time,
                judged_at=entry.recorded_at,
            )
        case EvaluationReversed() if evaluation is not None:
            return msgspec.structs.replace(evaluation, is_reversed=True)
    return evaluation


EVALUATION = Fold(
    name="evaluation",
    state=Evaluation,
    events=(Judged, EvaluationReversed),
    evolve=evolve_evaluation,
    keys=lambda entry: (
        (entry.data.evaluation_id,) if isinstance(entry.data, EvaluationReversed) else (entry.id,)
    ),
)
