"""Agents: programs with an identity of their own, made, bounded, stopped and ended."""

from typing import Annotated, Literal, Protocol

import msgspec
from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.agent import Accountable, Status
from domain.command import Command
from domain.names import LENGTH_AT_MOST
from domain.refusals import (
    AgentAllowlistRequired,
    AgentPresetForbidden,
    InvalidAgentState,
    InvalidCursor,
    InvalidEventType,
    InvalidName,
    NotFound,
    SpawnEscalation,
    UnknownPosition,
)
from domain.registry import (
    ReactivateAgent,
    RegisterAgent,
    RevokeAgent,
    RotateKey,
    SetRights,
    ShownAgent,
    SuspendAgent,
)
from domain.rights import RATE_AT_MOST, AgentType, Permission, Preset, Rights
from interfaces.api.call import Answered, Call
from interfaces.api.mir.events import EventType
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import WHOLE, AsOf, ExternalId, Moment, PageOfList, Pagination, Wire
from projections.agents import SeenAgent, list_agents, show_agent
from projections.partners import keys_in_use

router = APIRouter(route_class=LeanRoute, tags=["Agents"])

AgentName = Annotated[
    str,
    Field(json_schema_extra={"minLength": 1, "maxLength": LENGTH_AT_MOST, "pattern": r"\S"}),
]
EventTypes = Annotated[
    list[EventType] | None,
    Field(description="What it may report. An AI agent needs at least one."),
]
RateLimit = Annotated[
    Annotated[int, Field(ge=1, le=RATE_AT_MOST), WHOLE] | None,
    Field(description="Requests a minute, of the agent and all who come from it together."),
]


class AgentIn(Wire):
    """An agent to be registered."""

    name: AgentName = Field(examples=["Support assistant"])
    type: AgentType
    preset: Preset
    allowed_event_types: EventTypes = None
    require_idempotency: bool | None = Field(
        None, description="Whether it must send Idempotency-Key; an AI agent always must."
    )
    authorized_by: ExternalId | None = Field(
        None, description="The human who answers for it, under the identifier your events use."
    )
    rate_limit_per_minute: RateLimit = None


class RightsIn(Wire):
    """What an agent may do from now on; what is left out stays as it is."""

    preset: Preset | None = None
    allowed_event_types: EventTypes = None
    rate_limit_per_minute: RateLimit = None


class AgentOut(TypedDict):
    """An agent. ``permissions`` are in force: its own, within all of its ancestors'."""

    id: str
    name: str
    type: AgentType
    preset: Preset
    permissions: list[Permission]
    allowedEventTypes: list[str] | None
    requireIdempotency: bool
    rateLimitPerMinute: int | None
    status: Status
    authMode: Literal["API_KEY", "NONE"]
    parentId: str | None
    rootId: str
    depth: int
    membershipSource: Literal["REGISTERED", "SPAWNED"]
    accountable: Accountable
    createdBy: str
    createdAt: Moment
    lastActivityAt: Annotated[
        Moment | None,
        Field(description="Not kept as history: null with asOf, and for one never active."),
    ]


class AgentWithKeyOut(AgentOut):
    """An agent and its key, shown this once; a replay has null there."""

    apiKey: str | None


class AgentList(TypedDict):
    """A page of agents, newest first."""

    data: list[AgentOut]
    pagination: Pagination


class AgentsQuery(PageOfList, AsOf):
    """Which agents to list."""

    status: Status | None = None


