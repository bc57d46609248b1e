"""The committer when its connection is lost: it comes back, and nothing happens twice."""

import asyncio
from typing import Any

import pytest

from application.log.batch import DONE_AT_A_TIME
from application.log.connections import WRITER
from application.log.line import Call, Line
from application.log.loading import QUERIES
from application.log.submission import Reply, Submission
from tests.application.running import (
    a_repeatable,
    a_worker,
    end_every_connection,
    end_whoever_waits_for_the_lock,
    head_of,
    log_of,
    replies,
    the_lock_held,
)
from tests.builders import a_participation, an_evaluation
from tests.interfaces.serving import eventually

pytestmark = pytest.mark.faults
SECONDS = 30.0


class LosesAnAnswer(Line):
    """A line that is lost once, just before or just after a COMMIT has been carried out."""

    lost_before: bool
    lost = False

    async def trip(self, *calls: Call) -> list[bytes | None]:
        if calls[-1][0] != "commit" or LosesAnAnswer.lost:
            return await super().trip(*calls)
        LosesAnAnswer.lost = True
        if not self.lost_before:
            await super().trip(*calls)
        await self.close()
        return await super().trip(*calls)


class LostBeforeCommit(LosesAnAnswer):
    lost_before = True


class LostAfterCommit(LosesAnAnswer):
    lost_before = False


class LostBetweenSlices(Line):
    """A line that is lost once, when the first slice of a batch is on its way."""

    lost = False

    async def send(self, *calls: Call) -> None:
        await super().send(*calls)
        if not LostBetweenSlices.lost:
            LostBetweenSlices.lost = True
            await self.close()


def losing(kind: type[LosesAnAnswer | LostBetweenSlices]) -> Any:
    async def connect(url: str) -> Line:
        return await kind.open(url, WRITER, QUERIES)

    LosesAnAnswer.lost = LostBetweenSlices.lost = False
    return connect


def test_the_committer_comes_back_when_its_connection_was_ended_between_batches(
    log_url: str,
) -> None:
    async def story() -> Reply:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation())
            assert end_every_connection(log_url) >= 1
            await asyncio.sleep(0.05)
            return await asyncio.wait_for(
                worker.committer.answer(Submission(a_participation())), SECONDS
            )

    before = head_of(log_url)

    assert asyncio.run(story()).position == before + 2
    assert head_of(log_url) == before + 2


def test_the_committer_comes_back_when_its_connection_is_ended_during_a_batch(
    log_url: str,
) -> None:
    async def story() -> list[Reply]:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation())
            with the_lock_held(log_url):
                answers = [worker.submit(Submission(a_participation())) for _ in range(5)]
                await asyncio.to_thread(
                    eventually, lambda: end_whoever_waits_for_the_lock(log_url) == 1
                )
            return replies(await asyncio.wait_for(asyncio.gather(*answers), SECONDS))

    before = head_of(log_url)

    positions = [reply.position for reply in asyncio.run(story())]

    assert positions == list(range(before + 2, before + 7))
    assert head_of(log_url) == before + 6


def test_the_reader_comes_back_when_its_connection_was_ended(log_url: str) -> None:
    async def story() -> Any:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation("seen again"))
            await worker.ask(an_evaluation("seen again", records=False))
            end_every_connection(log_url)
            await asyncio.sleep(0.05)
            return await asyncio.wait_for(
                worker.ask(an_evaluation("seen again", records=False)), SECONDS
            )

    assert asyncio.run(story()).found.own.signals.event_count == 1


@pytest.mark.parametrize("kind", [LostBeforeCommit, LostAfterCommit])
def test_a_batch_whose_commit_goes_unanswered_happens_once(
    log_url: str, kind: type[LosesAnAnswer]
) -> None:
    commands = [a_participation("unanswered") for _ in range(3)]

    async def story() -> list[Reply]:
        async with a_worker(log_url, connect=losing(kind)) as worker:
            answers = worker.together(*(Submission(command) for command in commands))
            return replies(await asyncio.wait_for(answers, SECONDS))

    before = head_of(log_url)

    answered = asyncio.run(story())

    assert LosesAnAnswer.lost
    assert [(position, entry.id) for position, entry in log_of(log_url, before)] == [
        (reply.position, command.id) for reply, command in zip(answered, commands, strict=True)
    ]


@pytest.mark.parametrize("kind", [LostBeforeCommit, LostAfterCommit])
def test_a_repeat_of_what_went_unanswered_is_a_replay(
    log_url: str, kind: type[LosesAnAnswer]
) -> None:
    command, again = a_participation(), a_participation()
    key = f"unanswered {kind.__name__}"

    async def story() -> list[Reply]:
        async with a_worker(log_url, connect=losing(kind)) as worker:
            return [
                await worker.committer.answer(a_repeatable(command, key)),
                await worker.committer.answer(a_repeatable(again, key)),
            ]

    before = head_of(log_url)

    first, second = asyncio.run(story())

    assert (first.replayed, second.replayed) == (False, True)
    assert (second.body, second.position) == (first.body, first.position)
    assert [entry.id for _, entry in log_of(log_url, before)] == [command.id]


def test_a_large_group_that_is_lost_between_its_slices_happens_once(log_url: str) -> None:
    number = 2 * DONE_AT_A_TIME + 1

    async def story() -> list[Reply]:
        async with a_worker(log_url, connect=losing(LostBetweenSlices)) as worker:
            group = [Submission(a_participation("between slices")) for _ in range(number)]
            answering = worker.committer.answer_together(group)
            return replies(await asyncio.wait_for(answering, SECONDS))

    before = head_of(log_url)

    positions = [reply.position for reply in asyncio.run(story())]

    assert LostBetweenSlices.lost
    assert positions == [position for position, _ in log_of(log_url, before)]
    assert len(positions) == number
