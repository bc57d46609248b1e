"""Refusals: every "no" that Tenure gives, each with a stable code and the sentence a user reads.

A refusal did nothing: no event is stored for it, and the same request is judged anew next time.
The HTTP status of each family is decided at the edge (``interfaces/api/errors.py``).
"""

from typing import ClassVar

ECHOED = frozenset(("action", "claim_type", "event_type", "field", "stored_name"))
"""Facts that the request itself said, and may have said at any length."""

ECHO_LENGTH_AT_MOST = 64


class Refusal(Exception):
    """A request that was understood and declined.

    ``code`` is stable and meant for programs; ``sentence`` and ``hint`` are meant for people,
    with places for the facts given on construction.
    """

    code: ClassVar[str]
    sentence: ClassVar[str]
    hint_text: ClassVar[str | None] = None

    def __init__(self, **facts: object) -> None:
        self.facts = {
            name: _shortened(str(fact)) if name in ECHOED else fact for name, fact in facts.items()
        }
        super().__init__(self.sentence.format_map(self.facts))

    @property
    def hint(self) -> str | None:
        """What to do about it, or None when the sentence says enough."""
        return None if self.hint_text is None else self.hint_text.format_map(self.facts)


def _shortened(text: str) -> str:
    return text if len(text) <= ECHO_LENGTH_AT_MOST else f"{text[:ECHO_LENGTH_AT_MOST]}…"


class Invalid(Refusal):
    """The request itself is wrong; sending it again unchanged cannot help."""


class InvalidHttp(Invalid):
    code = "INVALID_HTTP"
    sentence = "The request is not valid HTTP."


class InvalidJson(Invalid):
    code = "INVALID_JSON"
    sentence = "The body is not valid JSON: {reason}."
    hint_text = "Send one JSON object, in UTF-8, without duplicate members."


class MissingField(Invalid):
    code = "MISSING_FIELD"
    sentence = "Missing required field: {field}"
    hint_text = "{help}"


class InvalidField(Invalid):
    code = "INVALID_FIELD"
    sentence = "Invalid field {field}: {reason}"


class UnknownField(Invalid):
    code = "UNKNOWN_FIELD"
    sentence = "Unknown field: {field}"
    hint_text = "Tenure takes only documented fields, so that none is lost silently."


class InvalidCursor(Invalid):
    code = "INVALID_CURSOR"
    sentence = "The cursor is not one that this list gave."
    hint_text = "Pass pagination.cursor of the previous page, with the same filters."


class InvalidIdempotencyKey(Invalid):
    code = "INVALID_IDEMPOTENCY_KEY"
    sentence = "Idempotency-Key must be 1 to 255 visible ASCII characters."


class InvalidEventType(Invalid):
    code = "INVALID_EVENT_TYPE"
    sentence = "Unknown event type: {event_type}"
    hint_text = "Nearest: {nearest}. GET /v1/event-types lists them all."


class InvalidOccurredAt(Invalid):
    code = "INVALID_OCCURRED_AT"
    sentence = "Invalid occurredAt: {reason}"


class BackfillRequired(Invalid):
    code = "BACKFILL_REQUIRED"
    sentence = "occurredAt is more than 30 days ago."
    hint_text = 'Send "batchType": "BACKFILL" with the event to record old history.'


class InvalidClaimType(Invalid):
    code = "INVALID_CLAIM_TYPE"
    sentence = "Unknown claim type: {claim_type}"
    hint_text = "One of {types}."


class UnknownAction(Invalid):
    code = "UNKNOWN_ACTION"
    sentence = "Unknown action: {action}"
    hint_text = "GET /v1/policy/actions lists the registered actions."


class BulkLimitExceeded(Invalid):
    code = "BULK_LIMIT_EXCEEDED"
    sentence = "More than {limit} evaluations in one request."
    hint_text = "Send them in several requests."


class UnknownStoredName(Invalid):
    code = "UNKNOWN_STORED_NAME"
    sentence = "No type of entry is called {stored_name}."
    hint_text = (
        "Nearest: {nearest}. Give stored names, or beginnings of them such as entity.*, with "
        "commas between."
    )


