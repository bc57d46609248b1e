"""Schemas: what an agent says its inputs and outputs look like, in JSON Schema.

A schema is checked when it is published, and bounded: no reference leaves it, and none goes in
circles. What is held against it later is checked where that can be stopped
(``application/schemas.py``).
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from domain.refusals import InvalidSchema

SCHEMA_BYTES_AT_MOST = 16 * 1024
PARTS_AT_MOST = 1_000
"""So many parts a schema has at most, each reference counted with all that it leads to."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
REFUSED = ("$dynamicRef", "$id")
_DEFINITIONS = "#/$defs/"


def check_schema(schema: Mapping[str, Any] | None, field: str) -> None:
    """Hold a declared schema against what can be checked. Raises InvalidSchema."""
    if schema is None:
        return
    if len(msgspec.json.encode(schema)) > SCHEMA_BYTES_AT_MOST:
        raise InvalidSchema(field=field, reason=f"more than {SCHEMA_BYTES_AT_MOST} bytes")
    if schema.get("$schema", DIALECT) != DIALECT:
        raise InvalidSchema(field=field, reason=f"$schema must be {DIALECT}")
    try:
        definitions = schema.get("$defs", {})
        _parts(schema, definitions if isinstance(definitions, Mapping) else {}, ())
        Draft202012Validator.check_schema(schema)
    except _TooMuch as error:
        raise InvalidSchema(field=field, reason=str(error)) from error
    except (SchemaError, RecursionError) as error:
        reason = error.message if isinstance(error, SchemaError) else "nested too deeply"
        raise InvalidSchema(field=field, reason=reason[:200]) from error


class _TooMuch(ValueError):
    pass


def _parts(part: Any, definitions: Any, entered: tuple[str, ...]) -> int:
    """How many parts a schema has once each reference is followed. Raises _TooMuch."""
    count = 1
    if isinstance(part, Mapping):
        for name in REFUSED:
            if name in part and not isinstance(part[name], Mapping):
                raise _TooMuch(f"{name} is not taken")
        reference = part.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix(_DEFINITIONS)
            if not reference.startswith(_DEFINITIONS) or name not in definitions:
                raise _TooMuch("$ref must name one of its own $defs")
            if name in entered:
                raise _TooMuch("$ref goes in circles")
            count += _parts(definitions[name], definitions, (*entered, name))
        inner = [value for name, value in part.items() if name != "$defs"]
    elif isinstance(part, list):
        inner = part
    else:
        inner = []
    for value in inner:
        count += _parts(value, definitions, entered)
        if count > PARTS_AT_MOST:
            raise _TooMuch(f"more than {PARTS_AT_MOST} parts")
    return count
