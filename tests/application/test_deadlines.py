"""Deadlines: what is due is expired once, by one of any number of processes, whatever restarts."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count

import psycopg

from application.deadlines import QUERIES, Deadlines
from application.following import follow_clock
from application.ids import new_id
from application.log.connections import options
from domain.instants import Instant, instant, shifted
from domain.job import JOB, Job
from domain.job_end import ExpireJob
from domain.refusals import Unavailable
from tests.application.running import (
    Worker,
    a_worker,
    as_owner,
    end_every_connection,
    head_of,
    now,
    row_of,
)
from tests.builders import a_principal
from tests.interfaces.serving import eventually
from tests.marketplace import CLIENT, a_job, a_member

numbers = count(1)


@asynccontextmanager
async def clocks(
    url: str, worker: Worker, many: int = 1, *, clock: Callable[[], Instant] = now
) -> AsyncIterator[None]:
    """So many processes in which deadlines are kept."""

    async def expire(tenant: str, job_id: int) -> None:
        await worker.do(ExpireJob(id=new_id(), tenant=tenant, job_id=job_id))

    tasks = [asyncio.create_task(follow_clock(url, Deadlines(expire, clock))) for _ in range(many)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for ended in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError | psycopg.OperationalError), ended


async def posted(worker: Worker, *, in_seconds: int | None) -> int:
    """The number of a job whose deadline is so soon."""
    deadline = None if in_seconds is None else shifted(now(), seconds=in_seconds)
    reply = await worker.do(a_job(deadline=deadline), a_principal())
    return int(reply.job_id)


def job_of(url: str, number: int) -> Job:
    row = row_of(url, JOB, str(number))
    assert row is not None
    job: Job = row[2]
    return job


async def eventually_expired(url: str, *jobs: int) -> None:
    def have_ended() -> bool:
        return {job_of(url, one).status for one in jobs} == {"EXPIRED"}

    await asyncio.to_thread(eventually, have_ended)


def endings_of(url: str, number: int) -> int:
    """How many times a job was closed."""
    return len(
        as_owner(
            url, "select 1 from log where stream = %s and type = 'job.closed.v1'", f"job-{number}"
        )
    )


def run(url: str, story: Callable[[Worker], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        async with a_worker(url) as worker:
            if head_of(url) == 0:
                await worker.do(a_member(CLIENT, "client"), a_principal())
            await story(worker)

    asyncio.run(asyncio.wait_for(all_of_it(), 60))


def test_a_job_expires_at_its_deadline_and_others_do_not(log_url: str) -> None:
    async def story(worker: Worker) -> None:
        async with clocks(log_url, worker):
            soon = await posted(worker, in_seconds=1)
            later, never = (
                await posted(worker, in_seconds=3600),
                await posted(worker, in_seconds=None),
            )
            await eventually_expired(log_url, soon)

        expired = job_of(log_url, soon)
        assert expired.ended_at is not None
        assert expired.deadline is not None
        assert expired.ended_at >= expired.deadline
        assert {job_of(log_url, one).status for one in (later, never)} == {"OPEN"}

    run(log_url, story)


def test_what_passed_while_nobody_kept_time_expires_when_somebody_does(log_url: str) -> None:
    async def story(worker: Worker) -> None:
        jobs = [await posted(worker, in_seconds=1) for _ in range(3)]
        await asyncio.to_thread(
            eventually, lambda: now() > (job_of(log_url, jobs[-1]).deadline or "")
        )
        async with clocks(log_url, worker):
            await eventually_expired(log_url, *jobs)

    run(log_url, story)


def test_two_who_keep_time_expire_each_job_once(log_url: str) -> None:
    async def story(worker: Worker) -> None:
        async with clocks(log_url, worker, many=2):
            jobs = [await posted(worker, in_seconds=1) for _ in range(5)]
            await eventually_expired(log_url, *jobs)

        assert [endings_of(log_url, one) for one in jobs] == [1] * 5

    run(log_url, story)


def test_a_clock_that_is_ahead_changes_nothing_before_the_time(log_url: str) -> None:
    tried: list[int] = []

    def ahead() -> Instant:
        tried.append(1)
        return shifted(instant(datetime.now(UTC)), minutes=5)

    async def story(worker: Worker) -> None:
        job = await posted(worker, in_seconds=60)
        async with clocks(log_url, worker, clock=ahead):
            await asyncio.to_thread(eventually, lambda: len(tried) > 3)

        assert job_of(log_url, job).status == "OPEN"
        assert endings_of(log_url, job) == 0

    run(log_url, story)


def test_a_lost_database_loses_no_deadline(log_url: str) -> None:
    async def story(worker: Worker) -> None:
        async with clocks(log_url, worker):
            job = await posted(worker, in_seconds=1)
            await asyncio.to_thread(end_every_connection, log_url)
            await eventually_expired(log_url, job)

        assert endings_of(log_url, job) == 1

    run(log_url, story)


def test_a_job_that_cannot_be_expired_now_is_tried_again(log_url: str) -> None:
    class Busy:
        """Takes the first command for too many."""

        def __init__(self, worker: Worker) -> None:
            self._worker, self.refused = worker, False

        async def expire(self, tenant: str, job_id: int) -> None:
            if not self.refused:
                self.refused = True
                raise Unavailable(reason="there is too much to do")
            await self._worker.do(ExpireJob(id=new_id(), tenant=tenant, job_id=job_id))

    async def story(worker: Worker) -> None:
        busy = Busy(worker)
        job = await posted(worker, in_seconds=1)
        task = asyncio.create_task(follow_clock(log_url, Deadlines(busy.expire, now)))
        await eventually_expired(log_url, job)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert busy.refused

    run(log_url, story)


def test_what_is_due_is_found_along_an_index(log_url: str) -> None:
    def plan_of(name: str) -> str:
        statement = QUERIES[name].decode()
        with psycopg.connect(log_url, options=options("tenure_writer")) as connection:
            found = connection.execute(
                f"explain {statement}".encode(), {"now": now(), "limit": 100}
            )
            return "\n".join(line for (line,) in found)

    for name in QUERIES:
        assert "using state_job_" in plan_of(name), plan_of(name)
        assert "Sort" not in plan_of(name), plan_of(name)
