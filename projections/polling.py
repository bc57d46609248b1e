"""What can an agent act on: which jobs may it accept, and which work is due?"""

from pathlib import Path
from typing import Any, Literal

import msgspec

from domain.instants import Instant
from domain.job import JOB, Job
from domain.ports import Fetch

POLL = Path(__file__).with_name("polling.sql").read_bytes()
AT_MOST = 50
BYTES_AT_MOST = 4 * 1024 * 1024
"""So much of what people wrote comes with the jobs of one answer, and what the last one adds."""


class Due(msgspec.Struct, frozen=True):
    """A job that an agent can act on. ``comments`` are what a supervisor said of what was rejected,
    None when nothing was; what was written is None once it is erased.
    """

    job_id: int
    status: Literal["OFFERED", "REQUESTED"]
    job: Job
    title: str | None
    requirements: Any
    comments: str | None


async def poll(fetch: Fetch, tenant: str, agent_id: str, now: Instant) -> list[Due]:
    """The jobs that an agent can act on, the oldest first, at most 50."""
    rows = await fetch(
        POLL,
        {
            "tenant": tenant,
            "agent_id": agent_id,
            "now": now,
            "limit": str(AT_MOST),
            "bytes": str(BYTES_AT_MOST),
        },
    )
    return [_due(*row) for row in rows]


def _due(
    number: int,
    status: Literal["OFFERED", "REQUESTED"],
    row: str,
    brief: str | None,
    comments: str | None,
) -> Due:
    written = {} if brief is None else msgspec.json.decode(brief)
    return Due(
        job_id=number,
        status=status,
        job=JOB.decode(row),
        title=written.get("title"),
        requirements=written.get("requirements"),
        comments=None if comments is None else msgspec.json.decode(comments),
    )
