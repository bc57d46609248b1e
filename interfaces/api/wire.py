"""The wire: the shapes of what comes in and goes out, in the contract's spelling.

What comes in is a pydantic model, because it must be checked. What goes out is a TypedDict,
because it is already right: mypy checks it here, the tests check it against the document.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from typing_extensions import TypedDict

from domain.instants import Instant, parse_instant
from domain.refusals import InvalidField, InvalidOccurredAt, MissingField, Refusal, UnknownField


class Wire(BaseModel):
    """A body in camelCase; nothing undocumented is taken, no type is bent."""

    bytes_at_most: ClassVar[int] = 64 * 1024

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        strict=True,
        frozen=True,
    )


class Query(BaseModel):
    """The parameters of a query string, in camelCase; text is read as what it should be."""

    model_config = ConfigDict(
        alias_generator=to_camel, validate_by_name=False, extra="forbid", frozen=True
    )


ExternalId = Annotated[
    str,
    Field(
        min_length=1,
        max_length=256,
        description="Your own identifier of the person or agent. Kept only as a keyed hash.",
        examples=["emp-12345"],
    ),
]


Moment = Annotated[
    str,
    Field(
        description="RFC 3339 time in UTC with milliseconds.",
        examples=["2026-11-22T08:00:00.123Z"],
    ),
]


OccurredAt = Annotated[
    str | None,
    Field(
        description="RFC 3339 time with a zone; absent: the time of recording.",
        examples=["2026-11-22T08:00:00Z"],
    ),
]


def occurred_at_of(text: str | None) -> Instant | None:
    """A reported time as an instant. Raises InvalidOccurredAt."""
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise InvalidOccurredAt(reason=str(error)) from error


class Actor(Wire):
    """Who acts: a person or a service, under the identifier that your events use."""

    type: Literal["human", "service"]
    id: ExternalId


class AsOf(Query):
    """The state of the log that an answer is wanted from."""

    as_of: str | None = Field(
        None,
        description="A position of the log, or an RFC 3339 time: answer as the log stood then.",
    )


class PageOfList(Query):
    """Which page of a list."""

    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(
        None, max_length=200, description="pagination.cursor of the page before."
    )

    def moment(self, name: str) -> Instant | None:
        """A time among the parameters, as an instant. Raises InvalidField."""
        text: str | None = getattr(self, name)
        try:
            return None if text is None else parse_instant(text)
        except ValueError as error:
            raise InvalidField(field=name, reason=str(error)) from error


class Pagination(TypedDict):
    """How to go on: pass ``cursor`` to get the next page."""

    cursor: str | None
    hasMore: bool


def refusal_of(error: ValidationError) -> Refusal:
    """The first fault of a body or a query, in the words of the catalogue."""
    fault = error.errors(include_url=False, include_input=False)[0]
    first, rest = fault["loc"][:1], fault["loc"][1:]
    where = ".".join(str(part) for part in (*first, *rest) if part not in BRANCHES) or "body"
    match fault["type"]:
        case "missing":
            return MissingField(field=where, help=HELP.get(where, f"Give {where}."))
        case "extra_forbidden":
            return UnknownField(field=where)
        case "model_type" | "model_attributes_type" | "dict_type":
            return InvalidField(field=where, reason="a JSON object is wanted")
    reason = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return InvalidField(field=where, reason=reason[:1].lower() + reason[1:])


HELP: dict[str, str] = {
    "actor.id": "Provide an org-scoped identifier for the actor",
    "userExternalId": "Provide your own identifier of the person or agent",
    "eventType": "GET /v1/event-types lists them",
    "action": "GET /v1/policy/actions lists them",
}

BRANCHES = ("int", "float", "constrained-int", "constrained-float")
"""Parts of a fault's place that name a branch of a union, not a member."""
