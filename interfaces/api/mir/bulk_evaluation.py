"""Bulk evaluation: several attempts judged on one state."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, NotRequired

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field, SkipValidation, ValidationError
from typing_extensions import TypedDict

from application.ids import new_id
from domain.policy import Decision, EvaluateMany, Recommendation
from domain.refusals import BulkLimitExceeded, Refusal, UnknownPosition
from interfaces.api.call import Answered, Call
from interfaces.api.mir.policy import (
    EvaluationIn,
    EvaluationOut,
    EvaluationQuery,
    evaluation_out,
    wants_debug,
)
from interfaces.api.openapi import READ_AND_RECORDED, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import Wire, described_as, refusal_of

router = APIRouter(route_class=LeanRoute, tags=["Policy"])

EVALUATIONS_AT_MOST = 100


class EvaluationsIn(Wire):
    """Attempts to judge together. Each is checked alone: a bad one fails alone."""

    bytes_at_most: ClassVar[int] = 1024 * 1024

    evaluations: list[Annotated[SkipValidation[EvaluationIn], described_as("EvaluationIn")]] = (
        Field(min_length=1, json_schema_extra={"maxItems": EVALUATIONS_AT_MOST})
    )


class EvaluatedOut(EvaluationOut):
    """An attempt that was judged."""

    index: int
    status: Literal["evaluated"]


class RefusedOut(TypedDict):
    """An attempt that was refused, and why, in the words of a refused request."""

    index: int
    status: Literal["error"]
    error: str
    code: str
    hint: NotRequired[str]


class DecisionSummary(TypedDict):
    """How many attempts were judged how."""

    total: int
    allow: int
    step_up: int
    limit: int
    deny: int
    errors: int


class EvaluationsOut(TypedDict):
    """The outcome of every attempt, in the order of the request."""

    summary: DecisionSummary
    results: list[EvaluatedOut | RefusedOut]


COUNTED_AS: dict[Decision, Literal["allow", "step_up", "limit", "deny"]] = {
    "ALLOW": "allow",
    "STEP_UP": "step_up",
    "LIMIT": "limit",
    "DENY": "deny",
}


def evaluations_out(
    attempts: Sequence[EvaluationIn | Refusal],
    given: Sequence[Recommendation | Refusal],
    *,
    debug: bool,
) -> EvaluationsOut:
    """What is shown of attempts, and of what was given for those that could be judged."""
    summary = DecisionSummary(total=len(attempts), allow=0, step_up=0, limit=0, deny=0, errors=0)
    results: list[EvaluatedOut | RefusedOut] = []
    replies = iter(given)
    for index, attempt in enumerate(attempts):
        reply = attempt if isinstance(attempt, Refusal) else next(replies)
        if isinstance(reply, Recommendation) and isinstance(attempt, EvaluationIn):
            summary[COUNTED_AS[reply.event.decision]] += 1
            shown = evaluation_out(reply, attempt.actor, debug=debug)
            results.append({"index": index, "status": "evaluated", **shown})
        elif isinstance(reply, Refusal):
            summary["errors"] += 1
            results.append(refused_out(index, reply))
    return {"summary": summary, "results": results}


def refused_out(index: int, refusal: Refusal) -> RefusedOut:
    """What is shown of an attempt that was refused."""
    shown: RefusedOut = {
        "index": index,
        "status": "error",
        "error": str(refusal),
        "code": refusal.code,
    }
    if refusal.hint:
        shown["hint"] = refusal.hint
    return shown


@router.post(
    "/policy/evaluate/bulk",
    response_model=EvaluationsOut,
    dependencies=[needs("policy:evaluate")],
    openapi_extra=READ_AND_RECORDED,
    summary="Evaluate several actions",
)
@refuses(BulkLimitExceeded, UnknownPosition)
async def evaluate_many(
    call: Call, asked: EvaluationsIn, query: Annotated[EvaluationQuery, FromQuery()]
) -> Answered:
    """Judge up to 100 actions on one state of the log. What is wrong with one of them refuses that
    one alone; each decision is recorded before it is answered. With asOf nothing is recorded and
    there is no decision_correlation_id.
    """
    agent = call.principal.agent
    at_most = (agent and agent.guardrails.evaluations_at_most) or EVALUATIONS_AT_MOST
    if len(asked.evaluations) > at_most:
        raise BulkLimitExceeded(limit=at_most)
    debug = wants_debug(call, query)
    attempts = [_attempt(item) for item in asked.evaluations]
    command = EvaluateMany(
        id=new_id(),
        evaluations=tuple(
            attempt.command(call, records=query.as_of is None)
            for attempt in attempts
            if isinstance(attempt, EvaluationIn)
        ),
    )
    if query.as_of is not None:
        given = await call.resolve(command, query.as_of)
        return call.show(evaluations_out(attempts, given, debug=debug))
    await call.reach()
    return await call.commit(command, lambda given: evaluations_out(attempts, given, debug=debug))


def _attempt(document: Any) -> EvaluationIn | Refusal:
    """One attempt, or what is wrong with it."""
    try:
        return EvaluationIn.model_validate(document)
    except ValidationError as error:
        return refusal_of(error)
