"""Delivery: at once or in parts; the same again repeats the reply, other data is refused."""

from typing import Any

import pytest

from domain.delivery import ITEMS_AT_MOST
from domain.job import Delivered
from domain.refusals import (
    AgentSuspended,
    AlreadyJudged,
    DeliveryDiffers,
    InvalidJobState,
    InvalidValue,
    JobErased,
    NotFound,
    PayloadTooLarge,
    Unauthenticated,
)
from domain.registry import RevokeAgent, SuspendAgent
from domain.work import ITEM, Item
from tests.builders import a_turn, days_ago
from tests.marketplace import (
    AGENT,
    CLIENT,
    Market,
    a_cancellation,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_result,
    an_acceptance,
    an_erasure_of,
    some_inputs,
    some_results,
)

TOMORROW = days_ago(-1)


def item_of(market: Market, job_id: int, item_ref: str) -> Item:
    item = market.known().get(ITEM, f"{job_id}/{item_ref}")
    assert item is not None
    return item


# Inputs


def test_inputs_are_kept_beside_the_log_and_the_newer_take_the_place_of_the_older() -> None:
    market = Market()
    job_id = market.accepted()

    first = market.do(some_inputs(job_id, ["Ada"])).job.inputs
    outcome = market.decide(some_inputs(job_id, ["Bob"]))
    second = outcome.reply.job.inputs

    assert first is not None
    assert second is not None
    assert first.place != second.place
    assert "Bob" not in str(outcome.changes)
    (document,) = outcome.documents
    assert (document.name, document.content) == (second.place, ["Bob"])


def test_only_the_client_of_a_job_that_goes_on_gives_inputs() -> None:
    market = Market()
    job_id = market.posted()

    with pytest.raises(NotFound):
        market.do(some_inputs(job_id, client_id="client-2"))
    market.do(a_cancellation(job_id))
    with pytest.raises(InvalidJobState):
        market.do(some_inputs(job_id))


# All at once


@pytest.mark.parametrize("data", ["", "done", {"leads": [1, 2]}, [], None, 0, False])
def test_all_that_remains_is_delivered_at_once_whatever_the_data(data: Any) -> None:
    market = Market()
    job_id = market.accepted(a_job(units=4))

    command = a_delivery(job_id, data)
    outcome = market.decide(command)
    receipt = market.do(command)

    assert (receipt.job_id, receipt.status) == (job_id, "DELIVERED")
    assert receipt.delivery_id == command.id
    assert market.job(job_id).awaiting == 4
    (document,) = outcome.documents
    assert document.content["data"] == data


def test_the_same_again_repeats_the_reply_and_changes_nothing() -> None:
    market = Market()
    job_id, receipt = market.delivered(data={"a": 1, "b": [2]})

    repeated = market.decide(a_delivery(job_id, {"b": [2], "a": 1}))

    assert (repeated.reply, repeated.changes, repeated.documents) == (receipt, (), ())


@pytest.mark.parametrize("other", ["", "other", {"done": True}, None])
def test_other_data_while_the_first_awaits_its_evaluation_is_refused(other: Any) -> None:
    market = Market()
    job_id, _ = market.delivered(data="done")

    with pytest.raises(DeliveryDiffers):
        market.do(a_delivery(job_id, other))


def test_what_was_rejected_is_delivered_again_under_another_id() -> None:
    market = Market()
    job_id, first = market.delivered()
    market.do(a_judgement(job_id, "reject"))

    second = market.do(a_delivery(job_id, "done"))

    assert second.delivery_id != first.delivery_id
    assert market.job(job_id).deliveries == 2


def test_a_job_that_is_completed_takes_no_more() -> None:
    market = Market()
    job_id, _ = market.delivered()
    market.do(a_judgement(job_id))

    for command in (a_delivery(job_id), some_results(job_id, a_result("lead-1"))):
        with pytest.raises(InvalidJobState, match="COMPLETED"):
            market.do(command)


def test_a_job_that_nobody_accepted_cannot_be_delivered() -> None:
    market = Market()

    with pytest.raises(InvalidJobState, match="OPEN"):
        market.do(a_delivery(market.posted()))


def test_another_agents_job_is_not_found() -> None:
    market = Market(a_listing(AGENT), a_listing("agent-2"))
    job_id = market.accepted()

    for command in (
        a_delivery(job_id, agent_id="agent-2"),
        some_results(job_id, a_result("lead-1"), agent_id="agent-2"),
    ):
        with pytest.raises(NotFound):
            market.do(command)


@pytest.mark.parametrize(
    ("turn", "refusal"), [(SuspendAgent, AgentSuspended), (RevokeAgent, Unauthenticated)]
)
def test_an_agent_that_is_stopped_delivers_nothing(turn: Any, refusal: type[Exception]) -> None:
    market = Market()
    job_id = market.accepted()
    market.do(a_turn(turn, AGENT))

    for command in (a_delivery(job_id), some_results(job_id, a_result("lead-1"))):
        with pytest.raises(refusal):
            market.do(command)


def test_nothing_is_delivered_after_the_deadline() -> None:
    market = Market()
    job_id = market.accepted(a_job(deadline=TOMORROW))

    with pytest.raises(InvalidJobState, match="EXPIRED"):
        market.do(a_delivery(job_id), TOMORROW)


@pytest.mark.parametrize(("days", "on_time"), [(0, True), (2, False)])
def test_a_delivery_says_whether_it_came_on_time(days: int, on_time: bool) -> None:
    market = Market()
    job_id = market.accepted(eta_seconds=86_400)

    (change, _) = market.decide(a_delivery(job_id), days_ago(-days)).changes

    assert isinstance(change.event, Delivered)
    assert change.event.on_time == on_time


