"""Policy: recommendations at the point of decision."""

from typing import Annotated, NotRequired

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.ids import new_id
from domain.claim import ClaimStatus
from domain.policy import (
    WHY,
    ActorKind,
    Decision,
    Evaluate,
    Reason,
    Recommendation,
    Resource,
)
from domain.refusals import UnknownAction, UnknownPosition
from interfaces.api.call import Answered, Call
from interfaces.api.mir.standing import SignalsOut, Tier, signals_out
from interfaces.api.openapi import READ_AND_RECORDED, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import ActionName, Actor, AsOf, Id, Moment, Query, Wire, form

router = APIRouter(route_class=LeanRoute, tags=["Policy"])


# On each branch, because bounds on a union are no words of JSON Schema.
AMOUNT = Field(ge=0, le=1e15)


class ResourceIn(Wire):
    """What the action is on. The id is kept only as a keyed hash."""

    type: str | None = Field(
        None,
        pattern=form(
            r"^[A-Za-z0-9_.:-]{1,64}$",
            "1 to 64 letters, digits and characters of _ . : - are wanted",
        ),
        examples=["report"],
    )
    id: str | None = Field(None, min_length=1, max_length=256)
    amount: Annotated[int, AMOUNT] | Annotated[float, AMOUNT] | None = None


class EvaluationIn(Wire):
    """Who attempts what, on what."""

    actor: Actor
    action: ActionName
    resource: ResourceIn | None = None

    def command(self, call: Call, *, records: bool) -> Evaluate:
        """The command that judges it."""
        return Evaluate(
            id=new_id(),
            tenant=call.principal.tenant,
            actor_type=self.actor.type,
            lookup=call.lookup(self.actor.id),
            agent_id=self.actor.id if self.actor.type == "service" else None,
            action=self.action,
            resource=self._resource(call),
            records=records,
        )

    def _resource(self, call: Call) -> Resource | None:
        if self.resource is None:
            return None
        tenant, hashes = call.principal.tenant, call.services.hashes
        resource_id = self.resource.id
        return Resource(
            type=self.resource.type,
            id_hash=None if resource_id is None else hashes.resource(tenant, resource_id),
            amount=self.resource.amount,
        )


class DebugQuery(Query):
    """How much to tell."""

    debug: bool = Field(
        default=False, description="Add the signals and the rule; also by x-policy-debug: true."
    )


class EvaluationQuery(DebugQuery, AsOf):
    """How to evaluate."""


class ActorOut(TypedDict):
    """Who attempted it, as the request named them."""

    type: ActorKind
    id: str


class DebugOut(TypedDict):
    """What the decision saw."""

    mirSignals: SignalsOut
    rule: Reason
    claims: dict[str, int]
    ownTier: Tier
    crossPlatformTier: Tier | None


class EvaluationOut(TypedDict):
    """A recommendation; the caller decides. ``position`` is the last that the decision saw."""

    decision: Decision
    action: str
    actor: ActorOut
    tier: Tier
    requiredTier: Tier
    claimStatus: ClaimStatus
    whyRec: str
    reasons: list[Reason]
    limits: NotRequired[dict[str, int]]
    decision_correlation_id: NotRequired[Id]
    evaluatedAt: Moment
    policyVersion: int
    position: int
    debug: NotRequired[DebugOut]


def evaluation_out(given: Recommendation, actor: Actor, *, debug: bool) -> EvaluationOut:
    """What is shown of a recommendation."""
    event, found = given.event, given.found
    shown: EvaluationOut = {
        "decision": event.decision,
        "action": event.action,
        "actor": {"type": actor.type, "id": actor.id},
        "tier": event.tier,
        "requiredTier": event.required_tier,
        "claimStatus": event.claim_status,
        "whyRec": WHY[event.reasons[0]],
        "reasons": list(event.reasons),
        "evaluatedAt": given.evaluated_at,
        "policyVersion": event.policy_version,
        "position": event.seen_position,
    }
    if event.limits is not None:
        shown["limits"] = event.limits
    if given.id is not None:
        shown["decision_correlation_id"] = given.id
    if debug:
        shown["debug"] = {
            "mirSignals": signals_out(found.signals),
            "rule": event.reasons[0],
            "claims": {"active": found.claims_active, "contested": found.claims_contested},
            "ownTier": found.own.tier,
            "crossPlatformTier": found.cross_platform.tier if found.cross_platform else None,
        }
    return shown


@router.post(
    "/policy/evaluate",
    response_model=EvaluationOut,
    dependencies=[needs("policy:evaluate")],
    openapi_extra=READ_AND_RECORDED,
    summary="Evaluate an action",
)
@refuses(UnknownAction, UnknownPosition)
async def evaluate(
    call: Call, evaluation: EvaluationIn, query: Annotated[EvaluationQuery, FromQuery()]
) -> Answered:
    """Judge an action by the actor's history. The decision is recorded before it is answered; with
    asOf nothing is recorded and there is no decision_correlation_id.
    """
    debug = wants_debug(call, query)
    command = evaluation.command(call, records=query.as_of is None)
    if query.as_of is not None:
        given = await call.resolve(command, query.as_of)
        return call.show(evaluation_out(given, evaluation.actor, debug=debug))
    await call.reach()
    return await call.commit(
        command, lambda given: evaluation_out(given, evaluation.actor, debug=debug)
    )


def wants_debug(call: Call, query: DebugQuery) -> bool:
    """Whether the signals are asked for, in the query or by header."""
    return query.debug or call.sent.get(b"x-policy-debug", b"").lower() == b"true"
