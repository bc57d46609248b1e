"""A forest: two roots of one tenant's, and who comes from the first."""

from domain.agent import AGENT, Agent, Line, Status, agent_of, rights_in_force
from domain.command import Command
from domain.partner import IssuedKey
from domain.principal import Identify, Principal
from domain.registry import RevokeAgent, SuspendAgent
from domain.rights import Rights
from tests.builders import (
    FREE,
    TENANT,
    History,
    a_spawn,
    a_spawn_policy,
    a_turn,
    an_agent,
    an_agents_key,
    an_approval,
)

ROOT, CHILD, GRANDCHILD, SIBLING = "a root", "a child", "a grandchild", "a sibling"
OTHER_ROOT = "another root"

FOREST: tuple[Command[object], ...] = (
    an_approval("acme"),
    a_spawn_policy(),
    an_agent("Root", agent_id=ROOT),
    a_spawn(ROOT, "Child", agent_id=CHILD),
    a_spawn(CHILD, "Grandchild", agent_id=GRANDCHILD),
    a_spawn(ROOT, "Sibling", agent_id=SIBLING),
    an_agent("Other root", agent_id=OTHER_ROOT, agent_type="SERVICE_ACCOUNT", rights=FREE),
)
"""What makes it. The first root and all who come from it are AI agents."""


def line_in(history: History, agent_id: str) -> Line:
    """An agent after its ancestors."""
    return agent_of(agent_id, TENANT, history.known())


def agent_in(history: History, agent_id: str) -> Agent:
    """An agent as it stands."""
    agent = history.known().get(AGENT, agent_id)
    assert agent is not None
    return agent


def statuses_in(history: History, *agent_ids: str) -> list[Status]:
    """How some agents stand."""
    return [agent_in(history, agent_id).status for agent_id in agent_ids]


def rights_of(history: History, agent_id: str) -> Rights:
    """What an agent may do: its rights in force."""
    return rights_in_force(line_in(history, agent_id))


def caller(history: History, who: str | IssuedKey) -> Principal:
    """Who calls with a key, or with the first key of an agent. Raises what they are told."""
    key = an_agents_key(who) if isinstance(who, str) else who
    return history.do(Identify(key.lookup))


def with_an_agent(status: Status) -> tuple[History, str]:
    """A history in which a child of a root stands so, and the child's id."""
    root = an_agent()
    child = a_spawn(root.id)
    approval_from_depth = 1 if status == "PENDING_APPROVAL" else None
    history = History(a_spawn_policy(approval_from_depth=approval_from_depth), root, child)
    if status == "SUSPENDED":
        history.do(a_turn(SuspendAgent, child.id))
    elif status == "REVOKED":
        history.do(a_turn(RevokeAgent, child.id))
    return history, child.id
