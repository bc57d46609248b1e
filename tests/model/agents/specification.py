"""What agents and their partner may ask, and what comes of it: the specification that the server is
held against. It knows no HTTP, no log and no fold.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.model.agents import changes
from tests.model.agents.asked import Asked
from tests.model.agents.bounds import PERMISSIONS
from tests.model.agents.changes import Answer
from tests.model.agents.forest import Forest
from tests.model.rules import Body
from tests.model.specification import Refused

LISTED_AT_MOST = 200
REASONS = {
    "ACTIVE": "AGENT_SUSPENDED",
    "SUSPENDED": "AGENT_SUSPENDED",
    "PENDING_APPROVAL": "AGENT_PENDING",
    "REVOKED": "AGENT_REVOKED",
}
"""Why an agent that may not act is denied, by its own status."""


def answer(forest: Forest, asked: Asked, told: Body) -> Answer:
    """The forest after a request, and what the reply to it must have said."""
    admitted(forest, asked)
    _, do = REQUESTS[asked.does]
    if asked.key is None:
        return do(forest, asked, told)
    known_by = asked.does, asked.key
    if known_by in forest.kept:
        return forest, forest.kept[known_by]
    after, said = do(forest, asked, told)
    again = said | {"apiKey": None} if "apiKey" in said else said
    return replace(after, kept={**after.kept, known_by: again}), said


def admitted(forest: Forest, asked: Asked) -> str | None:
    """The agent that asks for what it may ask for; None is the partner."""
    if asked.by == forest.owner:
        return None
    caller = forest.holder(asked.by)
    if caller is None or forest.agents[caller].status == "PENDING_APPROVAL":
        raise Refused("UNAUTHENTICATED")
    agent = forest.agents[caller]
    if agent.status == "SUSPENDED":
        raise Refused("AGENT_SUSPENDED")
    above = forest.stopped_by(agent.path)
    if above is not None:
        raise Refused("ANCESTOR_SUSPENDED", above)
    rights, (needed, _) = forest.in_force(caller), REQUESTS[asked.does]
    if needed not in PERMISSIONS[rights.preset]:
        raise Refused("FORBIDDEN", needed)
    if asked.does == "spawn" and asked.about != caller:
        raise Refused("FORBIDDEN")
    if asked.does == "report":
        if agent.names_repeats and asked.key is None:
            raise Refused("AGENT_IDEMPOTENCY_REQUIRED")
        if rights.types is not None and asked.body["eventType"] not in rights.types:
            raise Refused("AGENT_EVENT_TYPE_NOT_ALLOWED", asked.body["eventType"])
    return caller


# What changes no agent


def report(forest: Forest, asked: Asked, told: Body) -> Answer:
    """Somebody's event."""
    return forest, asked.body | {"actorType": "UNKNOWN", "weight": 1, "backfill": False}


def evaluate(forest: Forest, asked: Asked, told: Body) -> Answer:
    """A recommendation about an agent of which nothing was reported, for what anybody may."""
    if forest.is_awake(asked.about):
        return forest, {"decision": "ALLOW", "reasons": ["TIER_MET"], "tier": 0}
    reason = REASONS[forest.agents[asked.about].status]
    return forest, {"decision": "DENY", "reasons": [reason], "tier": 0}


def show(forest: Forest, asked: Asked, told: Body) -> Answer:
    """One agent."""
    forest.found(asked.about)
    return forest, forest.shown(asked.about)


def list_newest(forest: Forest, asked: Asked, told: Body) -> Answer:
    """The newest agents."""
    newest = sorted(forest.agents, key=forest.by_age, reverse=True)[:LISTED_AT_MOST]
    return forest, {"data": [forest.shown(one) for one in newest]}


def tree(forest: Forest, asked: Asked, told: Body) -> Answer:
    """An agent and all who come from it."""
    forest.found(asked.about)
    found = [asked.about, *forest.below(asked.about)]
    return forest, {"data": [forest.shown(one) for one in found]}


def lineage(forest: Forest, asked: Asked, told: Body) -> Answer:
    """Whom an agent comes from, and who comes from it directly."""
    return forest, {
        "ancestors": [forest.shown(one) for one in forest.found(asked.about).path],
        "self": forest.shown(asked.about),
        "children": [forest.shown(one) for one in forest.children(asked.about)],
    }


def show_policy(forest: Forest, asked: Asked, told: Body) -> Answer:
    """How agents may spawn."""
    return forest, forest.policy


REQUESTS: dict[str, tuple[str, Callable[[Forest, Asked, Body], Answer]]] = {
    "register": ("agents:write", changes.register),
    "spawn": ("agents:spawn", changes.spawn),
    "set_rights": ("agents:write", changes.set_rights),
    "suspend": ("agents:write", changes.suspend),
    "reactivate": ("agents:write", changes.reactivate),
    "approve": ("agents:write", changes.approve),
    "reject": ("agents:write", changes.reject),
    "rotate": ("agents:write", changes.rotate),
    "revoke": ("agents:write", changes.revoke),
    "kill": ("agents:write", changes.kill),
    "preview": ("agents:write", changes.preview),
    "set_policy": ("agents:write", changes.set_policy),
    "report": ("events:write", report),
    "evaluate": ("policy:evaluate", evaluate),
    "show": ("agents:read", show),
    "list": ("agents:read", list_newest),
    "tree": ("agents:read", tree),
    "lineage": ("agents:read", lineage),
    "show_policy": ("agents:read", show_policy),
}
"""What may be asked: the permission that it takes, and what it does."""
