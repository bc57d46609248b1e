"""What Schemathesis cannot know of this API by itself."""

import os
from typing import Any

import schemathesis

OWN_KEY_ID = os.environ.get("FUZZ_KEY_ID")
"""The key that it speaks with."""


@schemathesis.serializer("application/x-ndjson")
def lines(context: schemathesis.SerializationContext, value: object) -> bytes:
    """A body of lines: the text itself."""
    return str(value).encode()


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Delete any key but its own: what came after that would be 401 and prove nothing."""
    if OWN_KEY_ID is not None and case.path_parameters.get("key_id") == OWN_KEY_ID:
        case.path_parameters["key_id"] = "another"
