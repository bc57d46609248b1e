"""The wire: the shapes of what comes in and goes out, in the contract's spelling.

What comes in is a pydantic model, because it must be checked. What goes out is a TypedDict,
because it is already right: mypy checks it here, the tests check it against the document.

The document says more than the models check (``json_schema_extra``) where the domain refuses in
words of its own, with a code and a hint that pydantic could not give. A type with a name is
described once, and referred to.
"""

from itertools import takewhile
from typing import Annotated, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails
from typing_extensions import TypeAliasType, TypedDict

from domain.action import NAME, NAME_LENGTH_AT_MOST
from domain.instants import Instant, parse_instant
from domain.refusals import (
    InvalidField,
    InvalidOccurredAt,
    MissingField,
    Refusal,
    UnknownField,
)


class ComesIn(BaseModel):
    """What is checked before it is taken."""

    against_a_rule: ClassVar[type[Refusal]] = InvalidField
    """How a value is refused that has the right type and is none that is taken."""


class Wire(ComesIn):
    """A body in camelCase; nothing undocumented is taken, no type is bent."""

    bytes_at_most: ClassVar[int] = 64 * 1024

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        strict=True,
        frozen=True,
    )


class Query(ComesIn):
    """The parameters of a query string, in camelCase; text is read as what it should be."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
"""An id. What is no UUID is not found, like one that nothing has."""


def described_as(name: str) -> WithJsonSchema:
    """What the document says of an item that is checked later, alone: what it says of a model."""
    return WithJsonSchema({"$ref": f"#/components/schemas/{name}"})


def _whole(value: object) -> object:
    # To JSON, 3.0 is the integer 3.
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""For an int of a body, where JSON may spell it with a point."""


def _digits(value: object) -> object:
    # Pydantic would take 1_0, 1.0 and " 5" as well.
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("a whole number is wanted")
    return value


FORMS: dict[str, str] = {}
"""What a pattern says, in words, by the pattern."""


def form(pattern: str, words: str) -> str:
    """A pattern for a text, and the words in which one of another form is refused."""
    FORMS[pattern] = words
    return pattern


ExternalId = TypeAliasType(
    "ExternalId",
    Annotated[
        str,
        Field(
            min_length=1,
            max_length=256,
            description="Your own identifier of the person or agent. Kept only as a keyed hash.",
            examples=["emp-12345"],
        ),
    ],
)


ActionName = TypeAliasType(
    "ActionName",
    Annotated[
        str,
        Field(
            description="One of GET /v1/policy/actions.",
            examples=["data.export_pii"],
            json_schema_extra={"pattern": f"^{NAME.pattern}$", "maxLength": NAME_LENGTH_AT_MOST},
        ),
    ],
)


Moment = TypeAliasType(
    "Moment",
    Annotated[
        str,
        Field(
            description="RFC 3339 time in UTC with milliseconds.",
            examples=["2026-11-22T08:00:00.123Z"],
            json_schema_extra={"format": "date-time", "pattern": r"\.[0-9]{3}Z$"},
        ),
    ],
)


Time = TypeAliasType(
    "Time",
    Annotated[
        str,
        Field(
            description="RFC 3339 time with a zone.",
            examples=["2026-11-22T08:00:00Z"],
            json_schema_extra={"format": "date-time"},
        ),
    ],
)


OccurredAt = Annotated[Time | None, Field(description="Absent: the time of recording.")]


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


PositionOrTime = TypeAliasType(
    "PositionOrTime",
    Annotated[
        str,
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string", "pattern": "^[0-9]{1,18}$"},
                    {"type": "string", "format": "date-time"},
                ],
                "description": "A position of the log, or an RFC 3339 time with a zone.",
                "examples": ["42", "2026-11-22T08:00:00Z"],
            }
        ),
    ],
)


class AsOf(Query):
    """The state of the log that an answer is wanted from."""

    as_of: PositionOrTime | None = Field(
        None,
        description="Answer as the log stood then: at a position, or at a time.",
        examples=["42"],
    )


DigitsOnly = Annotated[int, BeforeValidator(_digits)]
HowMany = Annotated[int, Field(ge=1, le=10**18 - 1), BeforeValidator(_digits)]
"""A number of things, where none may be said: what bounds it must come before it is read."""


class PageOfList(Query):
    """Which page of a list."""

    limit: DigitsOnly = Field(50, ge=1, le=200, description="How many at most.")
    cursor: str | None = Field(
        None,
        max_length=200,
        description="pagination.cursor of the page before.",
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]+$"},
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


M = TypeVar("M", bound=ComesIn)


def checked(model: type[M], given: object) -> M:
    """What came in, as a model. Raises the refusal of its first fault."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise refusal_of(error, model.against_a_rule) from None


def refusal_of(error: ValidationError, against_a_rule: type[Refusal] = InvalidField) -> Refusal:
    """The first fault of a body or a query, in the words of the catalogue."""
    faults = error.errors(include_url=False)
    where = _place(faults[0])
    # Of a union the last branch takes the most, so its fault is the one to mend.
    *_, fault = takewhile(lambda fault: _place(fault) == where, faults)
    match fault["type"]:
        case "missing":
            return MissingField(field=where, help=HELP.get(where, f"Give {where}."))
        case "extra_forbidden":
            return UnknownField(field=where)
        case "model_type" | "model_attributes_type" | "dict_type":
            return InvalidField(field=where, reason="a JSON object is wanted")
        case "string_pattern_mismatch" if fault["ctx"]["pattern"] in FORMS:
            return against_a_rule(field=where, reason=FORMS[fault["ctx"]["pattern"]])
    reason = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    reason = reason.partition(" after validation")[0]
    kind = InvalidField if _is_of_type(fault) else against_a_rule
    return kind(field=where, reason=reason[:1].lower() + reason[1:])


def _is_of_type(fault: ErrorDetails) -> bool:
    """Whether a fault is one of type, and not of a value that has the right one."""
    if fault["type"] == "literal_error":
        return not isinstance(fault["input"], str)
    return fault["type"].endswith(("_type", "_parsing")) or fault["type"] == "int_from_float"


def _place(fault: ErrorDetails) -> str:
    parts = (str(part) or '""' for part in fault["loc"] if part not in BRANCHES)
    return ".".join(parts) or "body"


HELP: dict[str, str] = {
    "actor.id": "Provide an org-scoped identifier for the actor",
    "userExternalId": "Provide your own identifier of the person or agent",
    "eventType": "GET /v1/event-types lists them",
    "action": "GET /v1/policy/actions lists them",
    "eta": "Say in how many whole seconds the work will be done",
    "price_per_unit": "Give a decimal number, such as 1.25",
    "delivery_data": "Give what you deliver: text, or any JSON",
    "inputs": "Give what is to be worked on: text, or any JSON",
}

BRANCHES = ("int", "float", "constrained-int", "constrained-float", "[key]")
"""Parts of a fault's place that name a branch of a union, or that a name is meant, no member."""
