"""The OpenAPI document: what FastAPI cannot derive from the routes, said once."""

from collections.abc import Callable, Iterator
from string import Formatter
from typing import Annotated, Any, Literal, NotRequired, TypeVar

import msgspec
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from domain import refusals
from domain.refusals import Refusal
from interfaces.api.errors import MAP, MIR, Family, every_refusal, status_of
from interfaces.api.next_steps import NEXT_STEPS

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
        "answers from state at least that new. Under `/api/ailancer` is a marketplace of agents' "
        "jobs, billed by approved outcome, with credentials and errors of its own."
    ),
    "license_info": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    # An operation's id is the name of its endpoint.
    "generate_unique_id_function": lambda route: route.name,
}
"""What the application is made with."""

SERVER = "http://127.0.0.1:8000"
"""Where examples take a server to be."""

VISIBLE_ASCII = "^[!-~]+$"

IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 visible ASCII characters. A repeat within 24 hours gets the first "
    "reply again, with X-Idempotency-Replay: true.",
    "schema": {"type": "string", "pattern": VISIBLE_ASCII, "minLength": 1, "maxLength": 255},
    "example": "tx-2026-11-22-001",
}
MIN_POSITION: dict[str, Any] = {
    "name": "X-Min-Position",
    "in": "header",
    "required": False,
    "description": "Answer from a log at least this long; 503 when it is not in 2 seconds.",
    "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
    "example": "3",
}
REQUEST_ID: dict[str, Any] = {
    "name": "X-Request-Id",
    "in": "header",
    "required": False,
    "description": "Your own id of the request, echoed if it is 1 to 128 visible ASCII "
    "characters; anything else is replaced.",
    "schema": {"type": "string"},
    "example": "checkout-7f3a",
}
PARAMETERS = {one["name"]: one for one in (IDEMPOTENCY_KEY, MIN_POSITION, REQUEST_ID)}
"""The headers of requests."""

