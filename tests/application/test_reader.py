"""The reader: questions that arrive together, answered on one snapshot, changing nothing."""

import asyncio
from typing import Any

import pytest

from application.log.submission import Submission
from domain.refusals import InternalError, NotFound, Unavailable
from projections.partners import AskPartner
from projections.standing import AskStanding
from tests.application.running import a_worker, head_of, the_lock_held
from tests.builders import a_lookup, a_participation, an_approval, an_evaluation


def test_a_question_sees_all_that_was_acknowledged_by_any_worker(log_url: str) -> None:
    async def story() -> list[tuple[int, int]]:
        seen = []
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            for _ in range(10):
                written = await here.do(a_participation("seen"))
                found = await there.ask(AskStanding(a_lookup("seen")))
                seen.append((written.position, found.found.own.signals.event_count))
        return seen

    before = head_of(log_url)

    assert asyncio.run(story()) == [(before + number, number) for number in range(1, 11)]


def test_a_question_says_which_position_it_saw(log_url: str) -> None:
    async def story() -> tuple[int, Any]:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation("placed"))
            reply = await worker.reader.answer(Submission(AskStanding(a_lookup("placed"))))
            return reply.position, reply.value

    position, resolution = asyncio.run(story())

    assert position == resolution.position == head_of(log_url)


def test_questions_that_arrive_together_are_answered_each(log_url: str) -> None:
    async def story() -> list[Any]:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("asked"))
            for number in range(3):
                for _ in range(number):
                    await worker.do(a_participation(f"asked {number}"))
            return await asyncio.gather(
                *(worker.ask(AskStanding(a_lookup(f"asked {number}"))) for number in range(3)),
                worker.ask(AskPartner("asked")),
                worker.ask(AskPartner("nobody")),
                return_exceptions=True,
            )

    *standings, partner, nobody = asyncio.run(story())

    assert [found.found.own.signals.event_count for found in standings] == [0, 1, 2]
    assert partner.slug == "asked"
    assert isinstance(nobody, NotFound)


def test_a_question_writes_nothing(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.ask(an_evaluation(records=False))

    before = head_of(log_url)

    asyncio.run(story())

    assert head_of(log_url) == before


def test_a_command_asked_as_a_question_is_a_defect_and_writes_nothing(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            with pytest.raises(InternalError):
                await worker.ask(a_participation())
            await worker.ask(an_evaluation(records=False))

    before = head_of(log_url)

    asyncio.run(story())

    assert head_of(log_url) == before


def test_questions_wait_for_no_writer(log_url: str) -> None:
    async def story() -> Any:
        async with a_worker(log_url) as worker:
            with the_lock_held(log_url):
                return await asyncio.wait_for(worker.ask(an_evaluation(records=False)), 5)

    assert asyncio.run(story()).event.decision == "DENY"


def test_a_queue_of_questions_that_is_full_refuses_at_once(log_url: str) -> None:
    async def story() -> int:
        async with a_worker(log_url, limit=2) as worker:
            asked = [
                asyncio.create_task(worker.ask(an_evaluation(records=False))) for _ in range(2)
            ]
            refused = asyncio.create_task(worker.ask(an_evaluation(records=False)))
            with pytest.raises(Unavailable):
                await refused
            return len(await asyncio.gather(*asked))

    assert asyncio.run(story()) == 2
