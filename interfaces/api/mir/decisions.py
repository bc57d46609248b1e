"""Decisions: what was recommended, and the proof that the log says so still."""

from typing import Annotated, Any, NotRequired

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from domain.action import Risk
from domain.claim import ClaimStatus
from domain.policy import WHY, ActorKind, Decided, Decision, Reason, Resource
from domain.refusals import InvalidCursor, NotFound, UnknownAction, UnknownPosition
from interfaces.api.call import Answered, Call
from interfaces.api.mir.actions import action_table
from interfaces.api.mir.standing import Tier
from interfaces.api.openapi import READ, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import (
    ActionName,
    AsOf,
    ExternalId,
    Id,
    Moment,
    PageOfList,
    Pagination,
    Time,
)
from projections.decisions import Recorded, decided_again, list_decisions, one_decision

router = APIRouter(route_class=LeanRoute, tags=["Decisions"])


class DecisionsQuery(PageOfList, AsOf):
    """Which decisions to list."""

    user_external_id: ExternalId | None = None
    action: ActionName | None = None
    since: Time | None = Field(None, description="Recorded at this time or later.")


class DecidedActor(TypedDict):
    """Who attempted it. ``userExternalId`` is shown only where the request gave it; ``entityId`` is
    null when nobody was known.
    """

    type: ActorKind
    entityId: Id | None
    userExternalId: str | None


class DecidedResource(TypedDict, total=False):
    """What it was attempted on; its id is kept only as a keyed hash."""

    type: str
    idHash: str
    amount: int | float


class DecisionOut(TypedDict):
    """A decision with all that it saw. ``position`` is its own place in the log, ``seenPosition``
    the last that it saw.
    """

    decision_correlation_id: Id
    decision: Decision
    action: str
    actor: DecidedActor
    resource: DecidedResource | None
    tier: Tier
    requiredTier: Tier
    risk: Risk
    claimStatus: ClaimStatus
    whyRec: str
    reasons: list[Reason]
    limits: NotRequired[dict[str, int]]
    evaluatedAt: Moment
    policyVersion: int
    seenPosition: int
    position: int


class DecisionList(TypedDict):
    """A page of decisions, newest first."""

    data: list[DecisionOut]
    pagination: Pagination


class ReplayedField(TypedDict):
    """A part of a decision: as it was recorded, and as the log gives it again."""

    name: str
    recorded: Any
    recomputed: Any
    agrees: bool


class ReplayOut(TypedDict):
    """Whether the log still gives the decision. ``position`` is where it was computed again: the
    last that the decision saw.
    """

    agrees: bool
    fields: list[ReplayedField]
    position: int


RECOMPUTED = {
    "decision": "decision",
    "tier": "tier",
    "requiredTier": "required_tier",
    "risk": "risk",
    "claimStatus": "claim_status",
    "reasons": "reasons",
    "limits": "limits",
    "policyVersion": "policy_version",
}
"""The parts of a decision that follow from the log, as they are shown and as they are kept."""


def decision_out(recorded: Recorded, external_id: str | None = None) -> DecisionOut:
    """What is shown of a decision."""
    event = recorded.event
    shown: DecisionOut = {
        "decision_correlation_id": recorded.id,
        "decision": event.decision,
        "action": event.action,
        "actor": {
            "type": event.actor_type,
            "entityId": event.entity_id,
            "userExternalId": external_id,
        },
        "resource": None if event.resource is None else _resource_out(event.resource),
        "tier": event.tier,
        "requiredTier": event.required_tier,
        "risk": event.risk,
        "claimStatus": event.claim_status,
        "whyRec": WHY[event.reasons[0]],
        "reasons": list(event.reasons),
        "evaluatedAt": recorded.decided_at,
        "policyVersion": event.policy_version,
        "seenPosition": event.seen_position,
        "position": recorded.position,
    }
    if event.limits is not None:
        shown["limits"] = event.limits
    return shown


def _resource_out(resource: Resource) -> DecidedResource:
    shown: DecidedResource = {}
    if resource.type is not None:
        shown["type"] = resource.type
    if resource.id_hash is not None:
        shown["idHash"] = resource.id_hash
    if resource.amount is not None:
        shown["amount"] = resource.amount
    return shown


def replay_out(recorded: Decided, recomputed: Decided) -> ReplayOut:
    """What is shown of a decision that was computed again."""
    fields = [
        ReplayedField(name=name, recorded=before, recomputed=again, agrees=before == again)
        for name, kept_as in RECOMPUTED.items()
        for before, again in [(getattr(recorded, kept_as), getattr(recomputed, kept_as))]
    ]
    return {
        "agrees": all(one["agrees"] for one in fields),
        "fields": fields,
        "position": recorded.seen_position,
    }


@router.get(
    "/decisions",
    response_model=DecisionList,
    dependencies=[needs("policy:read")],
    openapi_extra=READ,
    summary="List decisions",
)
@refuses(InvalidCursor, UnknownAction, UnknownPosition)
async def get_decisions(call: Call, query: Annotated[DecisionsQuery, FromQuery()]) -> Answered:
    """Your own decisions, newest first. One on somebody whom nobody knew yet is in no person's
    list.
    """
    if query.action is not None:
        table = await action_table(call, query.as_of)
        if table.named(query.action) is None:
            raise UnknownAction(action=query.action)
    external_id = query.user_external_id
    page = await list_decisions(
        call.fetch,
        call.principal.tenant,
        lookup=None if external_id is None else call.lookup(external_id),
        action=query.action,
        since=query.moment("since"),
        cursor=query.cursor,
        limit=query.limit,
        past=await call.past(query.as_of),
    )
    return call.show(
        DecisionList(
            data=[decision_out(recorded, external_id) for recorded in page.decisions],
            pagination=Pagination(cursor=page.cursor, hasMore=page.cursor is not None),
        )
    )


@router.get(
    "/decisions/{decision_id}",
    response_model=DecisionOut,
    dependencies=[needs("policy:read")],
    openapi_extra=READ,
    summary="Show a decision",
)
@refuses(NotFound, UnknownPosition)
async def get_decision(
    call: Call, decision_id: Id, query: Annotated[AsOf, FromQuery()]
) -> Answered:
    """One decision, by its decision_correlation_id."""
    past = await call.past(query.as_of)
    return call.show(decision_out(await one_decision(call.fetch, decision_id, past)))


@router.post(
    "/decisions/{decision_id}/replay",
    response_model=ReplayOut,
    dependencies=[needs("policy:read")],
    openapi_extra=READ,
    summary="Replay a decision",
)
@refuses(NotFound)
async def replay_decision(call: Call, decision_id: Id) -> Answered:
    """Compute a decision again from the log alone, as it stood when the decision was given, and
    hold the two against each other, field by field. Works for somebody erased since, too.
    """
    recorded = await one_decision(call.fetch, decision_id)
    again = await decided_again(call.services.replay, call.across, call.principal.tenant, recorded)
    return call.show(replay_out(recorded.event, again))
