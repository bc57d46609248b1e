"""The server, asked: a request becomes HTTP, and the reply is held against what must be said."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count, cycle

import httpx

from tests.model.agents.asked import Asked
from tests.model.agents.asking import Handed
from tests.model.agents.forest import Forest
from tests.model.agents.specification import answer
from tests.model.rules import Body
from tests.model.side_by_side import walk
from tests.model.specification import Refused
from tests.stories.client import Client

ROUTES = {
    "register": ("POST", "/v1/agents"),
    "spawn": ("POST", "/v1/agents/{}/spawn"),
    "set_rights": ("PATCH", "/v1/agents/{}"),
    "approve": ("POST", "/v1/agents/{}/approve"),
    "reject": ("POST", "/v1/agents/{}/reject"),
    "suspend": ("POST", "/v1/agents/{}/suspend"),
    "reactivate": ("POST", "/v1/agents/{}/reactivate"),
    "rotate": ("POST", "/v1/agents/{}/key/rotate"),
    "revoke": ("POST", "/v1/agents/{}/revoke"),
    "kill": ("POST", "/v1/agents/{}/revoke-descendants"),
    "preview": ("POST", "/v1/agents/{}/revoke-descendants?preview=true"),
    "set_policy": ("PUT", "/v1/spawn-policy"),
    "report": ("POST", "/v1/events"),
    "evaluate": ("POST", "/v1/policy/evaluate"),
    "show": ("GET", "/v1/agents/{}"),
    "list": ("GET", "/v1/agents?limit=200"),
    "tree": ("GET", "/v1/agents/tree?root={}"),
    "lineage": ("GET", "/v1/agents/{}/lineage"),
    "show_policy": ("GET", "/v1/spawn-policy"),
}

WITH_BODY = {"register", "spawn", "set_rights", "set_policy", "report"}

STATUSES = {
    "AGENT_ALLOWLIST_REQUIRED": 400,
    "AGENT_IDEMPOTENCY_REQUIRED": 400,
    "INVALID_FIELD": 400,
    "UNAUTHENTICATED": 401,
    "AGENT_EVENT_TYPE_NOT_ALLOWED": 403,
    "AGENT_PRESET_FORBIDDEN": 403,
    "AGENT_SUSPENDED": 403,
    "ANCESTOR_SUSPENDED": 403,
    "FORBIDDEN": 403,
    "SPAWN_DISABLED": 403,
    "SPAWN_ESCALATION": 403,
    "NOT_FOUND": 404,
    "INVALID_AGENT_STATE": 409,
    "PARENT_NOT_ACTIVE": 409,
    "SPAWN_DEPTH_EXCEEDED": 409,
    "SPAWN_LIMIT_EXCEEDED": 409,
}
"""The status of every refusal that the specification gives."""

Connections = Iterable[httpx.Client]

moments = count(1)


@dataclass(eq=False)
class Heard:
    """A request and the reply to it, without when anybody was last active. ``sent`` and
    ``received`` are moments of this process; ``position`` is 0 where none is told.
    """

    asked: Asked
    request_id: str
    sent: int
    received: int
    status: int
    body: Body
    position: int

    @property
    def is_refusal(self) -> bool:
        """Whether nothing was done."""
        return self.status >= 400

    def __str__(self) -> str:
        return f"{self.asked} -> {self.status} {self.body} at {self.position}"


class Server:
    """Asks the server, over another connection each time; ``handed`` takes what it hands out."""

    def __init__(self, connections: Connections, handed: Handed) -> None:
        self._connections, self.handed = cycle(connections), handed

    def client(self) -> Client:
        """The partner's own client, on another connection each time."""
        return Client(next(self._connections), self.handed.owner)

    def ask(self, asked: Asked) -> Heard:
        """The reply to a request."""
        method, path = ROUTES[asked.does]
        body = asked.body if asked.does in WITH_BODY else None
        if asked.does == "evaluate":
            actor = {"type": "service", "id": asked.about}
            body = {"actor": actor, "action": "checkout.complete"}
        sent = next(moments)
        request_id = f"moment-{sent}"
        headers = {"x-api-key": asked.by, "x-request-id": request_id}
        if asked.key is not None:
            headers["idempotency-key"] = asked.key
        http = next(self._connections)
        reply = http.request(method, path.format(asked.about), json=body, headers=headers)
        told = json.loads(reply.content, object_hook=without_activity)
        position = int(reply.headers.get("x-log-position", "0"))
        heard = Heard(asked, request_id, sent, next(moments), reply.status_code, told, position)
        if reply.is_success:
            self.handed.take(asked, told)
        return heard


def without_activity(shown: Body) -> Body:
    """Something shown, without when it was last active."""
    return {name: value for name, value in shown.items() if name != "lastActivityAt"}


def held_against(forest: Forest, heard: Heard) -> Forest:
    """The forest after a request. It fails unless the reply is what the specification says."""
    try:
        after, said = answer(forest, heard.asked, heard.body)
    except Refused as refused:
        assert_refused(heard, *refused.args)
        return forest
    assert heard.status == success_of(heard.asked, said), f"{heard}, not {said}"
    wrong = {
        name: (heard.body.get(name), value)
        for name, value in said.items()
        if heard.body.get(name) != value
    }
    assert not wrong, f"{heard}: {wrong}"
    return after


def assert_refused(heard: Heard, code: str, *named: object) -> None:
    """Fail unless a reply refuses for one reason, and names what it must."""
    found = heard.status, heard.body.get("code")
    assert found == (STATUSES[code], code), f"{heard}, not {code}"
    words = f"{heard.body['error']} {heard.body.get('hint')}"
    assert all(str(one) in words for one in named), f"{heard} does not name {named}"


def success_of(asked: Asked, said: Body) -> int:
    """The status of a reply that says that something was done."""
    if asked.does == "spawn" and said["status"] == "PENDING_APPROVAL":
        return 202
    return 201 if asked.does in {"register", "spawn", "report"} else 200


def assert_is_shown(forest: Forest, server: Server, limit: int = 7) -> None:
    """Hold lists, tree and every lineage against a forest at rest, in pages of some length."""
    for path, agent_ids in (
        ("/v1/agents", sorted(forest.agents, key=forest.by_age, reverse=True)),
        ("/v1/agents/tree", sorted(forest.agents, key=forest.line)),
    ):
        shown = [without_activity(one) for one in walk(server.client, path, limit)]
        assert shown == [forest.shown(one) for one in agent_ids], f"{path}: {shown}"
    for agent_id in forest.agents:
        held_against(forest, server.ask(Asked(forest.owner, "lineage", agent_id)))
