"""Rivals for one job, at two committers: the first that accepts has it, and money stays whole."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from application.log.submission import Answer, Reply, Submission
from domain.job import Accepted, Job, Judged
from domain.refusals import OfferAlreadyAccepted
from tests.application.running import a_worker, as_owner, log_of
from tests.builders import a_principal
from tests.marketplace import (
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_member,
    an_acceptance,
    the_developer,
)

ACME = a_principal()
RIVALS = 200


def a_market(url: str) -> int:
    """Members, as many agents as there are rivals, and one job; its number."""

    async def story() -> int:
        async with a_worker(url) as worker:
            await worker.do(a_member(CLIENT, "client"), ACME)
            await worker.do(a_member(DEVELOPER, "developer"), ACME)
            await worker.do(a_member(SUPERVISOR, "supervisor"), ACME)
            listings = [
                Submission(a_listing(f"agent-{number}"), the_developer())
                for number in range(RIVALS)
            ]
            await worker.together(*listings)
            return int((await worker.do(a_job(units=1), ACME)).job_id)

    return asyncio.run(story())


def compete(url: str, together: Barrier, submissions: list[Submission]) -> list[Answer]:
    """One worker's answers to what is submitted to it, at the same time as to the other."""

    async def story() -> list[Answer]:
        async with a_worker(url) as worker:
            await asyncio.to_thread(together.wait)
            return await worker.together(*submissions)

    return asyncio.run(story())


def at_two_workers(url: str, submissions: list[Submission]) -> list[Answer]:
    """The answers to submissions, every other one at another worker."""
    together = Barrier(2, timeout=30)
    with ThreadPoolExecutor(2) as pool:
        parts = [submissions[::2], submissions[1::2]]
        here, there = pool.map(compete, [url, url], [together, together], parts)
    return here + there


def test_of_200_that_accept_at_once_one_has_the_job_and_one_approval_is_billed(
    log_url: str,
) -> None:
    job_id = a_market(log_url)

    accepting = [
        Submission(an_acceptance(job_id, agent_id=f"agent-{number}"), ACME)
        for number in range(RIVALS)
    ]
    answers = at_two_workers(log_url, accepting)

    (winner,) = [answer for answer in answers if isinstance(answer, Reply)]
    assert Counter(map(type, answers)) == {Reply: 1, OfferAlreadyAccepted: RIVALS - 1}
    entries = [entry for _, entry in log_of(log_url)]
    assert sum(isinstance(entry.data, Accepted) for entry in entries) == 1

    job: Job = winner.value.job
    delivering = [
        Submission(a_delivery(job_id, agent_id=job.agent_id or ""), ACME) for _ in range(20)
    ]
    receipts = at_two_workers(log_url, delivering)
    assert len({answer.value.delivery_id for answer in receipts if isinstance(answer, Reply)}) == 1

    judging = [Submission(a_judgement(job_id), ACME) for _ in range(20)]
    verdicts = at_two_workers(log_url, judging)
    assert sum(isinstance(answer, Reply) for answer in verdicts) == 1
    entries = [entry for _, entry in log_of(log_url)]
    assert sum(isinstance(entry.data, Judged) for entry in entries) == 1
    moved = as_owner(
        log_url,
        "select entry #>> '{data,kind}', count(*) from log"
        " where type = 'job.money_moved.v1' group by 1 order by 1",
    )
    assert moved == [("CHARGE", 1), ("HOLD", 1), ("INVOICE", 1), ("PAYOUT", 1), ("RELEASE", 1)]
