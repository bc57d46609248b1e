"""What an operator is told of the log's engines, counted where it happens."""

import asyncio

import pytest

from application.log.submission import Submission
from application.log.tally import Tally
from domain.refusals import InternalError
from tests.application.running import a_worker, end_every_connection, the_lock_held
from tests.application.test_lost_connections import LostAfterCommit, LostBeforeCommit, losing
from tests.builders import a_participation


def test_nothing_is_counted_while_all_is_well(log_url: str) -> None:
    async def story() -> Tally:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation())
            return worker.committer.tally

    assert asyncio.run(story()) == Tally()


@pytest.mark.faults
def test_a_connection_that_was_ended_is_counted(log_url: str) -> None:
    async def story() -> Tally:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation())
            end_every_connection(log_url)
            await asyncio.sleep(0.05)
            await worker.do(a_participation())
            return worker.committer.tally

    assert asyncio.run(story()) == Tally(reconnects=1)


@pytest.mark.faults
@pytest.mark.parametrize("kind", [LostBeforeCommit, LostAfterCommit])
def test_a_commit_that_went_unanswered_is_counted_once_it_is_settled(
    log_url: str, kind: type[LostAfterCommit]
) -> None:
    async def story() -> Tally:
        async with a_worker(log_url, connect=losing(kind)) as worker:
            await worker.do(a_participation())
            return worker.committer.tally

    assert asyncio.run(story()) == Tally(reconnects=1, unknown_outcomes=1)


def test_a_batch_that_was_given_up_is_counted(log_url: str) -> None:
    def broken(reply: object) -> str:
        raise RuntimeError

    async def story() -> Tally:
        async with a_worker(log_url) as worker:
            (answer,) = await worker.together(Submission(a_participation(), render=broken))
            assert isinstance(answer, InternalError)
            return worker.committer.tally

    assert asyncio.run(story()) == Tally(failed_batches=1)


def test_a_batch_that_is_on_its_way_has_an_age(log_url: str) -> None:
    async def story() -> tuple[bool, bool]:
        async with a_worker(log_url) as worker:
            with the_lock_held(log_url):
                answer = worker.submit(Submission(a_participation()))
                await asyncio.sleep(0.05)
                during = worker.committer.tally.busy_since
            await answer
            await asyncio.sleep(0)
            return during is not None, worker.committer.tally.busy_since is None

    assert asyncio.run(story()) == (True, True)
