"""Schemas: declared once, and bounded."""

from typing import Any

import pytest

from domain.refusals import InvalidSchema
from domain.schemas import DIALECT, PARTS_AT_MOST, check_schema

LEADS = {
    "$defs": {"lead": {"type": "object", "required": ["phone"]}},
    "type": "array",
    "items": {"$ref": "#/$defs/lead"},
}


def doubling(levels: int) -> dict[str, Any]:
    """A small schema that is large once its references are followed."""
    steps: dict[str, Any] = {
        f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}, {"$ref": f"#/$defs/s{n + 1}"}]}
        for n in range(levels)
    }
    return {"$defs": steps | {f"s{levels}": {"type": "string"}}, "$ref": "#/$defs/s0"}


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        LEADS,
        {"$schema": DIALECT},
        {"pattern": "^(a+)+$", "uniqueItems": True, "format": "email"},
        {"properties": {"pattern": {"type": "string"}, "$id": {"type": "string"}}},
    ],
)
def test_an_ordinary_schema_is_taken(schema: dict[str, Any] | None) -> None:
    check_schema(schema, "input_schema")


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "nonsense"},
        {"pattern": "("},
        {"$schema": "http://json-schema.org/draft-07/schema#"},
        {"$schema": 7},
        {"$id": "https://example.com/mine"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#/properties/a"},
        {"$ref": "#/$defs/missing"},
        {"$defs": ["a"], "$ref": "#/$defs/a"},
        {"$defs": {"a": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
        {"$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}, "$ref": "#/$defs/a"},
        doubling(20),
        {"enum": ["x" * 17_000]},
        {"anyOf": [{}] * (PARTS_AT_MOST + 1)},
        nested(900),
    ],
    ids=str,
)
def test_what_cannot_be_checked_within_bounds_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidSchema) as refused:
        check_schema(schema, "input_schema")

    assert refused.value.facts["field"] == "input_schema"
