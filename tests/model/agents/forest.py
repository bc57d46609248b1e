"""A partner's agents at one moment: who comes from whom, and what each may do.

A forest never changes; what is done to it gives another. So any request can be judged against any
forest that there was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.model.agents.bounds import PERMISSIONS, Rights, meet
from tests.model.rules import Body
from tests.model.specification import Refused

POLICY: Body = {
    "enabled": False,
    "maxDepth": 5,
    "maxChildren": 100,
    "maxDescendants": 1_000,
    "approvalFromDepth": None,
}
"""How agents may spawn as long as their partner has not said."""


@dataclass(frozen=True)
class Agent:
    """An agent. ``path`` are those it comes from, the root first; ``key`` is None once it ended."""

    name: str
    type: str
    rights: Rights
    names_repeats: bool
    status: str
    path: tuple[str, ...]
    for_human: bool
    made_by: str
    made_at: str
    key: str | None


@dataclass(frozen=True)
class Forest:
    """All agents of a partner. ``owner`` is the partner's key, ``kept`` are replies for repeats."""

    owner: str
    owner_id: str
    agents: Mapping[str, Agent] = field(default_factory=dict)
    policy: Body = field(default_factory=lambda: POLICY)
    kept: Mapping[tuple[str, str], Body] = field(default_factory=dict)

    # Who comes from whom

    def found(self, agent_id: str) -> Agent:
        """One of the agents."""
        if agent_id not in self.agents:
            raise Refused("NOT_FOUND")
        return self.agents[agent_id]

    def holder(self, key: str) -> str | None:
        """Whose key it is."""
        return next((one for one, agent in self.agents.items() if agent.key == key), None)

    def line(self, agent_id: str) -> tuple[str, ...]:
        """An agent after those it comes from, the root first."""
        return (*self.agents[agent_id].path, agent_id)

    def below(self, agent_id: str) -> list[str]:
        """All who come from an agent, each parent before its children."""
        found = [one for one, agent in self.agents.items() if agent_id in agent.path]
        return sorted(found, key=self.line)

    def children(self, agent_id: str) -> list[str]:
        """Those who come from an agent directly, the eldest first."""
        found = [one for one in self.below(agent_id) if self.agents[one].path[-1] == agent_id]
        return sorted(found, key=self.by_age)

    def next_below(self, agent_id: str) -> list[str]:
        """The children of an agent; in the place of one that has ended, those next below it."""
        between = len(self.line(agent_id))
        return [
            one
            for one in self.below(agent_id)
            if self.agents[one].key
            and not any(self.agents[each].key for each in self.agents[one].path[between:])
        ]

    def living(self, agent_ids: Iterable[str]) -> list[str]:
        """Those of some agents who have not ended."""
        return [one for one in agent_ids if self.agents[one].key]

    def by_age(self, agent_id: str) -> tuple[str, str]:
        """What puts agents in the order in which they were made."""
        return self.agents[agent_id].made_at, agent_id

    # What each may do

    def in_force(self, agent_id: str) -> Rights:
        """What an agent may do: what each of its line may."""
        return meet([self.agents[one].rights for one in self.line(agent_id)])

    def stopped_by(self, line: Iterable[str]) -> str | None:
        """The first of a line that is suspended."""
        return next((one for one in line if self.agents[one].status == "SUSPENDED"), None)

    def is_awake(self, agent_id: str) -> bool:
        """Whether an agent may act."""
        is_active = self.agents[agent_id].status == "ACTIVE"
        return is_active and self.stopped_by(self.line(agent_id)) is None

    # What becomes of it

    def where(self, agent_ids: Iterable[str], **changed: Any) -> "Forest":
        """The same with something changed of some agents."""
        after = {one: replace(self.agents[one], **changed) for one in agent_ids}
        return replace(self, agents={**self.agents, **after})

    def shown(self, agent_id: str) -> Body:
        """An agent, everywhere the same; when it was last active is left out."""
        agent = self.agents[agent_id]
        return {
            "id": agent_id,
            "name": agent.name,
            "type": agent.type,
            **agent.rights.shown,
            "permissions": sorted(PERMISSIONS[self.in_force(agent_id).preset]),
            "requireIdempotency": agent.names_repeats,
            "status": agent.status,
            "authMode": "API_KEY" if agent.key else "NONE",
            "parentId": agent.path[-1] if agent.path else None,
            "rootId": self.line(agent_id)[0],
            "depth": len(agent.path),
            "membershipSource": "SPAWNED" if agent.path else "REGISTERED",
            "accountable": "HUMAN" if agent.for_human else "PARTNER",
            "createdBy": agent.made_by,
            "createdAt": agent.made_at,
        }
