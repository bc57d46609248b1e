"""Agents: made by a partner or by each other, calling with keys of their own."""

from itertools import count
from typing import Any

import httpx

from tests.stories.client import Client, a_key, an_event
from tests.stories.document import told

OPERATOR_FOR = ["message.sent", "transaction.completed"]
"""What an agent may report, unless a story says otherwise."""

numbers = count(1)


class Agent(Client):
    """An agent's own client. It shows the key that its maker was shown."""

    def __init__(self, http: httpx.Client, made: dict[str, Any]) -> None:
        super().__init__(http, made["apiKey"])
        self.id: str = made["id"]
        self.name: str = made["name"]
        self.path = f"/v1/agents/{self.id}"

    def over(self, http: httpx.Client) -> "Agent":
        """The same agent over other connections."""
        return Agent(http, {"apiKey": self.key, "id": self.id, "name": self.name})

    def with_key(self, key: str) -> Client:
        """The same agent with another key."""
        return Client(self.http, key)

    def reports(self, *, key: str | None = None, **fields: Any) -> httpx.Response:
        """The reply to an event that it reports, as one of its kind has to."""
        return self.post("/v1/events", an_event(**fields), key=key or a_key())


def an_agent(**fields: Any) -> dict[str, Any]:
    """The body of a registration: an operator of type AI_AGENT, unless a story says otherwise."""
    agent: dict[str, Any] = {
        "name": f"Agent {next(numbers)}",
        "type": "AI_AGENT",
        "preset": "operator",
        "allowedEventTypes": OPERATOR_FOR,
        **fields,
    }
    return {name: value for name, value in agent.items() if value is not None}


def registered(partner: Client, **fields: Any) -> Agent:
    """An agent that a partner makes."""
    return _made(partner, "/v1/agents", an_agent(**fields))


def a_service_of(partner: Client, **fields: Any) -> Agent:
    """A service account that a partner makes, without bounds unless a story says otherwise."""
    return registered(partner, **{"type": "SERVICE_ACCOUNT", "allowedEventTypes": None, **fields})


def spawned(parent: Agent, maker: Client | None = None, **fields: Any) -> Agent:
    """An agent that comes from another: made by itself, or by the partner."""
    body = {"name": f"Agent {next(numbers)}", **fields}
    return _made(maker or parent, f"{parent.path}/spawn", body)


def _made(maker: Client, path: str, body: dict[str, Any]) -> Agent:
    reply = maker.post(path, body)
    assert reply.status_code in {201, 202}, told(reply)
    return Agent(maker.http, reply.json())


def lets_spawn(partner: Client, **policy: Any) -> None:
    """Let a partner's agents spawn."""
    reply = partner.put("/v1/spawn-policy", {"enabled": True, **policy})
    assert reply.status_code == 200, told(reply)


def seen(client: Client, agent: Agent) -> dict[str, Any]:
    """An agent as it is shown."""
    found: dict[str, Any] = client.get(agent.path)
    return found


def moved(partner: Client, agent: Agent, move: str) -> dict[str, Any]:
    """An agent after a move that must be taken: ``suspend``, ``revoke`` and so on."""
    reply = partner.post(f"{agent.path}/{move}")
    assert reply.status_code == 200, told(reply)
    after: dict[str, Any] = reply.json()
    return after


def narrowed(partner: Client, agent: Agent, **rights: Any) -> dict[str, Any]:
    """An agent after a change of its rights that must be taken."""
    reply = partner.patch(agent.path, rights)
    assert reply.status_code == 200, told(reply)
    after: dict[str, Any] = reply.json()
    return after
