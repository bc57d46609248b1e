"""NDJSON for Schemathesis, which knows it not: the text is the body."""

import schemathesis


@schemathesis.serializer("application/x-ndjson")
def lines(context: schemathesis.SerializationContext, value: object) -> bytes:
    """A body of lines."""
    return str(value).encode()
