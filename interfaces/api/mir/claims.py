"""Claims: what a partner holds against somebody. Attributed, never endorsed."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from application.ids import new_id
from application.log.submission import Repeat
from domain.claim import (
    CLAIM_TYPES,
    ClaimMoved,
    ContestClaim,
    ContestReason,
    FileClaim,
    SettleClaim,
    Status,
    Verdict,
    full_claim_type,
)
from domain.refusals import (
    AgentIdempotencyRequired,
    InvalidClaimState,
    InvalidClaimType,
    InvalidCursor,
    InvalidOccurredAt,
    NotFound,
    UnknownPosition,
)
from domain.rights import Permission
from interfaces.api.call import Answered, Call
from interfaces.api.mir.agent_rules import names_repeats
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.route import Endpoint, LeanRoute, holds_agents_to, needs
from interfaces.api.wire import (
    AsOf,
    ExternalId,
    Id,
    Moment,
    OccurredAt,
    PageOfList,
    Pagination,
    Wire,
    form,
    occurred_at_of,
)
from projections.claims import AskClaim, ShownClaim, list_claims

router = APIRouter(route_class=LeanRoute, tags=["Claims"])


ClaimType = TypeAliasType(
    "ClaimType",
    Annotated[
        str,
        Field(
            description="A kind of claim. The bare word is taken too.",
            examples=list(CLAIM_TYPES),
            json_schema_extra={
                "enum": [*CLAIM_TYPES, *(name.removeprefix("claim.") for name in CLAIM_TYPES)]
            },
        ),
    ],
)


class ClaimIn(Wire):
    """What is held against whom."""

    user_external_id: ExternalId
    claim_type: ClaimType
    occurred_at: OccurredAt = None
    reference: str | None = Field(
        None,
        pattern=form(r"^[!-~]{1,64}$", "1 to 64 visible ASCII characters are wanted"),
        description="Your own reference, up to 64 visible ASCII characters. Shown to you alone.",
        examples=["case-7781"],
    )


class ContestIn(Wire):
    """Why the subject disputes it."""

    reason_code: ContestReason


class ClaimOut(TypedDict):
    """A claim. ``issuer`` names the partner who filed it, null for your own; another's
    ``entityId`` and ``reference`` are not shown.
    """

    id: Id
    entityId: Id | None
    userExternalId: str | None
    claimType: str
    status: Status
    occurredAt: Moment
    filedAt: Moment
    changedAt: Moment
    reference: str | None
    reasonCode: ContestReason | None
    issuer: str | None


class ClaimList(TypedDict):
    """A page of claims, newest first."""

    data: list[ClaimOut]
    pagination: Pagination


class ClaimsQuery(PageOfList, AsOf):
    """Which claims to list."""

    user_external_id: ExternalId | None = None
    status: Status | None = None


def claim_out(shown: ShownClaim, external_id: str | None = None) -> ClaimOut:
    """What is shown of a claim."""
    claim, own = shown.claim, shown.issuer is None
    return {
        "id": shown.claim_id,
        "entityId": claim.entity_id if own else None,
        "userExternalId": external_id,
        "claimType": claim.claim_type,
        "status": claim.status,
        "occurredAt": claim.occurred_at,
        "filedAt": claim.filed_at,
        "changedAt": claim.changed_at,
        "reference": claim.reference if own else None,
        "reasonCode": claim.reason_code,
        "issuer": shown.issuer,
    }


@router.post(
    "/claims",
    status_code=201,
    response_model=ClaimOut,
    dependencies=[needs("claims:write")],
    openapi_extra=IDEMPOTENT,
    summary="File a claim",
)
@refuses(InvalidClaimType, InvalidOccurredAt, AgentIdempotencyRequired)
@holds_agents_to(names_repeats)
async def file_claim(call: Call, item: ClaimIn) -> Answered:
    """Hold something against somebody. It shows in decisions as claimStatus, never in the tier.

    Without an Idempotency-Key, a claim with the same userExternalId, claimType, occurredAt and
    reference is taken for a repeat for 24 hours.
    """
    external_id, tenant = item.user_external_id, call.principal.tenant
    repeat = call.repeat()
    automatic = repeat is None
    if repeat is None:
        claim_type = full_claim_type(item.claim_type)
        parts = (external_id, claim_type, item.occurred_at or "", item.reference or "")
        repeat = Repeat(call.services.hashes.automatic_key(tenant, "claim", *parts))
    command = FileClaim(
        id=new_id(),
        tenant=tenant,
        lookup=call.lookup(external_id),
        claim_type=item.claim_type,
        occurred_at=occurred_at_of(item.occurred_at),
        reference=item.reference,
    )
    return await call.commit(
        command,
        _moved_out,
        status=201,
        repeat=repeat,
        automatic=automatic,
        echo={"userExternalId": external_id},
    )


@router.get(
    "/claims",
    response_model=ClaimList,
    dependencies=[needs("claims:read")],
    openapi_extra=READ,
    summary="List claims",
)
@refuses(InvalidCursor, UnknownPosition)
async def get_claims(call: Call, query: Annotated[ClaimsQuery, FromQuery()]) -> Answered:
    """The claims that you filed; with userExternalId, all against that person, linked partners'
    too.
    """
    external_id = query.user_external_id
    page = await list_claims(
        call.across,
        call.principal.tenant,
        lookup=None if external_id is None else call.lookup(external_id),
        status=query.status,
        cursor=query.cursor,
        limit=query.limit,
        past=await call.past(query.as_of),
    )
    return call.show(
        ClaimList(
            data=[claim_out(shown, external_id) for shown in page.claims],
            pagination=Pagination(cursor=page.cursor, hasMore=page.cursor is not None),
        )
    )


@router.get(
    "/claims/{claim_id}",
    response_model=ClaimOut,
    dependencies=[needs("claims:read")],
    openapi_extra=READ,
    summary="Show a claim",
)
@refuses(NotFound, UnknownPosition)
async def get_claim(call: Call, claim_id: Id, query: Annotated[AsOf, FromQuery()]) -> Answered:
    """A claim that you filed, or that is against somebody of yours or linked with one of yours."""
    shown = await call.resolve(AskClaim(claim_id, call.principal.tenant), query.as_of)
    return call.show(claim_out(shown))


def _moves(path: str, permission: Permission, summary: str) -> Callable[[Endpoint], Endpoint]:
    """Declare a route that moves a claim."""
    route = router.post(
        path,
        response_model=ClaimOut,
        dependencies=[needs(permission)],
        openapi_extra=IDEMPOTENT,
        summary=summary,
    )
    return lambda endpoint: route(refuses(NotFound, InvalidClaimState)(endpoint))


@_moves("/claims/{claim_id}/contest", "claims:contest", "Contest a claim")
async def contest_claim(call: Call, claim_id: Id, reason: ContestIn) -> Answered:
    """Dispute a claim on behalf of its subject, who is yours or linked with one of yours."""
    command = ContestClaim(
        id=new_id(),
        tenant=call.principal.tenant,
        claim_id=claim_id,
        reason_code=reason.reason_code,
    )
    return await call.commit(command, _moved_out, repeat=call.repeat())


@_moves("/claims/{claim_id}/uphold", "claims:settle", "Uphold a claim")
async def uphold_claim(call: Call, claim_id: Id) -> Answered:
    """Keep up a claim of yours that was contested."""
    return await _settle(call, claim_id, "UPHELD")


@_moves("/claims/{claim_id}/dismiss", "claims:settle", "Dismiss a claim")
async def dismiss_claim(call: Call, claim_id: Id) -> Answered:
    """Give up a claim of yours that was contested with reason."""
    return await _settle(call, claim_id, "DISMISSED")


@_moves("/claims/{claim_id}/withdraw", "claims:settle", "Withdraw a claim")
async def withdraw_claim(call: Call, claim_id: Id) -> Answered:
    """Take back a claim of yours."""
    return await _settle(call, claim_id, "WITHDRAWN")


async def _settle(call: Call, claim_id: Id, verdict: Verdict) -> Answered:
    command = SettleClaim(
        id=new_id(), tenant=call.principal.tenant, claim_id=claim_id, verdict=verdict
    )
    return await call.commit(command, _moved_out, repeat=call.repeat())


def _moved_out(moved: ClaimMoved) -> ClaimOut:
    return claim_out(ShownClaim(moved.claim_id, moved.claim, moved.issuer))
