"""What holds of a marketplace at every step, read off its log alone."""

from collections import Counter

from domain.job import Delivered, Ended, Invoiced, ItemDelivered, ItemJudged, ItemReversed, PaidOut
from domain.ledger import SPENT, Moved
from tests.marketplace import CLIENT, Market
from tests.model.market.specification import CAP_MINOR

ROW_BYTES_AT_MOST = 4_000


def every_currency_sums_to_zero(market: Market) -> None:
    """All postings of each currency together come to nothing."""
    sums: Counter[str] = Counter()
    for entry in market.entries:
        if isinstance(entry.data, Moved):
            for posting in entry.data.postings:
                sums[entry.data.currency] += posting.minor
    assert not any(sums.values()), sums


def nothing_is_billed_that_was_not_approved(market: Market) -> None:
    """Before each charge stands the approval of its item."""
    approved: set[tuple[str, str]] = set()
    for entry in market.entries:
        match entry.data:
            case ItemJudged(item_ref=item_ref, decision="approve"):
                approved.add((entry.stream, item_ref))
            case Moved(kind="CHARGE", item_ref=str(item_ref)):
                assert (entry.stream, item_ref) in approved, item_ref


def nothing_is_billed_twice(market: Market) -> None:
    """An item is charged once, ever; a job invoiced once; an agent paid once for it."""
    seen: Counter[tuple[str, ...]] = Counter()
    for entry in market.entries:
        match entry.data:
            case Moved(kind="CHARGE", item_ref=str(item_ref)):
                seen[entry.stream, "charge", item_ref] += 1
            case Invoiced():
                seen[entry.stream, "invoice"] += 1
            case PaidOut(agent_id=agent_id):
                seen[entry.stream, "payout", agent_id] += 1
    assert set(seen.values()) <= {1}, seen


def no_item_is_decided_twice_without_a_delivery_between(market: Market) -> None:
    """An effective decision stands until the item is delivered again, or it is reversed."""
    awaiting: set[tuple[str, str]] = set()
    for entry in market.entries:
        match entry.data:
            case ItemDelivered(item_ref=item_ref):
                awaiting.add((entry.stream, item_ref))
            case ItemJudged(item_ref=item_ref):
                assert (entry.stream, item_ref) in awaiting, item_ref
                awaiting.discard((entry.stream, item_ref))
            case ItemReversed(item_ref=item_ref, decision="reject"):
                awaiting.add((entry.stream, item_ref))


def the_dead_deliver_nothing(market: Market) -> None:
    """After an agent is revoked there is no delivery of its."""
    dead: set[str] = set()
    for entry in market.entries:
        if entry.type == "agent.revoked.v1":
            dead.add(entry.aggregate_id)
        if isinstance(entry.data, Delivered):
            assert entry.data.terms.agent_id not in dead


def nothing_is_delivered_after_the_end(market: Market) -> None:
    """A job that ended takes no work."""
    ended: set[str] = set()
    for entry in market.entries:
        if isinstance(entry.data, Ended):
            assert entry.stream not in ended
            ended.add(entry.stream)
        if isinstance(entry.data, Delivered):
            assert entry.stream not in ended


def the_cap_is_kept(market: Market) -> None:
    """The client never spends more than they may."""
    assert sum(market.balance((CLIENT, kind)) for kind in SPENT) <= CAP_MINOR


def rows_stay_small(market: Market) -> None:
    """No job's row grows with its items."""
    for (fold, _), row in market.rows.items():
        if fold == "job":
            assert len(repr(row.state)) <= ROW_BYTES_AT_MOST


PROMISES = (
    every_currency_sums_to_zero,
    nothing_is_billed_that_was_not_approved,
    nothing_is_billed_twice,
    no_item_is_decided_twice_without_a_delivery_between,
    the_dead_deliver_nothing,
    nothing_is_delivered_after_the_end,
    the_cap_is_kept,
    rows_stay_small,
)
