"""Killed in the middle of approvals: all is billed, invoiced, paid and reported, and once."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from application.log.submission import Submission
from tests.application.running import a_worker, as_owner, log_of, make_ready
from tests.builders import a_principal
from tests.databases import new_database
from tests.faults.audit import positions_have_no_hole, rows_equal_a_fold_over_the_log
from tests.interfaces.serving import eventually, kill
from tests.marketplace import (
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    a_delivery,
    a_job,
    a_listing,
    a_member,
    an_acceptance,
    the_developer,
)

pytestmark = pytest.mark.faults

ACME = a_principal()
JOBS, KILLS = 150, 3
JUDGED = "select count(*) from log where type = 'job.judged.v1'"


def with_jobs_delivered(url: str) -> None:
    """A marketplace where as many jobs await an evaluation."""
    make_ready(url)

    async def story() -> None:
        async with a_worker(url) as worker:
            await worker.do(a_member(CLIENT, "client"), ACME)
            await worker.do(a_member(DEVELOPER, "developer"), ACME)
            await worker.do(a_member(SUPERVISOR, "supervisor"), ACME)
            await worker.do(a_listing(), the_developer())
            posting = [Submission(a_job(units=3), ACME) for _ in range(JOBS)]
            jobs = [answer.value.job_id for answer in await worker.together(*posting)]  # type: ignore[union-attr]
            await worker.together(*(Submission(an_acceptance(one), ACME) for one in jobs))
            await worker.together(*(Submission(a_delivery(one), ACME) for one in jobs))

    asyncio.run(story())


def approving(url: str) -> subprocess.Popen[bytes]:
    """A process that approves all there is."""
    command = [sys.executable, "-m", "tests.faults.approving", url]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(Path.cwd())})


def judged(url: str) -> int:
    ((count,),) = as_owner(url, JUDGED)
    return int(count)


def what_came_of_it(url: str) -> tuple[Any, ...]:
    """How all jobs, accounts and agents stand, and how often what happened; without times."""
    happened = Counter((entry.type, getattr(entry.data, "kind", None)) for _, entry in log_of(url))
    jobs = as_owner(
        url,
        "select key, row ->> 'status', row ->> 'approved', row ->> 'charged_minor'"
        " from state where fold = 'job' order by key",
    )
    kept = as_owner(
        url,
        "select fold, key, row::text from state"
        " where fold in ('debits', 'credits', 'reputation') order by fold, key",
    )
    return happened, jobs, kept


def test_killed_again_and_again_it_ends_as_if_it_had_not_been(
    postgres_url: str, empty_database_url: str
) -> None:
    killed = empty_database_url
    with new_database(postgres_url, f"tenure_unharmed_{os.getpid()}") as unharmed:
        for url in (killed, unharmed):
            with_jobs_delivered(url)
        assert approving(unharmed).wait(120) == 0

        for number in range(1, KILLS + 1):
            process = approving(killed)
            wanted = number * JOBS // (KILLS + 2)
            eventually(lambda wanted=wanted: judged(killed) >= wanted)  # type: ignore[misc]
            kill(process.pid)
            process.wait()
        assert judged(killed) < JOBS
        assert approving(killed).wait(120) == 0

        assert what_came_of_it(killed) == what_came_of_it(unharmed)
        assert judged(killed) == JOBS
        positions_have_no_hole(killed)
        rows_equal_a_fold_over_the_log(killed)
