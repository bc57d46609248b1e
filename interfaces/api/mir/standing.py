"""Standing: neutral signals of a history, without a recommendation."""

from typing import Annotated, Any, Literal, Required

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from domain.claim import ClaimStatus
from domain.refusals import InvalidField, NotFound, UnknownPosition
from domain.standing import Signals
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import READ, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import Actor, AsOf, ExternalId, Moment, Wire
from projections.standing import AskStanding, Resolution

router = APIRouter(route_class=LeanRoute, tags=["Standing"])

Tier = Annotated[int, Field(ge=0, le=3)]

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
ONE_OF_THEM = "|".join(sorted(RESOLVABLE))


class SignalsOut(TypedDict):
    """Neutral facts of a history; days are whole days before now."""

    eventCount: int
    effectiveEventCount: Annotated[
        int, Field(description="The events from which the tier was computed.")
    ]
    backfilledCount: int
    firstEventDaysAgo: int | None
    lastEventDaysAgo: int | None
    distinctPartners: int
    tierQualifiedPartnerCount: Annotated[int, Field(description="Partners with 10 events or more.")]


def signals_out(signals: Signals) -> SignalsOut:
    """What is shown of signals."""
    return {
        "eventCount": signals.event_count,
        "effectiveEventCount": signals.effective_event_count,
        "backfilledCount": signals.backfilled_count,
        "firstEventDaysAgo": signals.first_event_days_ago,
        "lastEventDaysAgo": signals.last_event_days_ago,
        "distinctPartners": signals.distinct_partners,
        "tierQualifiedPartnerCount": signals.tier_qualified_partner_count,
    }


class StandingIn(Wire):
    """Whose standing."""

    actor: Actor


Summary = Literal["NONE_RECORDED", "FLAGGED", "CONTESTED"]

SUMMARIES: dict[ClaimStatus, Summary] = {
    "clean": "NONE_RECORDED",
    "flagged": "FLAGGED",
    "contested": "CONTESTED",
}


class ClaimsSummary(TypedDict):
    """The claims against somebody: what the active ones amount to, and how many there ever were."""

    summary: Summary
    recordedCount: int


class StandingOut(TypedDict):
    """A tier and what it was computed from; never a recommendation."""

    tier: Tier
    signals: SignalsOut
    ownSignals: SignalsOut
    claims: ClaimsSummary
    checkpoint: Annotated[
        None, Field(description="The signed checkpoint that covers the answer; null without one.")
    ]
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
        json_schema_extra={"pattern": f"^({ONE_OF_THEM})(,({ONE_OF_THEM}))*$"},
    )

    def wanted(self) -> frozenset[str]:
        """The members wanted. Raises InvalidField for one that is none."""
        if self.signals is None:
            return RESOLVABLE
        names = frozenset(self.signals.split(","))
        if not names <= RESOLVABLE:
            raise InvalidField(
                field="signals",
                reason=f"some of {', '.join(sorted(RESOLVABLE))} are wanted, separated by commas",
            )
        return names


class ResolveOut(TypedDict, total=False):
    """The signals asked for, and the position they stand at."""

    tier: Tier
    eventCount: int
    backfilledCount: int
    partnerCount: int
    firstEventAt: Moment | None
    lastEventAt: Moment | None
    claimStatus: ClaimStatus
    position: Required[int]


@router.post(
    "/policy/standing",
    response_model=StandingOut,
    dependencies=[needs("policy:read")],
    openapi_extra=READ,
    summary="Standing of an actor",
)
@refuses(UnknownPosition)
async def post_standing(
    call: Call, question: StandingIn, query: Annotated[AsOf, FromQuery()]
) -> Answered:
    """The tier and the signals of an actor: evidence without a verdict."""
    resolution: Resolution = await call.resolve(
        AskStanding(call.lookup(question.actor.id)), query.as_of
    )
    found = resolution.found
    shown: StandingOut = {
        "tier": found.tier,
        "signals": signals_out(found.signals),
        "ownSignals": signals_out(found.own.signals),
        "claims": {
            "summary": SUMMARIES[found.claim_status],
            "recordedCount": found.claims_recorded,
        },
        "checkpoint": None,
        "position": resolution.position,
    }
    return call.show(shown)


@router.get(
    "/resolve",
    response_model=ResolveOut,
    dependencies=[needs("policy:read")],
    openapi_extra=READ,
    summary="Resolve a person's history",
)
@refuses(UnknownPosition, NotFound)
async def get_resolution(call: Call, query: Annotated[ResolveQuery, FromQuery()]) -> Answered:
    """Neutral facts of a person's history; 404 for somebody without one."""
    wanted = query.wanted()
    resolution: Resolution = await call.resolve(
        AskStanding(call.lookup(query.user_external_id), must_exist=True), query.as_of
    )
    found = resolution.found
    signals, history = found.signals, found.cross_platform or found.own
    everything: dict[str, Any] = {
        "tier": found.tier,
        "eventCount": signals.event_count,
        "backfilledCount": signals.backfilled_count,
        "partnerCount": signals.distinct_partners,
        "firstEventAt": history.first_at,
        "lastEventAt": history.last_at,
        "claimStatus": found.claim_status,
    }
    asked = {name: value for name, value in everything.items() if name in wanted}
    return call.show({**asked, "position": resolution.position})
