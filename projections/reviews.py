"""Which work awaits an evaluation, for how long, and who is judging it?"""

from pathlib import Path

import msgspec

from domain.evaluation import ESCALATED_AFTER_HOURS
from domain.instants import Instant, shifted
from domain.job import JOB, Job
from domain.ports import Fetch
from domain.refusals import InvalidCursor
from projections.cursors import read_cursor, write_cursor

QUEUE = Path(__file__).with_name("reviews.sql").read_bytes()


class Review(msgspec.Struct, frozen=True):
    """Work that awaits an evaluation. ``reviewer_id`` is who is judging it now, if anybody."""

    job: Job
    awaiting_since: Instant
    is_escalated: bool
    reviewer_id: str | None
    review_until: Instant | None


class ReviewsPage(msgspec.Struct, frozen=True):
    """Some of the queue, and the cursor to the newer work, None on the last page."""

    reviews: list[Review]
    cursor: str | None


async def review_queue(
    fetch: Fetch,
    tenant: str,
    supervisor_id: str,
    now: Instant,
    *,
    escalated_after_hours: int = ESCALATED_AFTER_HOURS,
    cursor: str | None = None,
    limit: int = 50,
) -> ReviewsPage:
    """One page of the queue, the oldest work first; it is escalated when it has waited for so long.

    Raises InvalidCursor.
    """
    since, number = ("", "0") if cursor is None else read_cursor(cursor, parts=2)
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise InvalidCursor
    rows = await fetch(
        QUEUE,
        {
            "tenant": tenant,
            "supervisor_id": supervisor_id,
            "since": since,
            "number": number,
            "limit": str(limit + 1),
        },
    )
    reviews = [_review(JOB.decode(row), now, escalated_after_hours) for (row,) in rows[:limit]]
    if len(rows) <= limit:
        return ReviewsPage(reviews, None)
    last = reviews[-1]
    return ReviewsPage(reviews, write_cursor(last.awaiting_since, str(last.job.number)))


def _review(job: Job, now: Instant, hours: int) -> Review:
    since = job.awaiting_since or now
    is_taken = job.review_until is not None and job.review_until > now
    return Review(
        job=job,
        awaiting_since=since,
        is_escalated=since <= shifted(now, minutes=-60 * hours),
        reviewer_id=job.reviewer_id if is_taken else None,
        review_until=job.review_until if is_taken else None,
    )
