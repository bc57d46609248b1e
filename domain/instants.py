"""Instants: moments as RFC 3339 text in UTC, such as ``2026-11-22T08:00:00.123Z``.

One fixed width, so that text order is time order: the log, the folds and the replies all
compare, keep and show the same text. Only arithmetic turns it into a ``datetime``.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

Instant = str

WITH_SECONDS_OR_MILLISECONDS = 20, 24

_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


def instant(moment: datetime) -> Instant:
    """Show an aware moment as an instant, rounded down to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def instant_at(milliseconds: int) -> Instant:
    """The instant so many milliseconds after 1970 began, UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second_at(seconds)}.{rest:03}Z"


@lru_cache(maxsize=4)
def _second_at(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6]


def parse_instant(text: str) -> Instant:
    """Read RFC 3339 text with a zone. Raises ValueError when it is none, or no real moment."""
    if _RFC_3339.fullmatch(text) is None:
        raise ValueError("not an RFC 3339 time with a zone, such as 2026-11-22T08:00:00Z")
    try:
        moment = datetime.fromisoformat(text.upper())
        # Most that comes is an instant already, but for the milliseconds.
        if text[10] == "T" and text[-1] == "Z" and len(text) in WITH_SECONDS_OR_MILLISECONDS:
            return text if "." in text else f"{text[:-1]}.000Z"
        return instant(moment)
    except OverflowError as error:
        raise ValueError("out of range") from error


@lru_cache(maxsize=256)
def shifted(moment: Instant, *, days: int = 0, minutes: int = 0, seconds: int = 0) -> Instant:
    """The instant so many days, minutes and seconds later (earlier when negative)."""
    by = timedelta(days=days, minutes=minutes, seconds=seconds)
    return instant(datetime.fromisoformat(moment) + by)


def whole_days(since: Instant, until: Instant) -> int:
    """Whole days between two instants, never less than 0."""
    return max(0, (datetime.fromisoformat(until) - datetime.fromisoformat(since)).days)
