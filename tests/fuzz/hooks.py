"""What Schemathesis cannot know of this API by itself."""

import json
import os
from typing import Any
from uuid import uuid4

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, Failure
from schemathesis.openapi.checks import RejectedPositiveData

Case = schemathesis.Case[Any]
NDJSON = "application/x-ndjson"

SPARED = os.environ.get("FUZZ_SPARED", "").split()
"""The ids of what it speaks with: without these, all else would be refused and prove nothing."""

TRUE = {"1", "on", "t", "true", "y", "yes"}
"""How a truth may be spelled in a query."""
LONG_WAITS = {str(seconds) for seconds in range(2, 31)}
"""What may be waited, and takes too long."""

POSITIONS = 3
"""How long a log is certain to be."""

BEYOND_SCHEMAS = {
    # What the log holds, and what time it is.
    "INVALID_CURSOR",
    "INVALID_AS_OF",
    "UNKNOWN_ACTION",
    "UNKNOWN_STORED_NAME",
    "INVALID_OCCURRED_AT",
    "BACKFILL_REQUIRED",
    "IDEMPOTENCY_KEY_REUSED",
    # What an agent of a type must have.
    "AGENT_ALLOWLIST_REQUIRED",
    "AGENT_IDEMPOTENCY_REQUIRED",
    # Which characters are printed, which hosts are public.
    "INVALID_NAME",
    "INVALID_URL",
}
"""The codes with which a request is refused that is right as far as a schema can tell."""


VALUES_BEYOND_SCHEMAS = (
    # A text may say a number in many ways, of which some are none; and times pass.
    "price_per_unit",
    "pricePerUnit",
    "pricePerLead",
    "amount",
    "currency",
    "deadline",
    # No two alike, and not too much together.
    "capabilities",
    "items",
)
"""The last of a field's names, where a value may be against a rule that no schema can tell."""


def is_beyond_schemas(refusal: dict[str, Any]) -> bool:
    """Whether a request may be refused so that its schema allows. That no text may hold NUL is
    not worth a pattern on each.
    """
    if isinstance(refusal["error"], dict):
        field = refusal["error"].get("field", "").rpartition(".")[2]
        message = refusal["error"]["message"]
        return field in VALUES_BEYOND_SCHEMAS or any(
            words in message for words in ("NUL", "cursor", "asOf", "Idempotency-Key")
        )
    return refusal["code"] in BEYOND_SCHEMAS or "NUL" in refusal["error"]


# Lines


@schemathesis.serializer(NDJSON)
def write_lines(context: schemathesis.SerializationContext, value: object) -> bytes:
    """A body of lines: each item of an array in one; what is no array, as the only one."""
    items = value if isinstance(value, list) else [value]
    return b"".join(json.dumps(item).encode() + b"\n" for item in items)


@schemathesis.deserializer(NDJSON)
def read_lines(
    context: schemathesis.DeserializationContext, response: schemathesis.Response
) -> list[Any]:
    """The array that lines are the items of."""
    return lines_of(response)


def lines_of(response: schemathesis.Response) -> list[Any]:
    """The lines of a reply, each as its JSON."""
    return [json.loads(line) for line in response.content.splitlines()]


# Requests


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Spare what it speaks with, ask about positions that the log has, and wait for no stream that
    has no end.
    """
    for members in (case.path_parameters, case.body):
        if isinstance(members, dict):
            for name in [name for name, value in members.items() if value in SPARED]:
                members[name] = str(uuid4())
    if str((case.query or {}).get("follow")).lower() in TRUE:
        del case.query["follow"]
    wait = (case.query or {}).get("wait")
    if str(wait) in LONG_WAITS:
        # It would wait.
        case.query["wait"] = 1
    place = (case.query or {}).get("asOf")
    if isinstance(place, str) and place.isdecimal() and len(place) <= 18:
        case.query["asOf"] = str(int(place) % POSITIONS + 1)


# Replies


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: Case,
    response: schemathesis.Response,
) -> bool:
    """Whether a failure is one, and not a request that is refused for what no schema can tell, or
    a batch whose wrong items are refused within it.
    """
    match failure:
        case RejectedPositiveData():
            return not is_beyond_schemas(response.json())
        case AcceptedNegativeData():
            return not refused_items(response)
    return True


@schemathesis.check
def good_items_are_taken(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """To the items of a batch what positive_data_acceptance is to a request."""
    assert case.meta is not None
    if case.meta.generation.mode.is_positive:
        for refusal in refused_items(response):
            assert is_beyond_schemas(refusal), f"A good item was refused: {refusal}"


def refused_items(response: schemathesis.Response) -> list[dict[str, str]]:
    """The refusals of single items within the reply to a batch."""
    if b'"status":"error"' not in response.content:
        return []
    is_lines = response.headers["content-type"] == [NDJSON]
    items = lines_of(response) if is_lines else response.json()["results"]
    return [item for item in items if item["status"] == "error"]