class UnknownPosition(Invalid):
    code = "INVALID_AS_OF"
    sentence = "Invalid asOf: {reason}"
    hint_text = "Give a position of the log, or an RFC 3339 time with a zone."


class InvalidName(Invalid):
    code = "INVALID_NAME"
    sentence = "Invalid {what}: {reason}"


class InvalidUrl(Invalid):
    code = "INVALID_URL"
    sentence = "Invalid url: {reason}"
    hint_text = "Give the public address of your site, such as https://example.com."


class BatchLimitExceeded(Invalid):
    code = "BATCH_LIMIT_EXCEEDED"
    sentence = "A batch holds at most {limit} events, not {count}."
    hint_text = "Send several batches, or any number of events as application/x-ndjson."


class AgentAllowlistRequired(Invalid):
    code = "AGENT_ALLOWLIST_REQUIRED"
    sentence = "An agent of the type {type} needs a list of the event types that it may report."
    hint_text = "Send allowedEventTypes, with at least one of GET /v1/event-types."


class AgentIdempotencyRequired(Invalid):
    code = "AGENT_IDEMPOTENCY_REQUIRED"
    sentence = "This agent must send an Idempotency-Key."
    hint_text = "An AI agent always must; requireIdempotency says whether another must."


class Unprocessable(Refusal):
    """The request has the right form, but not values that could be taken.

    ``field`` says which, as the marketplace spells it.
    """


class InvalidValue(Unprocessable):
    code = "INVALID_VALUE"
    sentence = "{field} {reason}"


class PriceAboveBudget(Unprocessable):
    code = "PRICE_ABOVE_BUDGET"
    sentence = "{field} must be at most the budget of {budget} {currency}"


class SchemaViolation(Unprocessable):
    code = "SCHEMA_VIOLATION"
    sentence = "{field} does not fit the agent's declared schema: {reason}"


class InvalidSchema(Unprocessable):
    code = "INVALID_SCHEMA"
    sentence = "{field} is no JSON Schema that can be checked: {reason}"


class Unauthenticated(Refusal):
    code = "UNAUTHENTICATED"
    sentence = "The API key is missing, mistyped, unknown or deleted."
    hint_text = "Send it in the header x-api-key."


class UnknownUid(Unauthenticated):
    code = "UNKNOWN_UID"
    sentence = "The uid is missing, mistyped, unknown or replaced."
    hint_text = "Send userUid, and agentUid with it where an agent calls, as headers."


class Forbidden(Refusal):
    code = "FORBIDDEN"
    sentence = "This credential may not do that: it lacks {permission}."


class PartnerSuspended(Forbidden):
    code = "PARTNER_SUSPENDED"
    sentence = "This partner is suspended; all of its keys are."
    hint_text = "Ask the operator of this server."


class AgentSuspended(Forbidden):
    code = "AGENT_SUSPENDED"
    sentence = "This agent is suspended."
    hint_text = "Its partner may reactivate it."


class AncestorSuspended(Forbidden):
    code = "ANCESTOR_SUSPENDED"
    sentence = "An agent that this one comes from is suspended."
    hint_text = "It is {ancestor} ({ancestor_id}); its partner may reactivate it."


class AgentPresetForbidden(Forbidden):
    code = "AGENT_PRESET_FORBIDDEN"
    sentence = "The preset {preset} is not for an agent of the type {type}."


class AgentEventTypeNotAllowed(Forbidden):
    code = "AGENT_EVENT_TYPE_NOT_ALLOWED"
    sentence = "This agent may not report {event_type}."
    hint_text = "allowedEventTypes of the agent, and of those it comes from, say what it may."


class AgentBackfillForbidden(Forbidden):
    code = "AGENT_BACKFILL_FORBIDDEN"
    sentence = "An agent may not report old history."
    hint_text = "Send it with a key of the partner's own."


class SpawnDisabled(Forbidden):
    code = "SPAWN_DISABLED"
    sentence = "Agents of this partner may not spawn."
    hint_text = "The partner may let them with PUT /v1/spawn-policy."


