"""What may be asked: each draws a request, from what was handed out and seen until then."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from tests.model.agents.asked import Asked
from tests.model.agents.bounds import PRESETS
from tests.model.agents.changes import ALIVE
from tests.model.rules import Body

TYPES = ("ai.task_completed", "message.sent", "transaction.completed")
"""Event types, in the order in which replies show what is left of them."""

RATES = (10_000, 100_000, 1_000_000)
"""So many requests a minute nobody sends here."""

KINDS = ("AI_AGENT", "AI_AGENT", "SERVICE_ACCOUNT")
NAMES = ("Ann", "Bob", "Cyd")
"""Fewer than there are agents: nothing goes by name."""

NEAR = 8
"""So many of the newest are met more often than the others, so that threads meet."""

numbers = count(1)


@dataclass
class Handed:
    """What a partner has in its hands: its own key, all keys that each agent ever had, and agents
    as each was last seen.

    ``sent`` are requests that were taken, until they are repeated.
    """

    owner: str
    keys: dict[str, list[str]] = field(default_factory=dict)
    seen: dict[str, Body] = field(default_factory=dict)
    sent: deque[Asked] = field(default_factory=deque)

    def take(self, asked: Asked, told: Body) -> None:
        """Take what the reply to a request hands out and shows."""
        if asked.key is not None:
            self.sent.append(asked)
        if told.get("apiKey"):
            self.keys.setdefault(told["id"], []).append(told["apiKey"])
        if "parentId" in told:
            self.seen[told["id"]] = told
        # Another thread may have made somebody, and not have taken them yet.
        ended = [one["id"] for one in told["agents"]] if asked.does == "kill" else []
        for one in self.seen.keys() & ended:
            self.seen[one] = self.seen[one] | {"status": "REVOKED"}

    def fit(self, *statuses: str) -> list[str]:
        """The newest agents that may have one of some statuses, under nobody suspended."""
        seen = [one for one in list(self.seen) if self.seen[one]["status"] in statuses]
        return [one for one in seen if not self.is_below_suspended(one)][-NEAR:]

    def is_below_suspended(self, agent_id: str) -> bool:
        """Whether an agent that this one comes from was seen suspended."""
        parent = self.seen[agent_id]["parentId"]
        if parent is None:
            return False
        return self.seen[parent]["status"] == "SUSPENDED" or self.is_below_suspended(parent)

    def agent(self, chance: Random, *statuses: str) -> str:
        """An agent: mostly a fit one, if there is any."""
        fit = self.fit(*statuses)
        return chance.choice(fit if fit and chance.random() < 0.8 else list(self.seen))

    def key(self, chance: Random, agent_id: str) -> str:
        """A key of an agent's: mostly the last that it was given."""
        keys = self.keys[agent_id]
        return keys[-1] if chance.random() < 0.8 else chance.choice(keys)

    def anybody(self, chance: Random) -> str:
        """Any key, the partner's or one of an agent."""
        return self.owner if chance.random() < 0.3 else self.key(chance, self.agent(chance, *ALIVE))


Draw = Callable[[Handed, Random], Asked]


# Agents made and changed


def register(handed: Handed, chance: Random) -> Asked:
    """A root."""
    body = {
        "name": chance.choice(NAMES),
        "type": chance.choice(KINDS),
        "preset": "operator",
        "allowedEventTypes": list(TYPES),
        **(some_rights(chance) if chance.random() < 0.4 else {}),
    }
    if chance.random() < 0.2:
        body["requireIdempotency"] = chance.random() < 0.5
    if chance.random() < 0.3:
        body["authorizedBy"] = "emp-1"
    return Asked(handed.owner, "register", "", body, maybe_a_key(chance))


def spawn(handed: Handed, chance: Random) -> Asked:
    """A child: made by its parent, by the partner, or by one who may not."""
    about = handed.agent(chance, "ACTIVE")
    own = handed.key(chance, about)
    by = chance.choice((own, own, handed.owner, handed.owner, handed.anybody(chance)))
    body: Body = {"name": chance.choice(NAMES)}
    if chance.random() < 0.3:
        body |= some_rights(chance)
    if chance.random() < 0.2:
        body["type"] = chance.choice(KINDS)
    if chance.random() < 0.2:
        body["requireIdempotency"] = chance.random() < 0.5
    return Asked(by, "spawn", about, body, maybe_a_key(chance))


def set_rights(handed: Handed, chance: Random) -> Asked:
    """Other rights, wider ones too; null lifts a bound."""
    body = some_rights(chance)
    for name in ("allowedEventTypes", "rateLimitPerMinute"):
        if chance.random() < 0.1:
            body[name] = None
    return Asked(handed.owner, "set_rights", handed.agent(chance, *ALIVE), body)


