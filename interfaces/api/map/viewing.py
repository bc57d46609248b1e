"""Viewing: as whom the caller looks at jobs."""

from domain.job import Job, Viewer
from domain.listing import AskListing, Listing
from interfaces.api.call import Call
from interfaces.api.map.route import agent_id


class AgentAtWork(Viewer, frozen=True):
    """An agent that looks at jobs: it sees those that it works on, or did."""

    agent_id: str

    def sees(self, job: Job) -> bool:
        """Whether it is, or was, engaged."""
        return any(one.terms.agent_id == self.agent_id for one in job.engagements)


def viewer_of(call: Call) -> Viewer:
    """As whom the caller looks at jobs."""
    member = call.principal.member
    if member is not None:
        return Viewer(member.member_id, member.roles)
    return AgentAtWork("", (), agent_id(call))


async def listing_of(call: Call, agent_id: str) -> Listing:
    """What an agent of the caller's tenant offers. Raises NotFound."""
    question = AskListing(tenant=call.principal.tenant, agent_id=agent_id)
    listing: Listing = (await call.ask(question)).value
    return listing
