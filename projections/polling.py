"""What can an agent act on: which jobs may it accept, and which work is due?"""

from pathlib import Path
from typing import Literal

import msgspec

from domain.instants import Instant
from domain.job import Job
from domain.ports import Fetch

POLL = Path(__file__).with_name("polling.sql").read_bytes()
AT_MOST = 50
BYTES_AT_MOST = 4 * 1024 * 1024
"""So much of what people wrote comes with the jobs of one answer, and what the last one adds."""


class Brief(msgspec.Struct, frozen=True):
    """What a client wrote: the title, and the requirements as they are shown."""

    title: str
    requirements: dict[str, msgspec.Raw]


class Due(msgspec.Struct, frozen=True, array_like=True):
    """A job that an agent can act on. ``comments`` are what a supervisor said of what was rejected,
    None when nothing was; what was written is None once it is erased.
    """

    job_id: int
    status: Literal["OFFERED", "REQUESTED"]
    job: Job
    brief: Brief | None
    comments: str | None


_decode = msgspec.json.Decoder(list[list[Due]]).decode


async def poll(fetch: Fetch, tenant: str, agent_id: str, now: Instant) -> list[Due]:
    """The jobs that an agent can act on, the oldest first, at most 50."""
    asked = {
        "tenant": tenant,
        "agent_id": agent_id,
        "now": now,
        "limit": str(AT_MOST),
        "bytes": str(BYTES_AT_MOST),
    }
    ((found,),) = await fetch(POLL, {name: [value] for name, value in asked.items()})
    (due,) = _decode(found)
    return due
