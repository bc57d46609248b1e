"""What changes a forest: agents are made, given other rights, stopped and ended.

What the server alone may choose (ids, keys, times) is told with its reply. Each answers with the
forest after a request of somebody who may ask it, and what the reply must have said.
"""

from dataclasses import replace

from tests.model.agents.asked import Asked
from tests.model.agents.bounds import Rights, exceeding, guard
from tests.model.agents.forest import POLICY, Agent, Forest
from tests.model.rules import Body
from tests.model.specification import Refused

Answer = tuple[Forest, Body]

ALIVE = ("PENDING_APPROVAL", "ACTIVE", "SUSPENDED")


# Making agents


def register(forest: Forest, asked: Asked, told: Body) -> Answer:
    """The partner makes an agent."""
    body = asked.body
    rights = Rights("reader", None, None).changed(body)
    guard(body["type"], rights)
    return begun(
        forest,
        asked,
        told,
        path=(),
        kind=body["type"],
        rights=rights,
        names_repeats=body.get("requireIdempotency"),
        for_human="authorizedBy" in body,
    )


def spawn(forest: Forest, asked: Asked, told: Body) -> Answer:
    """An agent comes from another, within what that may."""
    parent, body = forest.found(asked.about), asked.body
    must_have_room(forest, asked.about)
    bound, wanted = forest.in_force(asked.about), body.get("requireIdempotency")
    rights, kind = bound.changed(body), body.get("type", parent.type)
    more = exceeding(rights, bound)
    more += ["type"] if (parent.type, kind) == ("AI_AGENT", "SERVICE_ACCOUNT") else []
    more += ["requireIdempotency"] if parent.names_repeats and wanted is False else []
    if more:
        raise Refused("SPAWN_ESCALATION", ", ".join(more))
    guard(kind, rights)
    return begun(
        forest,
        asked,
        told,
        path=forest.line(asked.about),
        kind=kind,
        rights=rights,
        names_repeats=parent.names_repeats or wanted,
        for_human=parent.for_human,
    )


def must_have_room(forest: Forest, parent_id: str) -> None:
    """Refuse a spawn that the policy, or whoever is stopped above, does not let happen."""
    policy, line = forest.policy, forest.line(parent_id)
    if not policy["enabled"]:
        raise Refused("SPAWN_DISABLED")
    must_be_awake(forest, parent_id)
    if len(line) > policy["maxDepth"]:
        raise Refused("SPAWN_DEPTH_EXCEEDED", policy["maxDepth"])
    if len(forest.living(forest.children(parent_id))) >= policy["maxChildren"]:
        raise Refused("SPAWN_LIMIT_EXCEEDED", f"{policy['maxChildren']} children")
    if len(forest.living(forest.below(line[0]))) >= policy["maxDescendants"]:
        raise Refused("SPAWN_LIMIT_EXCEEDED", f"{policy['maxDescendants']} descendants")


def must_be_awake(forest: Forest, parent_id: str) -> None:
    """Refuse what only an agent that may act can have done to those below it."""
    parent, stopped_by = forest.agents[parent_id], forest.stopped_by(forest.line(parent_id))
    if parent.status != "ACTIVE":
        raise Refused("PARENT_NOT_ACTIVE", parent.name, parent.status)
    if stopped_by is not None:
        raise Refused("PARENT_NOT_ACTIVE", forest.agents[stopped_by].name, "SUSPENDED")


def begun(
    forest: Forest,
    asked: Asked,
    told: Body,
    *,
    path: tuple[str, ...],
    kind: str,
    rights: Rights,
    names_repeats: bool | None,
    for_human: bool,
) -> Answer:
    """The forest with one agent more."""
    if kind == "AI_AGENT" and names_repeats is False:
        raise Refused("AGENT_IDEMPOTENCY_REQUIRED", "requireIdempotency")
    waits_from = forest.policy["approvalFromDepth"]
    is_pending = path != () and waits_from is not None and len(path) >= waits_from
    caller, agent_id, key = forest.holder(asked.by), told.get("id", ""), told.get("apiKey", "")
    assert agent_id not in forest.agents, f"{agent_id} is not new"
    agent = Agent(
        name=asked.body["name"],
        type=kind,
        rights=rights,
        names_repeats=kind == "AI_AGENT" or bool(names_repeats),
        status="PENDING_APPROVAL" if is_pending else "ACTIVE",
        path=path,
        for_human=for_human,
        made_by=f"agent:{caller}" if caller else f"partner:{forest.owner_id}",
        made_at=told.get("createdAt", ""),
        key=key,
    )
    after = replace(forest, agents={**forest.agents, agent_id: agent})
    return after, after.shown(agent_id) | {"apiKey": key}