def move(does: str, *statuses: str) -> Draw:
    """What is done by the partner to an agent of some status, if there may be one; now and then an
    agent tries.
    """

    def draw(handed: Handed, chance: Random) -> Asked:
        if not handed.fit(*statuses) and chance.random() < 0.8:
            return spawn(handed, chance)
        by = handed.owner if chance.random() < 0.95 else handed.anybody(chance)
        key = None if does == "preview" else maybe_a_key(chance)
        return Asked(by, does, handed.agent(chance, *statuses), {}, key)

    return draw


def let_spawn(handed: Handed) -> Asked:
    """What a partner asks for first."""
    return Asked(handed.owner, "set_policy", "", {"enabled": True})


def set_policy(handed: Handed, chance: Random) -> Asked:
    """How agents may spawn: mostly they may, until there are enough."""
    body = {
        "enabled": chance.random() < 0.95,
        "maxDepth": chance.choice((3, 5, 8)),
        "maxChildren": chance.choice((2, 3, 100)),
        "maxDescendants": chance.choice((5, 10, 1_000)),
        "approvalFromDepth": chance.choice((None, 1, 2, 3)),
    }
    return Asked(handed.owner, "set_policy", "", body)


# Agents at work


def report(handed: Handed, chance: Random) -> Asked:
    """An event, under any key, of a type that the agent may report or not."""
    by = handed.key(chance, handed.agent(chance, *ALIVE))
    body = {"userExternalId": f"emp-{next(numbers)}", "eventType": chance.choice(TYPES)}
    return Asked(by, "report", "", body, a_key() if chance.random() < 0.9 else None)


def evaluate(handed: Handed, chance: Random) -> Asked:
    """A recommendation about an agent, to another or to the partner."""
    return Asked(handed.anybody(chance), "evaluate", handed.agent(chance, *ALIVE))


def look(handed: Handed, chance: Random) -> Asked:
    """What is shown, to anybody."""
    does = chance.choice(("show", "list", "tree", "lineage", "show_policy"))
    return Asked(handed.anybody(chance), does, handed.agent(chance, *ALIVE))


def repeat(handed: Handed, chance: Random) -> Asked:
    """An earlier request once more, under its Idempotency-Key."""
    try:
        return handed.sent.pop() if chance.random() < 0.5 else handed.sent.popleft()
    except IndexError:
        return look(handed, chance)


# What they are drawn from


def some_rights(chance: Random) -> Body:
    """Rights, not all of them."""
    body: Body = {}
    if chance.random() < 0.5:
        body["preset"] = chance.choice(PRESETS)
    if chance.random() < 0.5:
        body["allowedEventTypes"] = [one for one in TYPES if chance.random() < 0.7]
    if chance.random() < 0.5:
        body["rateLimitPerMinute"] = chance.choice(RATES)
    return body


def a_key() -> str:
    """An Idempotency-Key that was not used yet."""
    return f"key-{next(numbers)}"


def maybe_a_key(chance: Random) -> str | None:
    """The same, or none."""
    return a_key() if chance.random() < 0.3 else None


DRAWS: dict[str, Draw] = {
    "register": register,
    "spawn": spawn,
    "set_rights": set_rights,
    "approve": move("approve", "PENDING_APPROVAL"),
    "reject": move("reject", "PENDING_APPROVAL"),
    "suspend": move("suspend", "ACTIVE"),
    "reactivate": move("reactivate", "SUSPENDED"),
    "rotate": move("rotate", *ALIVE),
    "revoke": move("revoke", *ALIVE),
    "kill": move("kill", *ALIVE),
    "preview": move("preview", *ALIVE),
    "set_policy": set_policy,
    "report": report,
    "evaluate": evaluate,
    "look": look,
    "repeat": repeat,
}

OFTEN = {
    "spawn": 8,
    "report": 8,
    "set_rights": 3,
    "approve": 3,
    "suspend": 3,
    "reactivate": 3,
    "revoke": 2,
}
"""What happens more often than the rest, so that trees grow faster than they are felled."""


def any_of(*does: str) -> Draw:
    """Any of some requests; the first makes an agent."""
    weights = [OFTEN.get(one, 1) for one in does]

    def draw(handed: Handed, chance: Random) -> Asked:
        if not handed.seen:
            return register(handed, chance)
        (one,) = chance.choices(does, weights)
        return DRAWS[one](handed, chance)

    return draw


anything = any_of(*DRAWS)
