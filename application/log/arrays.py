"""Arrays: columns of rows in PostgreSQL's binary form, to be unnested.

A batch hands over its rows by columns. As JSON each value would be parsed again and again, which
took half of a write's time in the database.
"""

from collections.abc import Sequence
from struct import Struct

JSON, BYTES, BIGINT, TEXT = 114, 17, 20, 25
"""What an array is of, as PostgreSQL numbers its types."""

_head = Struct("!iiIii").pack
_length = Struct("!i").pack
_integer = Struct("!iq").pack
_NULL = _length(-1)


class Binary(bytes):
    """A parameter in PostgreSQL's binary form."""

    __slots__ = ()


def array(element: int, values: Sequence[bytes | None]) -> Binary:
    """An array of values that are in binary form themselves; None is null."""
    parts = [_head(1, 1, element, len(values), 1)]
    for value in values:
        if value is None:
            parts.append(_NULL)
        else:
            parts += (_length(len(value)), value)
    return Binary(b"".join(parts))


def texts(values: Sequence[str | None]) -> Binary:
    """An array of text."""
    return array(TEXT, [None if value is None else value.encode() for value in values])


def documents(values: Sequence[bytes]) -> Binary:
    """An array of JSON, each stored byte for byte as it is given."""
    return array(JSON, values)


def digests(values: Sequence[str | None]) -> Binary:
    """An array of bytes that are given as hexadecimal digits."""
    return array(BYTES, [None if value is None else bytes.fromhex(value) for value in values])


def integers(values: Sequence[int]) -> Binary:
    """An array of integers."""
    parts = [_head(1, 0, BIGINT, len(values), 1)]
    parts += [_integer(8, value) for value in values]
    return Binary(b"".join(parts))
