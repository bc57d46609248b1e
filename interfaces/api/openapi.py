"""The OpenAPI document: what FastAPI cannot derive from the routes, said once."""

from typing import Annotated, Any

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from interfaces.api.errors import every_refusal, status_of

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


class ErrorOut(TypedDict):
    """A refusal: a sentence for people, a stable code for programs."""

    error: Annotated[str, Field(examples=["Missing required field: actor.id"])]
    code: Annotated[str, Field(examples=["MISSING_FIELD"])]
    hint: NotRequired[
        Annotated[str, Field(examples=["Provide an org-scoped identifier for the actor"])]
    ]


def faults(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals that a route may answer with, by status, with their codes."""
    codes: dict[int, list[str]] = {}
    for refusal in every_refusal():
        codes.setdefault(status_of(refusal), []).append(refusal.code)
    return {
        status: {"model": ErrorOut, "description": ", ".join(codes[status])}
        for status in sorted({*statuses, 500})
    }
