"""Groups: commands that came together are written in one transaction, each with its own answer."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest

from application.log.batch import DONE_AT_A_TIME
from application.log.submission import Answer, Reply, Submission
from domain.command import Change, Outcome
from domain.entity import ENTITY, Participated
from domain.instants import Instant
from domain.known import Key, Known
from domain.partner import PARTNER
from domain.refusals import IdempotencyInProgress, InvalidEventType, Unavailable
from tests.application.running import (
    a_repeatable,
    a_worker,
    as_owner,
    head_of,
    notifications,
    replies,
    row_of,
    the_lock_held,
)
from tests.builders import a_participation, an_id

LARGE = 2 * DONE_AT_A_TIME + 50


@dataclass
class Asks:
    """A question about a row that it did not announce."""

    id: str = ""
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[None]:
        known.get(PARTNER, "nobody")
        return Outcome(None)


@dataclass
class Turns:
    """Counts the turns that it has on the event loop; as a question, tells how many so far."""

    number: int = 0
    id: str = ""
    asks: tuple[Key, ...] = field(default=())

    async def count(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.number += 1

    def decide(self, known: Known, now: Instant) -> Outcome[Any]:
        return Outcome(self.number)


@dataclass
class DoesMuch:
    """A command of many entries, each of an entity of its own, and at last of one that is known."""

    known: str
    turns: Turns = field(default_factory=Turns)
    id: str = field(default_factory=an_id)
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[int]:
        event = Participated(kind="gig.completed", occurred_at=now)
        changes = [Change(f"entity-{an_id()}", event, begins=True) for _ in range(LARGE - 1)]
        return Outcome(self.turns.number, (*changes, Change(f"entity-{self.known}", event)))


def group_of(number: int) -> list[Submission]:
    return [Submission(a_participation(f"grouped {one % 5}")) for one in range(number)]


def answered_together(url: str, group: list[Submission]) -> list[Answer]:
    async def story() -> list[Answer]:
        async with a_worker(url) as worker:
            return await worker.committer.answer_together(group)

    return asyncio.run(story())


def transactions_after(url: str, position: int) -> int:
    """How many transactions wrote what stands after a position."""
    return len(as_owner(url, "select distinct xmin from log where position > %s", position))


def test_a_large_group_is_one_transaction_in_order(log_url: str) -> None:
    before = head_of(log_url)

    answers = replies(answered_together(log_url, group_of(LARGE)))

    assert [reply.position for reply in answers] == list(range(before + 1, before + LARGE + 1))
    assert transactions_after(log_url, before) == 1


def test_somebody_all_over_a_large_group_has_one_row_that_counts_every_event(log_url: str) -> None:
    group = [Submission(a_participation("all over")) for _ in range(LARGE)]

    last = replies(answered_together(log_url, group))[-1]

    found = row_of(log_url, ENTITY, last.value.entity_id)
    assert found is not None
    version, position, entity = found
    assert (version, position, entity.event_count) == (LARGE, last.position, LARGE)


def test_a_large_group_gives_one_notification(log_url: str) -> None:
    assert notifications(log_url, lambda: answered_together(log_url, group_of(LARGE))) == 1


def test_a_large_group_that_turns_out_to_need_another_row_is_written_once(log_url: str) -> None:
    before = head_of(log_url)

    answers = replies(answered_together(log_url, [*group_of(LARGE), Submission(Asks())]))

    assert answers[-1].position == head_of(log_url) == before + LARGE
    assert transactions_after(log_url, before) == 1


def test_a_large_group_of_which_all_is_refused_writes_nothing(log_url: str) -> None:
    before = head_of(log_url)
    wrong = [Submission(a_participation(kind="no.such_type")) for _ in range(LARGE)]

    answers = answered_together(log_url, wrong)

    assert {type(answer) for answer in answers} == {InvalidEventType}
    assert head_of(log_url) == before


def test_others_have_their_turn_while_a_large_group_is_decided(log_url: str) -> None:
    turns = Turns()

    async def story() -> list[Answer]:
        async with a_worker(log_url) as worker:
            counting = asyncio.create_task(turns.count())
            try:
                return await worker.committer.answer_together(
                    [Submission(turns) for _ in range(LARGE)]
                )
            finally:
                counting.cancel()

    first, *_, last = replies(asyncio.run(story()))

    assert first.value < last.value


def test_a_command_that_does_much_is_one_transaction_whatever_row_it_misses_last(
    log_url: str,
) -> None:
    async def story() -> list[Answer]:
        async with a_worker(log_url) as worker:
            first = await worker.committer.answer(Submission(a_participation("known")))
            return [first, await worker.submit(Submission(DoesMuch(first.value.entity_id)))]

    first, much = replies(asyncio.run(story()))

    assert much.position == head_of(log_url) == first.position + LARGE
    assert transactions_after(log_url, first.position) == 1
    found = row_of(log_url, ENTITY, first.value.entity_id)
    assert found is not None
    assert found[:2] == (2, much.position)


def test_others_have_their_turn_while_a_command_does_much(log_url: str) -> None:
    async def story() -> Reply:
        async with a_worker(log_url) as worker:
            first = await worker.committer.answer(Submission(a_participation("known")))
            command = DoesMuch(first.value.entity_id, asks=((ENTITY.name, first.value.entity_id),))
            counting = asyncio.create_task(command.turns.count())
            try:
                return await worker.committer.answer(
                    Submission(command, render=lambda _: str(command.turns.number))
                )
            finally:
                counting.cancel()

    reply = asyncio.run(story())

    turns_before, turns_after = reply.value, int(reply.body)
    assert turns_before < turns_after


def test_whoever_came_alone_is_answered_between_two_groups(log_url: str) -> None:
    async def story() -> list[Answer]:
        async with a_worker(log_url) as worker:
            with the_lock_held(log_url):
                worker.submit(*group_of(1))
                await asyncio.sleep(0.1)
                groups = [
                    asyncio.create_task(worker.committer.answer_together(group_of(2)))
                    for _ in range(2)
                ]
                await asyncio.sleep(0)
                alone = worker.submit(*group_of(1))
            first, second = await asyncio.gather(*groups)
            return [*first, await alone, *second]

    before = head_of(log_url)

    positions = [reply.position for reply in replies(asyncio.run(story()))]

    assert positions == [before + 2, before + 3, before + 4, before + 5, before + 6]
    assert transactions_after(log_url, before) == 4


def test_a_group_of_none_is_answered_with_nothing(log_url: str) -> None:
    assert answered_together(log_url, []) == []


def test_a_refusal_in_a_group_is_refused_alone(log_url: str) -> None:
    wrong = Submission(a_participation(kind="no.such_type"))

    first, refused, last = answered_together(log_url, [*group_of(1), wrong, *group_of(1)])

    assert isinstance(refused, InvalidEventType)
    (one, other) = replies([first, last])
    assert other.position == one.position + 1


def test_a_repeat_within_a_group_is_a_replay(log_url: str) -> None:
    before = head_of(log_url)

    first, second = replies(
        answered_together(
            log_url, [a_repeatable(a_participation(), "within a group") for _ in range(2)]
        )
    )

    assert (first.replayed, second.replayed) == (False, True)
    assert second.body == first.body
    assert head_of(log_url) == before + 1


def test_a_rival_of_a_request_on_its_way_is_refused_alone_in_its_group(log_url: str) -> None:
    async def story() -> list[Answer]:
        async with a_worker(log_url) as worker:
            first = worker.submit(a_repeatable(a_participation(), "rival in a group"))
            rest = await worker.committer.answer_together(
                [a_repeatable(a_participation(), "rival in a group"), *group_of(1)]
            )
            return [await first, *rest]

    first, rival, other = asyncio.run(story())

    assert isinstance(rival, IdempotencyInProgress)
    assert len(replies([first, other])) == 2


def test_a_group_makes_rivals_of_those_who_come_after_it(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            group = asyncio.create_task(
                worker.committer.answer_together([a_repeatable(a_participation(), "came after")])
            )
            await asyncio.sleep(0)
            with pytest.raises(IdempotencyInProgress):
                worker.submit(a_repeatable(a_participation(), "came after"))
            assert len(replies(await group)) == 1

    asyncio.run(story())


def test_a_group_that_finds_the_queue_full_is_refused_at_once_and_whole(log_url: str) -> None:
    before = head_of(log_url)

    async def story() -> list[Answer]:
        async with a_worker(log_url, limit=2) as worker:
            waiting = [worker.submit(submission) for submission in group_of(2)]
            with pytest.raises(Unavailable):
                await worker.committer.answer_together(group_of(3))
            return list(await asyncio.gather(*waiting))

    assert len(replies(asyncio.run(story()))) == 2
    assert head_of(log_url) == before + 2


def test_a_group_that_was_refused_for_a_full_queue_makes_no_rivals(log_url: str) -> None:
    async def story() -> Answer:
        async with a_worker(log_url, limit=1) as worker:
            waiting = worker.submit(*group_of(1))
            with pytest.raises(Unavailable):
                await worker.committer.answer_together(
                    [a_repeatable(a_participation(), "refused with its group")]
                )
            await waiting
            return await worker.submit(a_repeatable(a_participation(), "refused with its group"))

    assert isinstance(asyncio.run(story()), Reply)


def test_a_group_that_still_waits_when_the_server_stops_is_told(log_url: str) -> None:
    async def story() -> list[Answer]:
        with the_lock_held(log_url):
            async with a_worker(log_url) as worker:
                worker.submit(*group_of(1))
                await asyncio.sleep(0.1)
                group = asyncio.create_task(worker.committer.answer_together(group_of(2)))
                await asyncio.sleep(0)
            return await asyncio.wait_for(group, 2)

    assert [type(answer) for answer in asyncio.run(story())] == [Unavailable, Unavailable]
