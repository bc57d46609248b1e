"""Actions: what a tenant's policy asks for, and what a change of it would have changed."""

from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.action import Action, ActionInForce, Risk, SetAction, check_name
from domain.policy import Decision
from domain.refusals import NotFound, TooManyActions, UnknownPosition
from interfaces.api.action_in import ActionIn
from interfaces.api.call import Answered, Call
from interfaces.api.mir.standing import Tier
from interfaces.api.openapi import READ, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import ActionName, AsOf, Id, Query
from projections.actions import ActionTable, AskActions
from projections.dry_run import DryRun, dry_run

router = APIRouter(route_class=LeanRoute, tags=["Policy"])


class DryRunQuery(Query):
    """Whether to change anything."""

    dry_run: bool = Field(
        default=False, description="Change nothing; tell which recorded decisions would flip."
    )


class ActionOut(TypedDict):
    """An action that policy knows, and what it asks for."""

    action: str
    requiredTier: Tier
    risk: Risk
    limits: Annotated[
        dict[str, int] | None, Field(description="The constrained form that LIMIT allows.")
    ]


class ActionSetOut(ActionOut):
    """The action as it now is, and the version of the policy that it is part of."""

    policyVersion: int


class ActionsOut(TypedDict):
    """The registered actions."""

    policyVersion: int
    actions: list[ActionOut]


class FlipOut(TypedDict):
    """A decision that would be another."""

    decision_correlation_id: Id
    recorded: Decision
    wouldBe: Decision


class DryRunOut(TypedDict):
    """What a change of an action would have changed."""

    dryRun: Literal[True]
    action: str
    checked: Annotated[
        int, Field(description="How many of the last 10,000 decisions on the action there are.")
    ]
    flipped: Annotated[int, Field(description="How many of them would be another.")]
    flips: Annotated[list[FlipOut], Field(description="These, newest first, 1,000 at most.")]


class HealthOut(TypedDict):
    """That policy answers, with how many actions and which version."""

    status: Literal["ok"]
    policyVersion: int
    actions: int
    position: int


def action_out(action: Action) -> ActionOut:
    """What is shown of an action."""
    return {
        "action": action.name,
        "requiredTier": action.required_tier,
        "risk": action.risk,
        "limits": action.limits,
    }


def action_set_out(done: ActionInForce) -> ActionSetOut:
    """What is shown of an action that was set."""
    return {**action_out(done.action), "policyVersion": done.policy_version}


def dry_run_out(action: str, run: DryRun) -> DryRunOut:
    """What is shown of a dry run."""
    return {
        "dryRun": True,
        "action": action,
        "checked": run.checked,
        "flipped": run.flipped,
        "flips": [
            {
                "decision_correlation_id": flip.id,
                "recorded": flip.recorded.decision,
                "wouldBe": flip.would_be.decision,
            }
            for flip in run.flips
        ],
    }


@router.get(
    "/policy/actions",
    response_model=ActionsOut,
    dependencies=[needs("policy:read")],
    openapi_extra=READ,
    summary="List policy actions",
)
@refuses(UnknownPosition)
async def get_actions(call: Call, query: Annotated[AsOf, FromQuery()]) -> Answered:
    """Every action that your policy knows with its tier, risk and constrained form."""
    table = await action_table(call, query.as_of)
    return call.show(
        ActionsOut(
            policyVersion=table.policy_version,
            actions=[action_out(action) for action in table.actions],
        )
    )


@router.get(
    "/policy/actions/{action}",
    response_model=ActionOut,
    dependencies=[needs("policy:read")],
    openapi_extra=READ,
    summary="Show a policy action",
)
@refuses(NotFound, UnknownPosition)
async def get_action(
    call: Call, action: ActionName, query: Annotated[AsOf, FromQuery()]
) -> Answered:
    """One action as your policy knows it."""
    found = (await action_table(call, query.as_of)).named(action)
    if found is None:
        raise NotFound
    return call.show(action_out(found))


@router.put(
    "/policy/actions/{action}",
    response_model=ActionSetOut | DryRunOut,
    dependencies=[needs("partner:admin")],
    summary="Set a policy action",
)
@refuses(TooManyActions)
async def put_action(
    call: Call, action: ActionName, wanted: ActionIn, query: Annotated[DryRunQuery, FromQuery()]
) -> Answered:
    """Override an action, or add one, for your own tenant. The policy's version rises with each
    change. With dryRun nothing changes: you see which recorded decisions would flip.
    """
    if query.dry_run:
        check_name(action)
        run = await dry_run(call.fetch, call.principal.tenant, wanted.named(action))
        return call.show(dry_run_out(action, run))
    return await call.commit(
        SetAction(id=new_id(), tenant=call.principal.tenant, action=wanted.named(action)),
        action_set_out,
    )


@router.get(
    "/policy/health",
    response_model=HealthOut,
    dependencies=[needs("policy:read")],
    openapi_extra=READ,
    summary="Is policy answering",
)
async def get_health(call: Call) -> Answered:
    """Whether your policy answers, and with what."""
    table = await action_table(call)
    return call.show(
        HealthOut(
            status="ok",
            policyVersion=table.policy_version,
            actions=len(table.actions),
            position=table.position,
        )
    )


async def action_table(call: Call, as_of: str | None = None) -> ActionTable:
    """The actions that the caller's policy knows, or knew. Raises UnknownPosition."""
    found: ActionTable = await call.resolve(AskActions(call.principal.tenant), as_of)
    return found
