"""Refusals: their codes are stable, and each can be said."""

from collections.abc import Iterator
from string import Formatter

import pytest

from domain import refusals
from domain.refusals import Refusal

CODES = {
    "AgentAllowlistRequired": "AGENT_ALLOWLIST_REQUIRED",
    "AgentBackfillForbidden": "AGENT_BACKFILL_FORBIDDEN",
    "AgentEventTypeNotAllowed": "AGENT_EVENT_TYPE_NOT_ALLOWED",
    "AgentIdempotencyRequired": "AGENT_IDEMPOTENCY_REQUIRED",
    "AgentPresetForbidden": "AGENT_PRESET_FORBIDDEN",
    "AgentSuspended": "AGENT_SUSPENDED",
    "AlreadyJudged": "ALREADY_JUDGED",
    "AlreadyPromoted": "ALREADY_PROMOTED",
    "AncestorSuspended": "ANCESTOR_SUSPENDED",
    "AuditorRevoked": "AUDITOR_REVOKED",
    "BackfillRequired": "BACKFILL_REQUIRED",
    "BatchLimitExceeded": "BATCH_LIMIT_EXCEEDED",
    "BulkLimitExceeded": "BULK_LIMIT_EXCEEDED",
    "ChallengeFailed": "CHALLENGE_FAILED",
    "DeliveryDiffers": "DELIVERY_DIFFERS",
    "Forbidden": "FORBIDDEN",
    "IdempotencyInProgress": "IDEMPOTENCY_IN_PROGRESS",
    "IdempotencyKeyReused": "IDEMPOTENCY_KEY_REUSED",
    "InternalError": "INTERNAL_ERROR",
    "InvalidAgentState": "INVALID_AGENT_STATE",
    "InvalidClaimState": "INVALID_CLAIM_STATE",
    "InvalidClaimType": "INVALID_CLAIM_TYPE",
    "InvalidCursor": "INVALID_CURSOR",
    "InvalidEventType": "INVALID_EVENT_TYPE",
    "InvalidField": "INVALID_FIELD",
    "InvalidHttp": "INVALID_HTTP",
    "InvalidIdempotencyKey": "INVALID_IDEMPOTENCY_KEY",
    "InvalidJobState": "INVALID_JOB_STATE",
    "InvalidJson": "INVALID_JSON",
    "InvalidName": "INVALID_NAME",
    "InvalidOccurredAt": "INVALID_OCCURRED_AT",
    "InvalidSchema": "INVALID_SCHEMA",
    "InvalidUrl": "INVALID_URL",
    "InvalidValue": "INVALID_VALUE",
    "JobErased": "JOB_ERASED",
    "JobNotOffered": "JOB_NOT_OFFERED",
    "LastKey": "LAST_KEY",
    "LinkCodeInvalid": "LINK_CODE_INVALID",
    "LinkExists": "LINK_EXISTS",
    "LinkNotAllowed": "LINK_NOT_ALLOWED",
    "MethodNotAllowed": "METHOD_NOT_ALLOWED",
    "MissingField": "MISSING_FIELD",
    "NotFound": "NOT_FOUND",
    "NotReversible": "NOT_REVERSIBLE",
    "NothingToJudge": "NOTHING_TO_JUDGE",
    "OfferAlreadyAccepted": "OFFER_ALREADY_ACCEPTED",
    "OfferClosed": "OFFER_CLOSED",
    "OwnWork": "OWN_WORK",
    "ParentNotActive": "PARENT_NOT_ACTIVE",
    "PartnerSuspended": "PARTNER_SUSPENDED",
    "PayloadTooLarge": "PAYLOAD_TOO_LARGE",
    "PolicyRefused": "POLICY_REFUSED",
    "PriceAboveBudget": "PRICE_ABOVE_BUDGET",
    "RateLimited": "RATE_LIMITED",
    "RequestTimeout": "REQUEST_TIMEOUT",
    "ReviewTaken": "REVIEW_TAKEN",
    "SchemaViolation": "SCHEMA_VIOLATION",
    "SlugTaken": "SLUG_TAKEN",
    "SpawnDepthExceeded": "SPAWN_DEPTH_EXCEEDED",
    "SpawnDisabled": "SPAWN_DISABLED",
    "SpawnEscalation": "SPAWN_ESCALATION",
    "SpawnLimitExceeded": "SPAWN_LIMIT_EXCEEDED",
    "SpendCapExceeded": "SPEND_CAP_EXCEEDED",
    "StaleDelivery": "STALE_DELIVERY",
    "TooManyActions": "TOO_MANY_ACTIONS",
    "TooManyEngagements": "TOO_MANY_ENGAGEMENTS",
    "TooManyKeys": "TOO_MANY_KEYS",
    "TooManyWebhooks": "TOO_MANY_WEBHOOKS",
    "UidIsRotatedByDeveloper": "UID_IS_ROTATED_BY_DEVELOPER",
    "Unauthenticated": "UNAUTHENTICATED",
    "Unavailable": "UNAVAILABLE",
    "UnknownAction": "UNKNOWN_ACTION",
    "UnknownField": "UNKNOWN_FIELD",
    "UnknownUid": "UNKNOWN_UID",
    "UnknownPosition": "INVALID_AS_OF",
    "UnknownStoredName": "UNKNOWN_STORED_NAME",
    "UnsupportedMediaType": "UNSUPPORTED_MEDIA_TYPE",
    "WebhookDisabled": "WEBHOOK_DISABLED",
}
"""Clients compare these codes: an entry is added here, never changed and never removed."""