def test_data_of_more_than_a_mebibyte_is_refused() -> None:
    market = Market()

    with pytest.raises(PayloadTooLarge):
        market.do(a_delivery(market.accepted(), "x" * 2**20))


# In parts


def test_items_are_delivered_in_parts_until_nothing_remains() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=3))

    first = market.do(some_results(job_id, a_result("lead-1"), a_result("lead-2")))
    second = market.do(some_results(job_id, a_result("lead-3")))

    assert (first.status, second.status) == ("REQUESTED", "DELIVERED")
    assert market.job(job_id).awaiting == 3
    assert item_of(market, job_id, "lead-3").delivery_id == second.delivery_id


def test_an_item_may_be_of_several_units() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=10))

    market.do(some_results(job_id, a_result("batch-1", units=7)))

    assert market.job(job_id).remaining == 3


def test_more_units_than_remain_are_refused() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=2))

    with pytest.raises(InvalidValue, match=r"^items "):
        market.do(some_results(job_id, a_result("lead-1", units=3)))


def test_equal_items_again_repeat_the_last_reply_and_only_new_ones_are_taken() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=3))
    first = market.do(some_results(job_id, a_result("lead-1")))

    repeated = market.decide(some_results(job_id, a_result("lead-1")))
    market.do(some_results(job_id, a_result("lead-1"), a_result("lead-2")))

    assert (repeated.reply, repeated.changes) == (first, ())
    assert market.job(job_id).awaiting == 2
    assert item_of(market, job_id, "lead-1").delivery_id == first.delivery_id


def test_an_item_with_other_data_or_units_is_refused_while_the_first_awaits() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=4))
    market.do(some_results(job_id, a_result("lead-1", "a")))

    for item in (a_result("lead-1", "b"), a_result("lead-1", "a", units=2)):
        with pytest.raises(DeliveryDiffers):
            market.do(some_results(job_id, item))


def test_an_approved_item_is_not_taken_again_and_a_rejected_one_is() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=3))
    market.do(some_results(job_id, a_result("lead-1"), a_result("lead-2")))
    market.do(a_judgement(job_id, "approve", item_ref="lead-1"))
    market.do(a_judgement(job_id, "reject", item_ref="lead-2"))

    with pytest.raises(AlreadyJudged, match="lead-1 was approved already"):
        market.do(some_results(job_id, a_result("lead-1")))
    market.do(some_results(job_id, a_result("lead-2", "better")))

    assert item_of(market, job_id, "lead-2").status == "DELIVERED"


def test_final_gives_up_what_then_remains() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=5))

    receipt = market.do(some_results(job_id, a_result("lead-1"), final=True))

    job = market.job(job_id)
    assert (receipt.status, job.given_up, job.remaining) == ("DELIVERED", 4, 0)
    assert market.balance((CLIENT, "held")) == 250


def test_final_may_come_after_the_last_item_was_sent() -> None:
    market = Market()
    job_id = market.accepted(a_job(units=5))
    market.do(some_results(job_id, a_result("lead-1")))

    market.do(some_results(job_id, a_result("lead-1"), final=True))

    assert (market.job(job_id).awaiting, market.job(job_id).given_up) == (1, 4)


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ((), "items"),
        (tuple(a_result(f"lead-{n}") for n in range(ITEMS_AT_MOST + 1)), "items"),
        ((a_result("lead-1"), a_result("lead-1")), "items"),
        ((a_result(""),), "items[0].item_ref"),
        ((a_result("lead-1"), a_result("a/b")), "items[1].item_ref"),
        ((a_result("all~1"),), "items[0].item_ref"),
        ((a_result("lead-1", units=0),), "items[0].units"),
    ],
)
def test_items_that_could_not_be_told_apart_are_refused(items: Any, field: str) -> None:
    market = Market()
    job_id = market.accepted()

    with pytest.raises(InvalidValue) as refused:
        market.do(some_results(job_id, *items))

    assert refused.value.facts["field"] == field


def test_the_row_of_a_job_does_not_grow_with_its_items() -> None:
    market = Market()
    few, many = market.accepted(a_job(units=500)), market.accepted(a_job(units=500))
    market.do(some_results(few, a_result("lead-1")))
    market.do(some_results(many, *(a_result(f"lead-{n}") for n in range(500))))

    sizes = [len(str(market.job(job_id))) for job_id in (few, many)]

    assert abs(sizes[0] - sizes[1]) < 20


def test_nothing_can_be_written_on_a_job_that_was_erased() -> None:
    market = Market()
    job_id = market.accepted()
    market.do(a_cancellation(job_id))
    market.do(an_erasure_of(job_id))

    with pytest.raises(JobErased):
        market.do(a_delivery(job_id))


def test_a_second_agent_delivers_what_the_first_left() -> None:
    market = Market(a_listing(AGENT), a_listing("agent-2"))
    job_id = market.accepted(a_job(units=3))
    market.do(some_results(job_id, a_result("lead-1")))
    market.do(a_turn(RevokeAgent, AGENT))
    assert market.job(job_id).status == "OPEN"

    market.do(an_acceptance(job_id, agent_id="agent-2"))
    market.do(a_delivery(job_id, agent_id="agent-2"))

    assert (market.job(job_id).status, market.job(job_id).awaiting) == ("DELIVERED", 3)
