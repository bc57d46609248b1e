"""Genealogy: agents that make others, who comes from whom, and how all of them are ended."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.agent import Agent, Status
from domain.principal import ActingAgent
from domain.refusals import (
    AgentAllowlistRequired,
    AgentPresetForbidden,
    Forbidden,
    InvalidAgentState,
    InvalidCursor,
    InvalidEventType,
    InvalidName,
    NotFound,
    ParentNotActive,
    SpawnDepthExceeded,
    SpawnDisabled,
    SpawnEscalation,
    SpawnLimitExceeded,
    UnknownPosition,
)
from domain.rights import AgentType, Preset
from domain.spawning import (
    CHILDREN_AT_MOST,
    DEPTH_AT_MOST,
    DESCENDANTS_AT_MOST,
    ApproveAgent,
    RejectAgent,
    RevokeDescendants,
    SetSpawnPolicy,
    Spawn,
    SpawnPolicy,
)
from interfaces.api.call import Answered, Call
from interfaces.api.mir.agents import (
    AgentName,
    AgentOut,
    AgentWithKeyOut,
    EventTypes,
    RateLimit,
    agent_with_key_out,
    seen_out,
    turn,
)
from interfaces.api.openapi import IDEMPOTENT, READ, WITH_REPEATS, refuses
from interfaces.api.route import LeanRoute, holds_agents_to, needs
from interfaces.api.wire import WHOLE, AsOf, DigitsOnly, Pagination, Query, Wire
from interfaces.drawing import NodeOut, node_out
from projections.agents import lineage_of, tree_of_agents
from projections.spawning import AskSpawnPolicy

router = APIRouter(route_class=LeanRoute, tags=["Genealogy"])

NODES_AT_MOST = 10_000
CURSOR_LENGTH_AT_MOST = 2_000
"""A place in a tree says the whole path of an agent."""

OR_PENDING: dict[str, Any] = {
    **IDEMPOTENT,
    "responses": {
        "202": {
            "description": "Spawned; it waits for approval",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/AgentWithKeyOut"}}
            },
        }
    },
}
"""What the document says of spawning beyond what FastAPI derives."""


class SpawnIn(Wire):
    """An agent that is to come from another; what is left out it inherits."""

    name: AgentName = Field(examples=["Research assistant"])
    type: AgentType | None = Field(
        None, description="Another than the parent's only under a SERVICE_ACCOUNT."
    )
    preset: Preset | None = None
    allowed_event_types: EventTypes = None
    rate_limit_per_minute: RateLimit = None
    require_idempotency: bool | None = Field(
        None, description="What the parent must do, the child must, too."
    )


class SpawnPolicyIn(Wire):
    """Whether your agents may spawn, how deep and how many."""

    enabled: bool = False
    max_depth: Annotated[int, WHOLE] = Field(
        5, ge=0, le=DEPTH_AT_MOST, description="The greatest depth; a root has 0."
    )
    max_children: Annotated[int, WHOLE] = Field(
        100, ge=0, le=CHILDREN_AT_MOST, description="Of one agent."
    )
    max_descendants: Annotated[int, WHOLE] = Field(
        1_000, ge=0, le=DESCENDANTS_AT_MOST, description="Of one root, at any depth."
    )
    approval_from_depth: Annotated[int, Field(ge=1, le=DEPTH_AT_MOST), WHOLE] | None = Field(
        None, description="From this depth on you approve each; null: none."
    )


class SpawnPolicyOut(TypedDict):
    """Whether your agents may spawn, how deep and how many; the revoked do not count."""

    enabled: bool
    maxDepth: int
    maxChildren: int
    maxDescendants: int
    approvalFromDepth: int | None


class LineageOut(TypedDict):
    """Whom an agent comes from, the root first, and who comes from it directly."""

    ancestors: list[AgentOut]
    self: AgentOut
    children: list[AgentOut]


class TreeOut(TypedDict):
    """Agents, each parent before its children."""

    data: list[AgentOut]
    pagination: Pagination


class DrawingOut(TypedDict):
    """A tree for those who draw it, each parent before its children."""

    nodes: list[NodeOut]
    pagination: Pagination


class TreeQuery(AsOf):
    """Which part of the forest."""

    root: str | None = Field(None, description="The agent to begin at; absent: all of yours.")
    depth: DigitsOnly | None = Field(
        None, ge=0, le=DEPTH_AT_MOST, description="So many levels below."
    )
    status: Status | None = None
    view: Literal["agents", "drawing"] = Field(
        "agents", description="`drawing` tells of each agent only what is drawn."
    )
    cursor: str | None = Field(
        None,
        max_length=CURSOR_LENGTH_AT_MOST,
        description="pagination.cursor of the page before.",
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
    )
    limit: DigitsOnly = Field(1_000, ge=1, le=NODES_AT_MOST)


class RevokedAgentOut(TypedDict):
    """An agent that is ended, with the status that it had."""

    id: str
    name: str
    status: Status
    depth: int


class RevokedOut(TypedDict):
    """Who was ended; in a preview, who would be."""

    preview: bool
    count: int
    agents: list[RevokedAgentOut]


class PreviewQuery(Query):
    """Whether to look before leaping."""

    preview: bool = False


def spawn_policy_out(policy: SpawnPolicy) -> SpawnPolicyOut:
    """What is shown of a spawn policy."""
    return {
        "enabled": policy.enabled,
        "maxDepth": policy.max_depth,
        "maxChildren": policy.max_children,
        "maxDescendants": policy.max_descendants,
        "approvalFromDepth": policy.approval_from_depth,
    }


@router.get(
    "/spawn-policy",
    response_model=SpawnPolicyOut,
    dependencies=[needs("agents:read")],
    openapi_extra=READ,
    summary="Show the spawn policy",
)
@refuses(UnknownPosition)
async def get_spawn_policy(call: Call, query: Annotated[AsOf, FromQuery()]) -> Answered:
    """Whether your agents may spawn."""
    policy = await call.resolve(AskSpawnPolicy(call.principal.tenant), query.as_of)
    return call.show(spawn_policy_out(policy))


@router.put(
    "/spawn-policy",
    response_model=SpawnPolicyOut,
    dependencies=[needs("agents:write")],
    summary="Set the spawn policy",
)
async def put_spawn_policy(call: Call, form: SpawnPolicyIn) -> Answered:
    """Say whether your agents may spawn. Those that exist stay, whatever it says."""
    policy = SpawnPolicy(**form.model_dump())
    command = SetSpawnPolicy(id=new_id(), tenant=call.principal.tenant, policy=policy)
    return await call.commit(command, spawn_policy_out)


def spawns_for_itself(call: Call, agent: ActingAgent) -> None:
    """Raise Forbidden for an agent that would spawn under another."""
    if call.scope["path_params"]["agent_id"] != agent.agent_id:
        raise Forbidden(permission="agents:write")


@router.post(
    "/agents/{agent_id}/spawn",
    status_code=201,
    response_model=AgentWithKeyOut,
    dependencies=[needs("agents:spawn")],
    openapi_extra=OR_PENDING,
    summary="Spawn an agent",
)
@refuses(
    *WITH_REPEATS,
    NotFound,
    InvalidName,
    InvalidEventType,
    AgentAllowlistRequired,
    AgentPresetForbidden,
    SpawnDisabled,
    SpawnEscalation,
    ParentNotActive,
    SpawnDepthExceeded,
    SpawnLimitExceeded,
)
@holds_agents_to(spawns_for_itself)
async def spawn_agent(call: Call, agent_id: str, form: SpawnIn) -> Answered:
    """Make an agent that comes from another: by the partner, or by the parent with its own key. It
    never has more than its parent; its key is shown this once.
    """
    key, issued = call.services.new_agent_key()
    allowed = form.allowed_event_types
    command = Spawn(
        id=new_id(),
        tenant=call.principal.tenant,
        created_by=call.principal.id,
        parent_id=agent_id,
        name=form.name,
        type=form.type,
        preset=form.preset,
        allowed_event_types=None if allowed is None else tuple(dict.fromkeys(allowed)),
        rate_limit_per_minute=form.rate_limit_per_minute,
        require_idempotency=form.require_idempotency,
        key=issued,
    )
    return await call.commit(
        command,
        agent_with_key_out,
        status=lambda shown: 202 if shown.agent.status == "PENDING_APPROVAL" else 201,
        repeat=call.repeat(),
        once={"apiKey": key},
    )


@router.post(
    "/agents/{agent_id}/approve",
    response_model=AgentOut,
    dependencies=[needs("agents:write")],
    openapi_extra=IDEMPOTENT,
    summary="Approve an agent",
)
@refuses(NotFound, InvalidAgentState, ParentNotActive)
async def approve_agent(call: Call, agent_id: str) -> Answered:
    """Let a pending agent begin: its key opens from now on."""
    return await turn(call, ApproveAgent, agent_id)


@router.post(
    "/agents/{agent_id}/reject",
    response_model=AgentOut,
    dependencies=[needs("agents:write")],
    openapi_extra=IDEMPOTENT,
    summary="Reject an agent",
)
@refuses(NotFound, InvalidAgentState)
async def reject_agent(call: Call, agent_id: str) -> Answered:
    """Do not let a pending agent begin; it is revoked."""
    return await turn(call, RejectAgent, agent_id)


@router.post(
    "/agents/{agent_id}/revoke-descendants",
    response_model=RevokedOut,
    dependencies=[needs("agents:write")],
    openapi_extra=IDEMPOTENT,
    summary="Revoke an agent and all who come from it",
)
@refuses(NotFound)
async def revoke_descendants(
    call: Call, agent_id: str, query: Annotated[PreviewQuery, FromQuery()]
) -> Answered:
    """The kill switch: at once and for good, pending ones too. With preview it changes nothing."""
    command = RevokeDescendants(
        id=new_id(), tenant=call.principal.tenant, agent_id=agent_id, preview=query.preview
    )

    def revoked_out(ended: tuple[tuple[str, Agent], ...]) -> RevokedOut:
        return {
            "preview": query.preview,
            "count": len(ended),
            "agents": [
                {"id": one, "name": agent.name, "status": agent.status, "depth": agent.depth}
                for one, agent in ended
            ],
        }

    repeat = call.repeat()
    if query.preview:
        return call.show(revoked_out((await call.ask(command)).value))
    return await call.commit(command, revoked_out, repeat=repeat)


@router.get(
    "/agents/{agent_id}/lineage",
    response_model=LineageOut,
    dependencies=[needs("agents:read")],
    openapi_extra=READ,
    summary="Lineage of an agent",
)
@refuses(NotFound, UnknownPosition)
async def get_lineage(call: Call, agent_id: str, query: Annotated[AsOf, FromQuery()]) -> Answered:
    """Whom an agent comes from, and who comes from it directly. By ids, never by names."""
    past = await call.past(query.as_of)
    found = await lineage_of(call.across, call.principal.tenant, agent_id, past)
    return call.show(
        LineageOut(
            ancestors=[seen_out(one) for one in found.ancestors],
            self=seen_out(found.itself),
            children=[seen_out(one) for one in found.children],
        )
    )


@router.get(
    "/agents/tree",
    response_model=TreeOut | DrawingOut,
    dependencies=[needs("agents:read")],
    openapi_extra=READ,
    summary="Tree of agents",
)
@refuses(NotFound, InvalidCursor, UnknownPosition)
async def get_tree(call: Call, query: Annotated[TreeQuery, FromQuery()]) -> Answered:
    """An agent and all who come from it, or all of your agents, each parent before its children."""
    page = await tree_of_agents(
        call.across,
        call.principal.tenant,
        root=query.root,
        depth=query.depth,
        status=query.status,
        cursor=query.cursor,
        limit=query.limit,
        past=await call.past(query.as_of),
    )
    pagination = Pagination(cursor=page.cursor, hasMore=page.cursor is not None)
    if query.view == "drawing":
        nodes = [node_out(one) for one in page.agents]
        return call.show(DrawingOut(nodes=nodes, pagination=pagination))
    return call.show(TreeOut(data=[seen_out(one) for one in page.agents], pagination=pagination))