FAMILIES = {"Refusal", "Invalid", "Conflict", "Unprocessable"}
"""Refusals that are never raised themselves, only what they have in common."""


def every_refusal(family: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    if family.__name__ not in FAMILIES:
        yield family
    for child in family.__subclasses__():
        if child.__module__ == refusals.__name__:
            yield from every_refusal(child)


ALL = list(every_refusal())


def places_of(refusal: type[Refusal]) -> dict[str, str]:
    texts = (refusal.sentence, refusal.hint_text or "")
    return {
        place: f"<{place}>"
        for text in texts
        for _, place, _, _ in Formatter().parse(text)
        if place is not None
    }


def test_every_code_is_the_one_that_clients_know() -> None:
    assert {refusal.__name__: refusal.code for refusal in ALL} == CODES


def test_no_two_refusals_have_the_same_code() -> None:
    assert len({refusal.code for refusal in ALL}) == len(ALL)


def test_no_refusal_takes_its_code_or_sentence_from_another() -> None:
    assert [one for one in ALL if not {"code", "sentence"} <= vars(one).keys()] == []


@pytest.mark.parametrize("refusal", ALL, ids=lambda refusal: refusal.code)
def test_a_refusal_says_all_its_facts(refusal: type[Refusal]) -> None:
    facts = places_of(refusal)

    said = refusal(**facts)

    text = f"{said} {said.hint or ''}"
    assert all(fact in text for fact in facts.values())


@pytest.mark.parametrize("refusal", ALL, ids=lambda refusal: refusal.code)
def test_a_refusal_cannot_be_raised_without_the_facts_of_its_sentence(
    refusal: type[Refusal],
) -> None:
    places = [place for _, place, _, _ in Formatter().parse(refusal.sentence) if place]
    if not places:
        refusal()
        return

    with pytest.raises(KeyError):
        refusal()


def test_braces_in_a_fact_are_said_as_they_are() -> None:
    said = refusals.InvalidEventType(event_type="{nearest}", nearest="{0}")

    assert str(said) == "Unknown event type: {nearest}"
    assert said.hint is not None
    assert "{0}" in said.hint


def test_what_a_request_said_is_cut_where_it_is_said_back() -> None:
    said = refusals.UnknownAction(action="x" * 60_000)

    assert str(said) == f"Unknown action: {'x' * 64}…"


def test_the_sentence_of_a_rival_is_the_seeds() -> None:
    assert str(refusals.IdempotencyInProgress()) == (
        "A request with this Idempotency-Key is currently in progress. "
        "Retry after the in-flight request completes."
    )
