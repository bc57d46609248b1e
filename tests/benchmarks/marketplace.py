"""A marketplace over HTTP: members, agents, and jobs brought as far on their way as is wanted.

Each agent has a capability of its own, and the jobs take the capabilities in turn. All that is sent
is the same from run to run, but for the ids that the server gives.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Any, Literal, NamedTuple

import psycopg

from tests.benchmarks.client import Client
from tests.benchmarks.tenure import Tenure

BASE = "/api/ailancer"
MEMBERS = 10
"""How many clients there are, developers, and supervisors."""

SENDERS = 16
PRICE = {"price_per_unit": "1.50", "currency": "USD"}
JOBS = """
    select (row ->> 'number')::bigint, row ->> 'capability'
    from state
    where fold = 'job' and row ->> 'status' = %s
    order by 1
"""
TENANT = "select row ->> 'tenant' from state where fold = 'listing' limit 1"

Step = Literal["post", "accept", "deliver", "evaluate"]
STEPS: tuple[Step, ...] = ("accept", "deliver", "evaluate")
BEFORE: dict[Step, str] = {"accept": "OPEN", "deliver": "REQUESTED", "evaluate": "DELIVERED"}
"""What a job is before each step of its way."""


class Request(NamedTuple):
    """A request as `scripts/post.lua` sends it; empty is what is not sent."""

    method: str
    path: str
    key: str = ""
    user_uid: str = ""
    agent_uid: str = ""
    body: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """Its headers, as the script makes them."""
        sent = {
            "Idempotency-Key": self.key,
            "userUid": self.user_uid,
            "agentUid": self.agent_uid,
            "Content-Type": "application/json" if self.body else "",
        }
        return {name: value for name, value in sent.items() if value}


@dataclass(frozen=True)
class Agent:
    """An agent: its id, its uid and its developer's."""

    agent_id: str
    uid: str
    developer_uid: str

    def polls(self) -> Request:
        """Its request for what it can act on."""
        return Request("GET", f"{BASE}/job-polling", "", self.developer_uid, self.uid)

    def posts(self, path: str, key: str, body: dict[str, Any]) -> Request:
        """A request of its own."""
        return Request("POST", f"{BASE}{path}", key, self.developer_uid, self.uid, json.dumps(body))


class Marketplace:
    """The members and agents of a marketplace, and what they ask for at each step of a job."""

    def __init__(self, running: Tenure, agents: int) -> None:
        self._running, self._posted = running, 0
        platform = Client(running)
        self._clients, self._developers, self._supervisors = (
            [
                str(platform.send("POST", f"{BASE}/users", {"roles": [role]})["user_uid"])
                for _ in range(MEMBERS)
            ]
            for role in ("client", "developer", "supervisor")
        )
        capabilities = [(_capability(number),) for number in range(agents)]
        self.agents = self.offer(*capabilities)
        self._of_capability = {_capability(at): agent for at, agent in enumerate(self.agents)}

    def offer(self, *capabilities: Sequence[str]) -> Sequence[Agent]:
        """More agents, with these capabilities."""
        developers = [self._developers[number % MEMBERS] for number in range(len(capabilities))]
        requests = [
            Request(
                *("POST", f"{BASE}/agents", "", developer, ""),
                json.dumps(
                    {
                        "name": "bench",
                        "capabilities": list(names),
                        "pricing": {"unit": "lead", **PRICE},
                        "sla": {"max_seconds": 3600},
                    }
                ),
            )
            for developer, names in zip(developers, capabilities, strict=True)
        ]
        made = zip(self._send(requests), developers, strict=True)
        return [Agent(one["agent_id"], one["agent_uid"], developer) for one, developer in made]

    def capabilities(self, first: int, count: int) -> Sequence[str]:
        """So many of the capabilities, from one on."""
        return [_capability((first + number) % len(self.agents)) for number in range(count)]

    def tenant(self) -> str:
        """Whose marketplace it is."""
        with psycopg.connect(self._running.database_url) as connection:
            ((tenant,),) = connection.execute(TENANT).fetchall()
        return str(tenant)

    def settle(self) -> None:
        """Have the database know its tables as a server that has run for a while does."""
        with psycopg.connect(self._running.database_url, autocommit=True) as connection:
            connection.execute("vacuum analyze")
            connection.execute("checkpoint")

    def stock(self, step: Step, wanted: int) -> Sequence[Request]:
        """The requests of a step for all jobs that await it, at least so many of them."""
        missing = wanted - len(self._jobs(step))
        if missing > 0:
            place = STEPS.index(step)
            if place:
                self._send(self.stock(STEPS[place - 1], missing)[:missing])
            else:
                self._send([self._post() for _ in range(missing)])
        return [self._request(step, number, capability) for number, capability in self._jobs(step)]

    def write(self, name: str, requests: Sequence[Request], folder: Path) -> Path:
        """A file of requests, as `scripts/post.lua` reads it."""
        path = folder / f"{name}.txt"
        path.write_text("".join("\t".join(request) + "\n" for request in requests))
        return path

    def _jobs(self, step: Step) -> list[tuple[int, str]]:
        with psycopg.connect(self._running.database_url) as connection:
            return connection.execute(JOBS, [BEFORE[step]]).fetchall()

    def _post(self) -> Request:
        number, self._posted = self._posted, self._posted + 1
        body = {
            "title": "Call our leads",
            "capability": _capability(number % len(self.agents)),
            "requirements": {"requirement_json": {"script": "Hello, this is Acme."}},
            "unit": "lead",
            "units": 1,
            "budget": PRICE,
        }
        uid = self._clients[number % MEMBERS]
        return Request("POST", f"{BASE}/jobs", f"post-{number}", uid, "", json.dumps(body))

    def _request(self, step: Step, number: int, capability: str) -> Request:
        key, agent = f"{step}-{number}", self._of_capability[capability]
        if step == "accept":
            offer = {"price_per_unit": PRICE["price_per_unit"], "eta": 3600}
            return agent.posts(f"/jobs/{number}/offers/accept", key, offer)
        if step == "deliver":
            return agent.posts("/job-deliver", key, {"job_id": number, "delivery_data": "done"})
        judgement = {"job_id": number, "decision": "approve", "rating": 5}
        uid = self._supervisors[number % MEMBERS]
        return Request("POST", f"{BASE}/evaluations", key, uid, "", json.dumps(judgement))

    def _send(self, requests: Sequence[Request]) -> list[Any]:
        """Send each once, several at a time: the answers' documents, in order."""
        held = local()

        def send(request: Request) -> Any:
            if not hasattr(held, "client"):
                held.client = Client(self._running)
            return held.client.exchange(request.method, request.path, request.headers, request.body)

        with ThreadPoolExecutor(SENDERS) as senders:
            return list(senders.map(send, requests))


def _capability(number: int) -> str:
    return f"capability-{number}"
