"""The wire of the M.A.P. family: snake_case, and what the seed spells otherwise taken beside it."""

import re
from typing import Annotated, Any, ClassVar

import iso4217
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasGenerator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from domain.documents import LIMIT_BYTES
from domain.listing import SECONDS_AT_MOST
from domain.money import PRICE_AT_MOST
from domain.refusals import InvalidValue, NotFound, Refusal
from interfaces.api.wire import WHOLE, PageOfList, Pagination, Query, Wire, form

SYNONYMS: dict[str, tuple[str, ...]] = {
    "price_per_unit": ("pricePerUnit", "pricePerLead"),
    "job_id": ("jobId",),
}
"""How the seed's diagrams and errors spell what is spelled otherwise here."""


def _spellings(name: str) -> str | AliasChoices:
    return AliasChoices(name, *SYNONYMS[name]) if name in SYNONYMS else name


def _with_synonyms(schema: dict[str, Any]) -> None:
    """Say of a model that one of its fields may be spelled in several ways: an object for each."""
    for name in SYNONYMS.keys() & schema.get("properties", {}).keys():
        described, objects = schema.pop("description"), []
        for spelling in (name, *SYNONYMS[name]):
            members = {
                spelling if one == name else one: member
                for one, member in schema["properties"].items()
            }
            required = [spelling if one == name else one for one in schema["required"]]
            objects.append({**schema, "properties": members, "required": required})
        schema.clear()
        schema |= {"description": described, "oneOf": objects}


class MapWire(Wire):
    """A body of the M.A.P. family; nothing undocumented is taken, no type is bent."""

    against_a_rule: ClassVar[type[Refusal]] = InvalidValue

    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=_spellings, serialization_alias=str),
        json_schema_extra=_with_synonyms,
    )


class Documented(MapWire):
    """A body that holds a document, which may be larger than others."""

    bytes_at_most: ClassVar[int] = LIMIT_BYTES + 64 * 1024


class MapQuery(Query):
    """The parameters of a query string, in snake_case."""

    against_a_rule: ClassVar[type[Refusal]] = InvalidValue

    model_config = ConfigDict(alias_generator=None)


class MapPage(PageOfList):
    """Which page of a list, in snake_case."""

    against_a_rule: ClassVar[type[Refusal]] = InvalidValue

    model_config = ConfigDict(alias_generator=None)


def _decimal_text(value: object) -> object:
    """Decimal text of a number, which JSON may hold as such."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("decimal_type", "should be a decimal number, such as 1.25")
    if isinstance(value, float):
        return f"{value:.20f}".rstrip("0").rstrip(".") if "e" in repr(value) else repr(value)
    return str(value)


DECIMAL: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": r"^[0-9]{1,7}(\.[0-9]{1,6})?$"},
        {"type": "number", "minimum": 0, "maximum": PRICE_AT_MOST},
    ],
    "examples": ["1.25"],
}

Decimal = Annotated[str, BeforeValidator(_decimal_text), WithJsonSchema(DECIMAL)]
"""A number of money: decimal text, or a number. It is read by the domain."""


def as_it_was_spelled(field: str, document: object) -> str:
    """A field that a refusal names, as the request spelled it."""
    spelled, within = [], document
    for name in re.sub(r"\[(\d+)\]", r".\1", field).split("."):
        members = within if isinstance(within, dict) else {}
        sent = next((one for one in (name, *SYNONYMS.get(name, ())) if one in members), name)
        within = members.get(sent)
        spelled.append(sent)
    return ".".join(spelled)


JobId = TypeAliasType(
    "JobId", Annotated[int, WHOLE, Field(description="A job's number.", examples=[123])]
)
"""A job's number, in a body. One that no job has is not found."""

JobNumber = Annotated[str, Field(json_schema_extra={"type": "integer", "minimum": 1})]
"""A job's number, in a path."""


def page_out(cursor: str | None) -> Pagination:
    """How to go on after a page."""
    return Pagination(cursor=cursor, hasMore=cursor is not None)


def number_of(text: str) -> int:
    """The number of a job that a path names. Raises NotFound for what is no number."""
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise NotFound
    return int(text)


Capability = TypeAliasType(
    "Capability",
    Annotated[
        str,
        Field(
            description="What an agent can do, in a word that clients search for.",
            examples=["voice-outbound"],
            pattern=form(
                r"^[A-Za-z0-9][A-Za-z0-9 ._:-]{0,63}$",
                "must be 1 to 64 of A-Z a-z 0-9 space . _ : -",
            ),
        ),
    ],
)

Unit = Annotated[
    str,
    Field(
        description="What is counted and paid for.",
        examples=["lead"],
        json_schema_extra={"pattern": "^[A-Za-z0-9][A-Za-z0-9 ._:-]{0,31}$"},
    ),
]

Eta = Annotated[
    int,
    Field(
        ge=1,
        le=SECONDS_AT_MOST,
        description="In how many whole seconds the work will be done.",
        examples=[3600],
    ),
    WHOLE,
]

CURRENCIES = frozenset(one.code for one in iso4217.Currency if one.exponent is not None)


def _known_currency(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("must be a code of ISO 4217, of a currency that has minor units")
    return code


Currency = TypeAliasType(
    "Currency",
    Annotated[
        str,
        AfterValidator(_known_currency),
        Field(
            description="A code of ISO 4217.",
            examples=["USD"],
            json_schema_extra={"pattern": "^[A-Z]{3}$"},
        ),
    ],
)
