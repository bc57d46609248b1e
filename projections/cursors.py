"""Cursors: a place in a list as an opaque text, which misses and repeats nothing under writes."""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from domain.refusals import InvalidCursor

_BETWEEN = "\t"


def write_cursor(*parts: str) -> str:
    """The cursor of a place."""
    return urlsafe_b64encode(_BETWEEN.join(parts).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *, parts: int) -> tuple[str, ...]:
    """The place that a cursor stands for. Raises InvalidCursor for one that was never written."""
    try:
        text = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)).decode("ascii")
    except ValueError as error:
        raise InvalidCursor from error
    place = tuple(text.split(_BETWEEN))
    if len(place) != parts or "\0" in text or write_cursor(*place) != cursor:
        raise InvalidCursor
    return place