def agent_out(shown: ShownAgent, last_activity_at: str | None = None) -> AgentOut:
    """What is shown of an agent, everywhere the same."""
    agent = shown.agent
    allowed = agent.rights.allowed_event_types
    return {
        "id": shown.agent_id,
        "name": agent.name,
        "type": agent.type,
        "preset": agent.rights.preset,
        "permissions": sorted(shown.rights.permissions),
        "allowedEventTypes": None if allowed is None else list(allowed),
        "requireIdempotency": agent.require_idempotency,
        "rateLimitPerMinute": agent.rights.rate_limit_per_minute,
        "status": agent.status,
        "authMode": "NONE" if agent.key is None else "API_KEY",
        "parentId": agent.parent_id,
        "rootId": agent.path[0] if agent.path else shown.agent_id,
        "depth": agent.depth,
        "membershipSource": "SPAWNED" if agent.path else "REGISTERED",
        "accountable": agent.accountable,
        "createdBy": agent.created_by,
        "createdAt": agent.created_at,
        "lastActivityAt": last_activity_at,
    }


def agent_with_key_out(shown: ShownAgent) -> AgentWithKeyOut:
    """What is shown of an agent that was given a key, and kept."""
    return {**agent_out(shown), "apiKey": None}


def seen_out(seen: SeenAgent) -> AgentOut:
    """What is shown of an agent that was looked up."""
    return agent_out(seen.shown, seen.last_activity_at)


@router.post(
    "/agents",
    status_code=201,
    response_model=AgentWithKeyOut,
    dependencies=[needs("agents:write")],
    openapi_extra=IDEMPOTENT,
    summary="Register an agent",
)
@refuses(InvalidName, InvalidEventType, AgentAllowlistRequired, AgentPresetForbidden)
async def register_agent(call: Call, form: AgentIn) -> Answered:
    """Give a program an identity of its own, with a key that is shown this once."""
    key, issued = call.services.new_agent_key()
    allowed, human = form.allowed_event_types, form.authorized_by
    command = RegisterAgent(
        id=new_id(),
        tenant=call.principal.tenant,
        created_by=call.principal.id,
        name=form.name,
        type=form.type,
        rights=Rights(
            preset=form.preset,
            allowed_event_types=None if allowed is None else tuple(dict.fromkeys(allowed)),
            rate_limit_per_minute=form.rate_limit_per_minute,
        ),
        require_idempotency=form.require_idempotency,
        human=None if human is None else call.lookup(human),
        human_id=new_id(),
        key=issued,
    )
    return await call.commit(
        command, agent_with_key_out, status=201, repeat=call.repeat(), once={"apiKey": key}
    )


@router.get(
    "/agents",
    response_model=AgentList,
    dependencies=[needs("agents:read")],
    openapi_extra=READ,
    summary="List agents",
)
@refuses(InvalidCursor, UnknownPosition)
async def get_agents(call: Call, query: Annotated[AgentsQuery, FromQuery()]) -> Answered:
    """Your agents, newest first, with their status and last activity."""
    page = await list_agents(
        call.across,
        call.principal.tenant,
        status=query.status,
        cursor=query.cursor,
        limit=query.limit,
        past=await call.past(query.as_of),
    )
    return call.show(
        AgentList(
            data=[seen_out(one) for one in page.agents],
            pagination=Pagination(cursor=page.cursor, hasMore=page.cursor is not None),
        )
    )


@router.get(
    "/agents/{agent_id}",
    response_model=AgentOut,
    dependencies=[needs("agents:read")],
    openapi_extra=READ,
    summary="Show an agent",
)
@refuses(NotFound, UnknownPosition)
async def get_agent(call: Call, agent_id: str, query: Annotated[AsOf, FromQuery()]) -> Answered:
    """One of your agents."""
    past = await call.past(query.as_of)
    return call.show(seen_out(await show_agent(call.across, call.principal.tenant, agent_id, past)))