class SpawnEscalation(Forbidden):
    code = "SPAWN_ESCALATION"
    sentence = "An agent cannot have more than those it comes from: {exceeding}."
    hint_text = "Ask for less, or leave it out to inherit what the parent has."


class OwnWork(Forbidden):
    code = "OWN_WORK"
    sentence = "A supervisor may not judge the work of an agent of their own."


class JobNotOffered(Forbidden):
    code = "JOB_NOT_OFFERED"
    sentence = "The job asks for {capability}, which this agent's listing does not have."


class PolicyRefused(Forbidden):
    code = "POLICY_REFUSED"
    sentence = "The policy says {decision} to {action}: {why}"


class NotFound(Refusal):
    code = "NOT_FOUND"
    sentence = "There is no such thing here."
    hint_text = (
        "GET /openapi.json lists the paths. What belongs to somebody else is not found either."
    )


class LinkCodeInvalid(NotFound):
    code = "LINK_CODE_INVALID"
    sentence = "The link code is wrong, used or expired."
    hint_text = "Codes are used once, within 15 minutes. Ask for a new one with POST /v1/links."


class MethodNotAllowed(Refusal):
    code = "METHOD_NOT_ALLOWED"
    sentence = "This path does not take that method."


class Conflict(Refusal):
    """The request is right, but not in the present state."""


class IdempotencyInProgress(Conflict):
    code = "IDEMPOTENCY_IN_PROGRESS"
    sentence = (
        "A request with this Idempotency-Key is currently in progress. "
        "Retry after the in-flight request completes."
    )


class SlugTaken(Conflict):
    code = "SLUG_TAKEN"
    sentence = "The slug {slug} belongs to another partner."


class InvalidClaimState(Conflict):
    code = "INVALID_CLAIM_STATE"
    sentence = "A claim that is {status} cannot become {wanted}."


class LinkExists(Conflict):
    code = "LINK_EXISTS"
    sentence = "The two cannot be linked: {reason}."
    hint_text = "A group holds one entity a partner; DELETE /v1/links takes yours out of its group."


class LinkNotAllowed(Conflict):
    code = "LINK_NOT_ALLOWED"
    sentence = "An agent cannot be linked."
    hint_text = "Links are for people; an agent belongs to the partner that made it."


class InvalidAgentState(Conflict):
    code = "INVALID_AGENT_STATE"
    sentence = "An agent that is {status} cannot be {wanted}."


class ParentNotActive(Conflict):
    code = "PARENT_NOT_ACTIVE"
    sentence = "The parent, or an agent that it comes from, is not active: {ancestor} is {status}."


class SpawnDepthExceeded(Conflict):
    code = "SPAWN_DEPTH_EXCEEDED"
    sentence = "The agent would stand at depth {depth}; the spawn policy allows {limit}."


class SpawnLimitExceeded(Conflict):
    code = "SPAWN_LIMIT_EXCEEDED"
    sentence = "The spawn policy allows {limit} {what}, and there are as many."
    hint_text = "Those that are revoked do not count."


class LastKey(Conflict):
    code = "LAST_KEY"
    sentence = "This is the last key of its tenant; deleting it would lock you out."
    hint_text = "Make another with POST /v1/partners/keys first."


class TooManyKeys(Conflict):
    code = "TOO_MANY_KEYS"
    sentence = "A tenant holds at most {limit} keys."
    hint_text = "Delete one that is no longer used."


class TooManyWebhooks(Conflict):
    code = "TOO_MANY_WEBHOOKS"
    sentence = "There are at most {limit} webhooks each, and you have as many."
    hint_text = "Delete one that is no longer used."


class WebhookDisabled(Conflict):
    code = "WEBHOOK_DISABLED"
    sentence = "This webhook is disabled: its reader answered 410, that it is gone."
    hint_text = "Delete it, and make another when there is a reader again."


class ChallengeFailed(Conflict):
    code = "CHALLENGE_FAILED"
    sentence = "The domain is not proven: {reason}."
    hint_text = (
        "Serve the token of your registration, and nothing else, as plain text under "
        "/.well-known/mir-challenge, without a redirect."
    )


