"""Standing: neutral signals of a history, without a recommendation."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field

from domain.policy import ClaimStatus
from domain.refusals import InvalidField
from domain.standing import Signals
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import faults
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import Actor, AsOf, ExternalId, Moment, Wire
from projections.standing import AskStanding, Resolution

router = APIRouter(route_class=LeanRoute, tags=["Standing"])

RESOLVABLE = frozenset(
    (
        "tier",
        "eventCount",
        "backfilledCount",
        "partnerCount",
        "firstEventAt",
        "lastEventAt",
        "claimStatus",
    )
)


class SignalsOut(Wire):
    """Neutral facts of a history; days are whole days before now."""

    event_count: int
    effective_event_count: int = Field(description="The events from which the tier was computed.")
    backfilled_count: int
    first_event_days_ago: int | None
    last_event_days_ago: int | None
    distinct_partners: int
    tier_qualified_partner_count: int = Field(description="Partners with 10 events or more.")

    @classmethod
    def of(cls, signals: Signals) -> "SignalsOut":
        """What is shown of signals."""
        return cls(
            event_count=signals.event_count,
            effective_event_count=signals.effective_event_count,
            backfilled_count=signals.backfilled_count,
            first_event_days_ago=signals.first_event_days_ago,
            last_event_days_ago=signals.last_event_days_ago,
            distinct_partners=signals.distinct_partners,
            tier_qualified_partner_count=signals.tier_qualified_partner_count,
        )


class StandingIn(Wire):
    """Whose standing."""

    actor: Actor


class ClaimsSummary(Wire):
    """The claims that are recorded against somebody."""

    summary: Literal["NONE_RECORDED", "FLAGGED", "CONTESTED"]
    recorded_count: int


class StandingOut(Wire):
    """A tier and what it was computed from; never a recommendation."""

    tier: Annotated[int, Field(ge=0, le=3)]
    signals: SignalsOut
    own_signals: SignalsOut
    claims: ClaimsSummary
    checkpoint: None = Field(description="The signed checkpoint that covers the answer; null without one.")
    position: int


class ResolveQuery(AsOf):
    """Whose history, what for, and which signals."""

    user_external_id: ExternalId
    purpose: str | None = Field(
        None, max_length=64, description="What the answer is for. Not stored."
    )
    signals: str | None = Field(
        None,
        description="The members wanted, separated by commas; absent: all.",
        examples=["tier,eventCount"],
    )

    def wanted(self) -> frozenset[str]:
        """The members wanted. Raises InvalidField for one that is none."""
        if self.signals is None:
            return RESOLVABLE
        names = frozenset(self.signals.split(","))
        if unknown := names - RESOLVABLE:
            raise InvalidField(field="signals", reason=f"unknown: {', '.join(sorted(unknown))}")
        return names


class ResolveOut(Wire):
    """The signals asked for, and the position they stand at."""

    tier: int | None = None
    event_count: int | None = None
    backfilled_count: int | None = None
    partner_count: int | None = None
    first_event_at: Moment | None = None
    last_event_at: Moment | None = None
    claim_status: ClaimStatus | None = None
    position: int


@router.post(
    "/policy/standing",
    response_model=StandingOut,
    dependencies=[needs("policy:read")],
    responses=faults(400, 401, 403, 413, 415, 503),
    summary="Standing of an actor",
)
async def post_standing(
    call: Call, question: StandingIn, query: Annotated[AsOf, FromQuery()]
) -> Answered:
    """The tier and the signals of an actor: evidence without a verdict."""
    found: Resolution = await call.resolve(
        AskStanding(call.lookup(question.actor.id)), query.as_of
    )
    signals = SignalsOut.of(found.standing.signals)
    return call.show(
        StandingOut(
            tier=found.standing.tier,
            signals=signals,
            own_signals=signals,
            claims=ClaimsSummary(summary="NONE_RECORDED", recorded_count=0),
            checkpoint=None,
            position=found.position,
        )
    )


@router.get(
    "/resolve",
    response_model=ResolveOut,
    response_model_exclude_unset=True,
    dependencies=[needs("policy:read")],
    responses=faults(400, 401, 403, 404, 503),
    summary="Resolve a person's history",
)
async def get_resolution(call: Call, query: Annotated[ResolveQuery, FromQuery()]) -> Answered:
    """Neutral facts of a person's history; 404 for somebody without one."""
    wanted = query.wanted()
    found: Resolution = await call.resolve(
        AskStanding(call.lookup(query.user_external_id), must_exist=True), query.as_of
    )
    signals = found.standing.signals
    everything: dict[str, Any] = {
        "tier": found.standing.tier,
        "eventCount": signals.event_count,
        "backfilledCount": signals.backfilled_count,
        "partnerCount": signals.distinct_partners,
        "firstEventAt": found.standing.first_at,
        "lastEventAt": found.standing.last_at,
        "claimStatus": found.claim_status,
    }
    asked = {name: value for name, value in everything.items() if name in wanted}
    return call.show(ResolveOut(**asked, position=found.position))
