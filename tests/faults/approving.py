"""A process that approves every job that awaits an evaluation, until there is none: ``python -m``.

It may be killed at any time and begun again: what was judged already is left alone.
"""

import asyncio
import sys

import msgspec

from application.ids import new_id
from domain.refusals import AlreadyJudged, NothingToJudge
from tests.application.running import a_worker, as_owner
from tests.builders import a_principal
from tests.marketplace import a_judgement

AWAITING = """
    select (row ->> 'number')::bigint from state
    where fold = 'job' and (row ->> 'awaiting_since') is not null order by 1
"""


async def approve_all(url: str) -> None:
    """Approve what awaits an evaluation, one job after the other."""
    acme = a_principal()
    async with a_worker(url) as worker:
        for (job_id,) in as_owner(url, AWAITING):
            try:
                # The builder's ids begin anew with each process.
                judgement = msgspec.structs.replace(a_judgement(job_id), id=new_id())
                await worker.do(judgement, acme)
            except (AlreadyJudged, NothingToJudge):
                continue


if __name__ == "__main__":
    asyncio.run(approve_all(sys.argv[1]))
