"""Backoff: when to try again to send what did not arrive, and when to give it up."""

from datetime import datetime, timedelta

FIRST_SECONDS = 5
TIMES = 3
SECONDS_AT_MOST = 8 * 3600
DAYS = 3
JITTER = 0.2


def next_try(begun_at: datetime, tries: int, tried_at: datetime, chance: float) -> datetime | None:
    """When to try again after so many tries in vain, the last at a time; None: give it up.

    It waits three times as long each time, from 5 seconds to 8 hours and up to a fifth more, as
    ``chance`` between 0 and 1 has it, so that not all come back at once. The last try is 3 days
    after ``begun_at``.
    """
    ends_at = begun_at + timedelta(days=DAYS)
    if tried_at >= ends_at:
        return None
    seconds = min(FIRST_SECONDS * TIMES ** min(tries - 1, 10), SECONDS_AT_MOST)
    return min(tried_at + timedelta(seconds=seconds * (1 + JITTER * chance)), ends_at)
