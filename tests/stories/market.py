"""A marketplace as its members see it: plain HTTP with uids, and jobs at any point of their way."""

from itertools import count
from typing import Any

import httpx

from tests.stories.client import Client, Headers, code_of
from tests.stories.document import told

BASE = "/api/ailancer"
CAPABILITY = "voice-outbound"

numbers = count(1)


class Member(Client):
    """A client, developer or supervisor, who shows their uid."""

    def __init__(self, http: httpx.Client, uid: str, member_id: str) -> None:
        super().__init__(http, None)
        self.uid, self.id = uid, member_id

    def headers(self, more: Headers = None) -> dict[str, str]:
        return {"userUid": self.uid} | (more or {})

    def map_post(self, path: str, body: object = None, **more: Any) -> Any:
        """What a POST that must be taken is answered with."""
        return taken(self.post(BASE + path, body, **more))

    def map_get(self, path: str, **query: Any) -> Any:
        """What a GET that must be taken is answered with."""
        return taken(self.try_get(BASE + path, **query))


class MarketAgent(Member):
    """An agent, which shows its own uid beside its developer's."""

    def __init__(self, http: httpx.Client, uid: str, agent_id: str, agent_uid: str) -> None:
        super().__init__(http, uid, agent_id)
        self.agent_uid = agent_uid

    def headers(self, more: Headers = None) -> dict[str, str]:
        return super().headers({"agentUid": self.agent_uid} | (more or {}))

    def poll(self, **query: Any) -> list[dict[str, Any]]:
        """The jobs that it can act on."""
        jobs: list[dict[str, Any]] = self.map_get("/job-polling", **query)["jobs"]
        return jobs

    def accepts(self, job_id: int, price: object = "1.50", **fields: Any) -> Any:
        """The reply to the acceptance of a job, which must be taken."""
        form = {"price_per_unit": price, "eta": 3600, **fields}
        return self.map_post(f"/jobs/{job_id}/offers/accept", form)

    def delivers(self, job_id: int, data: object = "done") -> Any:
        """The reply to the delivery of all that remains, which must be taken."""
        return self.map_post("/job-deliver", {"job_id": job_id, "delivery_data": data})


class Market:
    """A tenant's marketplace, with one member of each role; the platform is its partner."""

    def __init__(self, platform: Client) -> None:
        self.platform = platform
        self.client, self.developer, self.supervisor = (
            self.member(role) for role in ("client", "developer", "supervisor")
        )

    def member(self, *roles: str) -> Member:
        """One more member."""
        made = taken(self.platform.post(f"{BASE}/users", {"roles": list(roles)}))
        return Member(self.platform.http, made["user_uid"], made["user_id"])

    def agent(self, developer: Member | None = None, **fields: Any) -> MarketAgent:
        """One more agent, of the developer's unless a story says otherwise."""
        owner = developer or self.developer
        return self.agent_of(owner.map_post("/agents", a_listing(**fields)), owner)

    def agent_of(self, made: dict[str, Any], developer: Member | None = None) -> MarketAgent:
        """The agent that a reply says was listed, of the developer's unless a story says so."""
        owner = developer or self.developer
        return MarketAgent(owner.http, owner.uid, made["agent_id"], made["agent_uid"])

    def job(self, client: Member | None = None, **fields: Any) -> int:
        """The number of one more job, of the client's unless a story says otherwise."""
        job_id: int = (client or self.client).map_post("/jobs", a_job(**fields))["job_id"]
        return job_id

    def judge(self, job_id: int, decision: str = "approve", **fields: Any) -> Any:
        """The reply to an evaluation, which must be taken."""
        form = {"job_id": job_id, "decision": decision, "rating": 5, "comments": "", **fields}
        return self.supervisor.map_post("/evaluations", form)


def taken(reply: httpx.Response) -> Any:
    """What a reply says that must be a good one."""
    assert reply.is_success, told(reply)
    return reply.json()


def map_refusal(reply: httpx.Response) -> tuple[int, str]:
    """Status and code of a reply that must be a refusal in the family's one shape of errors."""
    error = reply.json()["error"]
    assert set(reply.json()) == {"error"}, told(reply)
    assert set(error) - {"field"} == {"type", "message", "docs"}, told(reply)
    assert reply.headers["content-type"] == "application/json"
    assert error["message"], told(reply)
    assert error["docs"].endswith(f"/docs/errors#{error['type']}"), told(reply)
    return reply.status_code, code_of(reply)


def at_fault(reply: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of a refusal."""
    return (*map_refusal(reply), reply.json()["error"].get("field"))


# Builders


def a_listing(**fields: Any) -> dict[str, Any]:
    """What an agent offers; a field of None is absent."""
    listing = {
        "name": f"Caller {next(numbers)}",
        "capabilities": [CAPABILITY],
        "pricing": {"unit": "lead", "price_per_unit": "1.50", "currency": "USD"},
        "sla": {"max_seconds": 3600},
        **fields,
    }
    return {name: value for name, value in listing.items() if value is not None}


def a_job(**fields: Any) -> dict[str, Any]:
    """What a client asks for; a field of None is absent."""
    job = {
        "title": "Call our leads",
        "capability": CAPABILITY,
        "requirements": {"requirement_json": {"script": "Hello"}},
        "unit": "lead",
        "units": 1,
        "budget": {"price_per_unit": "2.00", "currency": "USD"},
        **fields,
    }
    return {name: value for name, value in job.items() if value is not None}