HEADERS: dict[str, dict[str, Any]] = {
    "X-Request-Id": {
        "description": "The request's own X-Request-Id, or a new one.",
        "schema": {"type": "string", "pattern": VISIBLE_ASCII, "minLength": 1, "maxLength": 128},
        "required": True,
    },
    "X-Log-Position": {
        "description": "On a write: the position of the last entry that the request wrote, or, "
        "if there was nothing to write, of the last that it saw.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "X-Idempotency-Replay": {
        "description": "On a repeat: the first reply is given again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WWW-Authenticate": {
        "description": "In which header a key is to be shown.",
        "schema": {"type": "string"},
        "required": True,
    },
    "Retry-After": {
        "description": "In so many seconds the same request may be sent again.",
        "schema": {"type": "integer", "minimum": 1},
        "required": True,
    },
}
"""The headers of replies."""


def shared(kind: str, name: str) -> dict[str, str]:
    """A pointer to what the document says once."""
    return {"$ref": f"#/components/{kind}/{name}"}


def lines_schema(line: type) -> dict[str, Any]:
    """The schema of a body of lines that no model of FastAPI's describes, as an array."""
    described = TypeAdapter(line).json_schema(ref_template="#/components/schemas/{model}")
    described.pop("$defs", None)
    return {"type": "array", "items": described}


IDEMPOTENT: dict[str, Any] = {"parameters": [shared("parameters", "Idempotency-Key")]}
"""What a route that takes an Idempotency-Key adds to the document."""

READ: dict[str, Any] = {"parameters": [shared("parameters", "X-Min-Position")]}
"""What a route that reads adds to the document."""

READ_AND_RECORDED: dict[str, Any] = {
    **READ,
    "responses": {"200": {"headers": {"X-Log-Position": shared("headers", "X-Log-Position")}}},
}
"""What a route that reads, and records what it made of it, adds to the document."""

ANY_ROUTE: Refusals = (refusals.InvalidField, refusals.UnknownField, refusals.InternalError)
LIMITED: Refusals = (refusals.RateLimited,)
WITH_KEY: Refusals = (
    refusals.Forbidden,
    refusals.PartnerSuspended,
    refusals.AgentSuspended,
    refusals.AncestorSuspended,
    refusals.Unavailable,
)
WITH_PATH: Refusals = (refusals.NotFound,)
WITH_BODY: Refusals = (
    refusals.InvalidJson,
    refusals.MissingField,
    refusals.PayloadTooLarge,
    refusals.UnsupportedMediaType,
)
WITHOUT_BODY: Refusals = (refusals.InvalidJson, refusals.PayloadTooLarge)
WITH_REPEATS: Refusals = (
    refusals.InvalidIdempotencyKey,
    refusals.IdempotencyInProgress,
    refusals.IdempotencyKeyReused,
)


OWN_REFUSALS: dict[Callable[..., Any], Refusals] = {}
"""What endpoints declared that they refuse with."""


class ErrorOut(TypedDict):
    """A refusal: a sentence for people, a stable code for programs."""

    error: Annotated[str, Field(examples=["Missing required field: actor.id"])]
    code: Annotated[str, Field(examples=["MISSING_FIELD"])]
    hint: NotRequired[
        Annotated[str, Field(examples=["Provide an org-scoped identifier for the actor"])]
    ]


class MapErrorDetail(TypedDict):
    """What was wrong, in which field if in one, as it was spelled, and where to read on."""

    type: Literal[
        "validation_error",
        "authentication_error",
        "permission_error",
        "not_found",
        "conflict",
        "rate_limited",
        "server_error",
    ]
    message: Annotated[str, Field(examples=["pricePerUnit must be > 0"])]
    field: NotRequired[Annotated[str, Field(examples=["pricePerUnit"])]]
    docs: Annotated[str, Field(examples=[f"{SERVER}/docs/errors#validation_error"])]


class MapErrorOut(TypedDict):
    """A refusal of the M.A.P. family. Its code is in the header Link."""

    error: MapErrorDetail


ERRORS: dict[Family, type] = {MIR: ErrorOut, MAP: MapErrorOut}
"""What the bodies of each family's refusals look like."""


def refuses(*own: type[Refusal]) -> Callable[[E], E]:
    """Declare what an endpoint itself may refuse with, beside what its route refuses with."""

    def declare(endpoint: E) -> E:
        OWN_REFUSALS[endpoint] = own
        return endpoint

    return declare


def responses(*may: type[Refusal], family: Family = MIR) -> dict[int | str, dict[str, Any]]:
    """Refusals as FastAPI's ``responses``: each status with its codes."""
    by_status: dict[int, dict[str, None]] = {}
    for refusal in may:
        by_status.setdefault(status_of(refusal, family), {})[refusal.code] = None
    return {
        status: {
            "model": ERRORS[family],
            "description": ", ".join(codes),
            "content": {
                "application/json": {
                    "examples": {
                        code: shared("examples", example_name(code, family)) for code in codes
                    }
                }
            },
        }
        for status, codes in sorted(by_status.items())
    }


def example_name(code: str, family: Family) -> str:
    """Under which name the document has a refusal's example, in the words of a family."""
    return code if family is MIR else f"{family.name}.{code}"


def example(refusal: type[Refusal], family: Family) -> dict[str, Any]:
    """A refusal's body, with the places for its facts left to see."""
    places = {name: f"{{{name}}}" for _, name, _, _ in Formatter().parse(_text(refusal)) if name}
    body: dict[str, Any] = msgspec.json.decode(family.body(refusal(**places), SERVER))
    return body


def _text(refusal: type[Refusal]) -> str:
    return refusal.sentence + (refusal.hint_text or "")


def finish(document: dict[str, Any]) -> dict[str, Any]:
    """Say once what many operations share, what they all have and where each leads; leave out what
    is never answered, and what says nothing.
    """
    components = document["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    components["schemas"] = _without_titles(components["schemas"])
    components["parameters"] = PARAMETERS
    components["headers"] = HEADERS
    components["examples"] = {
        example_name(one.code, family): {"value": example(one, family)}
        for family in ERRORS
        for one in every_refusal()
    }
    operations = {}
    for method, operation in _operations(document):
        operations[operation["operationId"]] = operation
        _finish_security(operation)
        _finish_parameters(operation)
        _finish_replies(method, operation)
    for name, links in NEXT_STEPS.items():
        for reply in _taken(operations[name]).values():
            reply["links"] = {link["operationId"]: link for link in links}
    return document


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for operations in document["paths"].values():
        yield from operations.items()


def _finish_security(operation: dict[str, Any]) -> None:
    """An agent of a marketplace shows its developer's uid beside its own."""
    for shown in operation.get("security", ()):
        if "AgentUid" in shown:
            shown["UserUid"] = []


def _finish_parameters(operation: dict[str, Any]) -> None:
    """An optional parameter is left out, never null; what it is for is said once."""
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if "schema" in parameter:
            schema = _without_titles(parameter["schema"])
            match [one for one in schema.pop("anyOf", []) if one != {"type": "null"}]:
                case [only]:
                    schema = {**only, **schema}
                case [_, *_] as several:
                    schema["anyOf"] = several
            if "description" in schema:
                parameter["description"] = schema.pop("description")
            parameter["schema"] = schema
    parameters.append(shared("parameters", "X-Request-Id"))


def _finish_replies(method: str, operation: dict[str, Any]) -> None:
    """FastAPI's own 422 is never answered; each reply has headers."""
    replies, parameters = operation["responses"], operation["parameters"]
    if "HTTPValidationError" in str(replies.get("422")):
        del replies["422"]
    for status, reply in replies.items():
        names = ["X-Request-Id", *reply.get("headers", ())]
        if status == "401":
            names.append("WWW-Authenticate")
        if status in ("429", "503"):
            names.append("Retry-After")
        if status in _taken(operation):
            if method != "get" and READ["parameters"][0] not in parameters:
                names.append("X-Log-Position")
            if IDEMPOTENT["parameters"][0] in parameters:
                names.append("X-Idempotency-Replay")
        reply["headers"] = {name: shared("headers", name) for name in names}


def _taken(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The replies to a request that was taken, by status."""
    return {status: reply for status, reply in operation["responses"].items() if status < "3"}


def _without_titles(schema: Any) -> Any:
    """A schema without the titles that are made of its own names."""
    match schema:
        case dict():
            return {
                name: value
                if name in ("default", "example", "examples")
                else _without_titles(value)
                for name, value in schema.items()
                if name != "title" or not isinstance(value, str)
            }
        case list():
            return [_without_titles(one) for one in schema]
    return schema
