"""A marketplace on a real database, and the questions about it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from domain.command import Command
from domain.instants import Instant
from domain.job import Viewer
from domain.listing import PublishListing
from domain.ports import Fetch
from projections.polling import Due, poll
from tests.application.running import Worker, a_worker, as_owner
from tests.builders import NOW, TENANT, a_principal, an_id
from tests.marketplace import (
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    a_job,
    a_listing,
    a_member,
    an_acceptance,
    the_developer,
)

ACME = a_principal()
THE_CLIENT = Viewer(CLIENT, ("client",))
THE_DEVELOPER = Viewer(DEVELOPER, ("developer",))
THE_SUPERVISOR = Viewer(SUPERVISOR, ("supervisor",))
A_STRANGER = Viewer("stranger", ("client",))


@dataclass
class Bazaar:
    """A worker, with its members, and what is done there."""

    worker: Worker

    @property
    def fetch(self) -> Fetch:
        """Statements about the tenant."""
        return self.worker.across_for(ACME)

    async def do(self, command: Command[Any]) -> Any:
        """A command's reply. Raises its Refusal."""
        return await self.worker.do(command, ACME)

    async def offer(self, listing: PublishListing | None = None, **offered: Any) -> str:
        """Offer an agent; the reply is its id."""
        listing = listing or a_listing(an_id(), **offered)
        await self.worker.do(listing, the_developer(listing.owner_id))
        return listing.id

    async def post(self, **wanted: Any) -> int:
        """Post a job; the reply is its number."""
        reply = await self.do(a_job(**wanted))
        return int(reply.job_id)

    async def accepted(self, agent_id: str, **wanted: Any) -> int:
        """Post a job that an agent accepts."""
        job_id = await self.post(**wanted)
        await self.do(an_acceptance(job_id, agent_id=agent_id))
        return job_id

    async def polled(self, agent_id: str, now: Instant = NOW) -> list[Due]:
        """What an agent can act on."""
        return await poll(self.fetch, TENANT, agent_id, now)


def at_the_bazaar(url: str, story: Callable[[Bazaar], Awaitable[Any]]) -> Any:
    """What a story tells, on a database where the members are there once."""

    async def told() -> Any:
        async with a_worker(url, clock=lambda: NOW) as worker:
            if not as_owner(url, "select 1 from log where stream = %s", f"member-{CLIENT}"):
                for member_id, role in (
                    (CLIENT, "client"),
                    (DEVELOPER, "developer"),
                    (SUPERVISOR, "supervisor"),
                ):
                    await worker.do(a_member(member_id, role), ACME)  # type: ignore[arg-type]
            return await story(Bazaar(worker))

    return asyncio.run(told())