# Changing agents


def set_rights(forest: Forest, asked: Asked, told: Body) -> Answer:
    """An agent is given other rights, within those of the ones it comes from."""
    agent = being(forest, asked.about, *ALIVE)
    rights = agent.rights.changed(asked.body)
    guard(agent.type, rights)
    if agent.path:
        bound = forest.in_force(agent.path[-1])
        more = exceeding(bound.changed(asked.body), bound)
        if more:
            raise Refused("SPAWN_ESCALATION", ", ".join(more))
    return after(forest, asked.about, rights=rights)


def suspend(forest: Forest, asked: Asked, told: Body) -> Answer:
    """An agent stops, and all who come from it."""
    being(forest, asked.about, "ACTIVE")
    return after(forest, asked.about, status="SUSPENDED")


def reactivate(forest: Forest, asked: Asked, told: Body) -> Answer:
    """A suspended agent goes on, where nothing that it comes from is suspended."""
    agent = being(forest, asked.about, "SUSPENDED")
    above = forest.stopped_by(agent.path)
    if above is not None:
        raise Refused("INVALID_AGENT_STATE", above)
    return after(forest, asked.about, status="ACTIVE")


def approve(forest: Forest, asked: Asked, told: Body) -> Answer:
    """A pending agent begins."""
    agent = being(forest, asked.about, "PENDING_APPROVAL")
    must_be_awake(forest, agent.path[-1])
    return after(forest, asked.about, status="ACTIVE")


def reject(forest: Forest, asked: Asked, told: Body) -> Answer:
    """A pending agent never begins."""
    being(forest, asked.about, "PENDING_APPROVAL")
    return after(forest, asked.about, status="REVOKED", key=None)


def rotate(forest: Forest, asked: Asked, told: Body) -> Answer:
    """An agent gets another key."""
    being(forest, asked.about, *ALIVE)
    key = told.get("apiKey", "")
    changed, said = after(forest, asked.about, key=key)
    return changed, said | {"apiKey": key}


def revoke(forest: Forest, asked: Asked, told: Body) -> Answer:
    """An agent ends; where it was stopped, those next below it are stopped in its place."""
    being(forest, asked.about, *ALIVE)
    stopped = [
        one
        for one in forest.next_below(asked.about)
        if forest.agents[one].status == "ACTIVE" and forest.stopped_by(forest.line(asked.about))
    ]
    changed, said = after(forest, asked.about, status="REVOKED", key=None)
    return changed.where(stopped, status="SUSPENDED"), said


def kill(forest: Forest, asked: Asked, told: Body) -> Answer:
    """An agent and all who come from it end."""
    ended, said = preview(forest, asked, told)
    ids = [one["id"] for one in said["agents"]]
    return ended.where(ids, status="REVOKED", key=None), said | {"preview": False}


def preview(forest: Forest, asked: Asked, told: Body) -> Answer:
    """Who would end."""
    forest.found(asked.about)
    ids = forest.living([asked.about, *forest.below(asked.about)])
    shown = [forest.shown(one) for one in ids]
    told_of = [{name: one[name] for name in ("id", "name", "status", "depth")} for one in shown]
    return forest, {"preview": True, "count": len(ids), "agents": told_of}


def set_policy(forest: Forest, asked: Asked, told: Body) -> Answer:
    """The partner says how its agents may spawn."""
    policy = POLICY | asked.body
    return replace(forest, policy=policy), policy


def being(forest: Forest, agent_id: str, *statuses: str) -> Agent:
    """An agent that must have one of some statuses."""
    agent = forest.found(agent_id)
    if agent.status not in statuses:
        raise Refused("INVALID_AGENT_STATE", agent.status)
    return agent


def after(forest: Forest, agent_id: str, **changed: object) -> Answer:
    """The forest with something changed of an agent, and the agent."""
    forest = forest.where([agent_id], **changed)
    return forest, forest.shown(agent_id)