class AlreadyPromoted(Conflict):
    code = "ALREADY_PROMOTED"
    sentence = "This partner is in production already, with another domain or with none."


class AuditorRevoked(Conflict):
    code = "AUDITOR_REVOKED"
    sentence = "This auditor was revoked, for good."
    hint_text = "Create another."


class TooManyActions(Conflict):
    code = "TOO_MANY_ACTIONS"
    sentence = "A tenant has at most {limit} actions of its own."
    hint_text = "Change one that is no longer used."


class OfferAlreadyAccepted(Conflict):
    code = "OFFER_ALREADY_ACCEPTED"
    sentence = "offer already accepted"


class OfferClosed(Conflict):
    code = "OFFER_CLOSED"
    sentence = "This offer was declined, replaced or accepted."


class InvalidJobState(Conflict):
    code = "INVALID_JOB_STATE"
    sentence = "A job that is {status} cannot be {wanted}."


class JobErased(Conflict):
    code = "JOB_ERASED"
    sentence = "What was written on this job has been erased."


class TooManyEngagements(Conflict):
    code = "TOO_MANY_ENGAGEMENTS"
    sentence = "The job has lost {limit} agents, and is offered to no more."
    hint_text = "Cancel it, and post what is left as a new one."


class DeliveryDiffers(Conflict):
    code = "DELIVERY_DIFFERS"
    sentence = "Other data was delivered already, and awaits its evaluation."


class NothingToJudge(Conflict):
    code = "NOTHING_TO_JUDGE"
    sentence = "Nothing of that awaits an evaluation."


class StaleDelivery(Conflict):
    code = "STALE_DELIVERY"
    sentence = "That is not the current delivery."
    hint_text = "GET /api/ailancer/jobs/ID/results shows what awaits its evaluation."


class AlreadyJudged(Conflict):
    code = "ALREADY_JUDGED"
    sentence = "{item_ref} was {decision} already."


class ReviewTaken(Conflict):
    code = "REVIEW_TAKEN"
    sentence = "Another supervisor is judging this job, until {until}."


class NotReversible(Conflict):
    code = "NOT_REVERSIBLE"
    sentence = "The evaluation cannot be reversed: {reason}."


class SpendCapExceeded(Conflict):
    code = "SPEND_CAP_EXCEEDED"
    sentence = "The client may spend {cap} {currency}; this would make it {total}."


class UidIsRotatedByDeveloper(Conflict):
    code = "UID_IS_ROTATED_BY_DEVELOPER"
    sentence = "A marketplace agent has a uid and no key; its developer rotates it."


class PayloadTooLarge(Refusal):
    code = "PAYLOAD_TOO_LARGE"
    sentence = "The body is larger than {limit_bytes} bytes."


class UnsupportedMediaType(Refusal):
    code = "UNSUPPORTED_MEDIA_TYPE"
    sentence = "The body must be application/json."


class IdempotencyKeyReused(Refusal):
    code = "IDEMPOTENCY_KEY_REUSED"
    sentence = "This Idempotency-Key was used with another request."
    hint_text = "Use a new key for a new request; repeat the old request to see the old reply."


class RateLimited(Refusal):
    """Asked too often. ``seconds`` from now, at the latest, the same request is taken again."""

    code = "RATE_LIMITED"
    sentence = "Too many requests; try again in {seconds} seconds."


class RequestTimeout(Refusal):
    code = "REQUEST_TIMEOUT"
    sentence = "The request did not arrive whole in time."


class Unavailable(Refusal):
    """The service cannot answer now; the same request, with its key, may be sent again."""

    code = "UNAVAILABLE"
    sentence = "The service cannot answer now: {reason}."
    hint_text = "Send the same request again, with its Idempotency-Key if it has one."


class InternalError(Refusal):
    """A defect of Tenure's own. Its cause is in the server's log under the request's id."""

    code = "INTERNAL_ERROR"
    sentence = "Something went wrong on our side; it has been logged under this request's id."
