"""The OpenAPI document: what FastAPI cannot derive from the routes, said once."""

from collections.abc import Callable
from typing import Annotated, Any, NotRequired, TypeVar

from pydantic import Field
from typing_extensions import TypedDict

from domain import refusals
from domain.refusals import Refusal
from interfaces.api.errors import status_of

Refusals = tuple[type[Refusal], ...]
E = TypeVar("E", bound=Callable[..., Any])

DOCUMENT: dict[str, Any] = {
    "title": "Tenure",
    "version": "1",
    "summary": "Participation history for people and AI agents.",
    "description": (
        "Submit participation events, ask for neutral standing, and get a recommendation at the "
        "point of decision. Each path is served with and without `/v1`. Each reply carries "
        "`X-Request-Id`; each write's reply `X-Log-Position`. A read takes `X-Min-Position` and "
        "answers from state at least that new."
    ),
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
}

IDEMPOTENT: dict[str, Any] = {
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "1 to 255 visible ASCII characters. A repeat within 24 hours gets the "
            "first reply again, with X-Idempotency-Replay: true.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "example": "tx-2026-11-22-001",
        }
    ]
}
"""What a route that takes an Idempotency-Key adds to the document."""

READ: dict[str, Any] = {
    "parameters": [
        {
            "name": "X-Min-Position",
            "in": "header",
            "required": False,
            "description": "Answer from a log at least this long; 503 when it is not in 2 seconds.",
            "schema": {"type": "integer", "minimum": 0},
            "example": 3,
        }
    ]
}
"""What a route that reads adds to the document."""

ANY_ROUTE: Refusals = (refusals.InternalError,)
LIMITED: Refusals = (refusals.RateLimited,)
WITH_KEY: Refusals = (
    refusals.Unauthenticated,
    refusals.Forbidden,
    refusals.PartnerSuspended,
    refusals.Unavailable,
)
WITH_QUERY: Refusals = (refusals.InvalidField, refusals.UnknownField)
WITH_PATH: Refusals = (refusals.NotFound,)
WITH_BODY: Refusals = (
    refusals.InvalidJson,
    refusals.MissingField,
    refusals.InvalidField,
    refusals.UnknownField,
    refusals.PayloadTooLarge,
    refusals.UnsupportedMediaType,
)
WITH_REPEATS: Refusals = (
    refusals.InvalidIdempotencyKey,
    refusals.IdempotencyInProgress,
    refusals.IdempotencyKeyReused,
)
WITH_READ: Refusals = (refusals.InvalidField,)


OWN_REFUSALS: dict[Callable[..., Any], Refusals] = {}
"""What endpoints declared that they refuse with."""


class ErrorOut(TypedDict):
    """A refusal: a sentence for people, a stable code for programs."""

    error: Annotated[str, Field(examples=["Missing required field: actor.id"])]
    code: Annotated[str, Field(examples=["MISSING_FIELD"])]
    hint: NotRequired[
        Annotated[str, Field(examples=["Provide an org-scoped identifier for the actor"])]
    ]


def refuses(*own: type[Refusal]) -> Callable[[E], E]:
    """Declare what an endpoint itself may refuse with, beside what its route refuses with."""

    def declare(endpoint: E) -> E:
        OWN_REFUSALS[endpoint] = own
        return endpoint

    return declare


def responses(*may: type[Refusal]) -> dict[int | str, dict[str, Any]]:
    """Refusals as FastAPI's ``responses``: each status with its codes."""
    by_status: dict[int, dict[str, type[Refusal]]] = {}
    for refusal in may:
        by_status.setdefault(status_of(refusal), {})[refusal.code] = refusal
    return {
        status: {
            "model": ErrorOut,
            "description": ", ".join(named),
            "content": {
                "application/json": {
                    "examples": {code: {"value": example(named[code])} for code in named}
                }
            },
        }
        for status, named in sorted(by_status.items())
    }


def example(refusal: type[Refusal]) -> dict[str, str]:
    """A refusal's body, with the places for its facts left to see."""
    shown = {"error": refusal.sentence, "code": refusal.code}
    if refusal.hint_text:
        shown["hint"] = refusal.hint_text
    return shown


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """Take out what FastAPI says of its own 422, which is never answered, and add the headers
    that every reply carries.
    """
    for operation in (op for path in document["paths"].values() for op in path.values()):
        replies = operation["responses"]
        if "HTTPValidationError" in str(replies.get("422")):
            del replies["422"]
        for status, reply in replies.items():
            reply["headers"] = {"X-Request-Id": REQUEST_ID_HEADER}
            if status in ("200", "201", "207") and "requestBody" in operation:
                reply["headers"]["X-Log-Position"] = POSITION_HEADER
    for name in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(name, None)
    return document


REQUEST_ID_HEADER = {
    "description": "The request's own X-Request-Id, or a new one.",
    "schema": {"type": "string"},
}
POSITION_HEADER = {
    "description": "On a write: the position of the entry that the request wrote.",
    "schema": {"type": "integer"},
}