@router.patch(
    "/agents/{agent_id}",
    response_model=AgentOut,
    dependencies=[needs("agents:write")],
    summary="Change what an agent may do",
)
@refuses(
    NotFound,
    InvalidAgentState,
    InvalidEventType,
    AgentAllowlistRequired,
    AgentPresetForbidden,
    SpawnEscalation,
)
async def change_agent(call: Call, agent_id: str, form: RightsIn) -> Answered:
    """Set preset, event types or rate, within what its parent may. Whoever comes from the agent is
    bound by it at once. null lifts a bound, where the parent has none either.
    """
    given = call.document
    allowed = form.allowed_event_types
    command = SetRights(
        id=new_id(),
        tenant=call.principal.tenant,
        agent_id=agent_id,
        preset=form.preset or msgspec.UNSET,
        allowed_event_types=(
            (None if allowed is None else tuple(dict.fromkeys(allowed)))
            if "allowedEventTypes" in given
            else msgspec.UNSET
        ),
        rate_limit_per_minute=(
            form.rate_limit_per_minute if "rateLimitPerMinute" in given else msgspec.UNSET
        ),
    )
    return await call.commit(command, agent_out, echo=await _activity(call, agent_id))


@router.post(
    "/agents/{agent_id}/suspend",
    response_model=AgentOut,
    dependencies=[needs("agents:write")],
    openapi_extra=IDEMPOTENT,
    summary="Suspend an agent",
)
@refuses(NotFound, InvalidAgentState)
async def suspend_agent(call: Call, agent_id: str) -> Answered:
    """Stop an agent, and whoever comes from it, at once and on every worker."""
    return await turn(call, SuspendAgent, agent_id)


@router.post(
    "/agents/{agent_id}/reactivate",
    response_model=AgentOut,
    dependencies=[needs("agents:write")],
    openapi_extra=IDEMPOTENT,
    summary="Reactivate an agent",
)
@refuses(NotFound, InvalidAgentState)
async def reactivate_agent(call: Call, agent_id: str) -> Answered:
    """Let a suspended agent go on, where nothing that it comes from is suspended."""
    return await turn(call, ReactivateAgent, agent_id)


@router.post(
    "/agents/{agent_id}/revoke",
    response_model=AgentOut,
    dependencies=[needs("agents:write")],
    openapi_extra=IDEMPOTENT,
    summary="Revoke an agent",
)
@refuses(NotFound, InvalidAgentState)
async def revoke_agent(call: Call, agent_id: str) -> Answered:
    """End an agent for good. Who comes from it goes on within its last rights; if it was stopped,
    its children are suspended, so that nothing stopped wakes.
    """
    return await turn(call, RevokeAgent, agent_id)


@router.post(
    "/agents/{agent_id}/key/rotate",
    response_model=AgentWithKeyOut,
    dependencies=[needs("agents:write")],
    openapi_extra=IDEMPOTENT,
    summary="Rotate an agent's key",
)
@refuses(NotFound, InvalidAgentState)
async def rotate_key(call: Call, agent_id: str) -> Answered:
    """Give an agent another key, shown this once; the one before is dead at once."""
    key, issued = call.services.new_agent_key()
    command = RotateKey(id=new_id(), tenant=call.principal.tenant, agent_id=agent_id, key=issued)
    return await call.commit(
        command,
        agent_with_key_out,
        repeat=call.repeat(),
        echo=await _activity(call, agent_id),
        once={"apiKey": key},
    )


class Turn(Protocol):
    """A command that takes nothing but the agent that it is about."""

    def __call__(self, *, id: str, tenant: str, agent_id: str) -> Command[ShownAgent]: ...  # noqa: A002


async def turn(call: Call, command: Turn, agent_id: str) -> Answered:
    """Have something done to an agent, and answer with the agent as it then is."""
    return await call.commit(
        command(id=new_id(), tenant=call.principal.tenant, agent_id=agent_id),
        agent_out,
        repeat=call.repeat(),
        echo=await _activity(call, agent_id),
    )


async def _activity(call: Call, agent_id: str) -> dict[str, str]:
    """When an agent was last active, as a kept reply has a place for it."""
    used = await keys_in_use(call.fetch, [agent_id])
    return {"lastActivityAt": used[agent_id]} if used else {}
