"""Which jobs does a member see, how do they stand, and what was handed in and written on them?"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import msgspec

from domain.job import JOB, Job, Status, Viewer
from domain.ports import Fetch
from domain.refusals import InvalidCursor, NotFound
from domain.work import COUNTER_OFFER, ITEM, CounterOffer, Item
from projections.cursors import read_cursor, write_cursor

_STATEMENTS = Path(__file__).parent
LIST = (_STATEMENTS / "jobs.sql").read_bytes()
ONE = (_STATEMENTS / "job.sql").read_bytes()
INPUTS = (_STATEMENTS / "job_inputs.sql").read_bytes()
RESULTS = (_STATEMENTS / "job_results.sql").read_bytes()
OFFERS = (_STATEMENTS / "job_offers.sql").read_bytes()
NEWEST = 2**62
OFFERS_AT_MOST = 200
BYTES_AT_MOST = 4 * 1024 * 1024
"""So much of what was handed in comes on one page, and what the last item adds."""


class ListedJob(msgspec.Struct, frozen=True):
    """A job in a list. ``title`` is None once it is erased."""

    job: Job
    title: str | None


class JobsPage(msgspec.Struct, frozen=True):
    """Some jobs, and the cursor to the older ones, None on the last page."""

    jobs: list[ListedJob]
    cursor: str | None


class SeenJob(msgspec.Struct, frozen=True):
    """A job with what was written on it: each None where nothing was, or it is erased."""

    job: Job
    title: str | None
    requirements: Any
    comments: str | None


class SeenItem(msgspec.Struct, frozen=True):
    """An item that was handed in, with its data, None once it is erased."""

    item_ref: str
    item: Item
    outcome: str | None
    data: Any


class ResultsPage(msgspec.Struct, frozen=True):
    """Some items of a job, and the cursor to the next, None on the last page."""

    job: Job
    items: list[SeenItem]
    cursor: str | None


async def list_jobs(
    fetch: Fetch,
    tenant: str,
    viewer: Viewer,
    *,
    status: Status | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> JobsPage:
    """One page of the jobs that a member sees, newest first, of one status if wanted.

    Raises InvalidCursor.
    """
    rows = await fetch(
        LIST,
        {
            "tenant": tenant,
            "member_id": viewer.member_id,
            "sees_all": str("supervisor" in viewer.roles).lower(),
            "sees_open": str("developer" in viewer.roles).lower(),
            "statuses": [status] if status else list(get_args(Status)),
            "before": str(NEWEST if cursor is None else number_of(cursor)),
            "limit": str(limit + 1),
        },
    )
    jobs = [ListedJob(JOB.decode(row), title) for row, title in rows[:limit]]
    return JobsPage(jobs, write_cursor(str(jobs[-1].job.number)) if len(rows) > limit else None)


async def show_job(fetch: Fetch, tenant: str, viewer: Viewer, job_id: int) -> SeenJob:
    """One job. Raises NotFound."""
    rows = await fetch(ONE, {"tenant": tenant, "job_id": str(job_id)})
    job = seen_in(rows, viewer)
    ((_, brief, comments),) = rows
    written = _written(brief) or {}
    return SeenJob(job, written.get("title"), written.get("requirements"), _written(comments))


async def inputs_of(fetch: Fetch, tenant: str, viewer: Viewer, job_id: int) -> Any:
    """What the client gave to work on. Raises NotFound, also while there is nothing."""
    rows = await fetch(INPUTS, {"tenant": tenant, "job_id": str(job_id)})
    seen_in(rows, viewer)
    ((_, inputs),) = rows
    if inputs is None:
        raise NotFound
    return _written(inputs)


async def results_of(
    fetch: Fetch,
    tenant: str,
    viewer: Viewer,
    job_id: int,
    *,
    cursor: str | None = None,
    limit: int = 50,
) -> ResultsPage:
    """One page of the items that were handed in, by their names; fewer where they are large.

    Raises NotFound, InvalidCursor.
    """
    (after,) = ("",) if cursor is None else read_cursor(cursor, parts=1)
    rows = await fetch(
        RESULTS,
        {
            "tenant": tenant,
            "job_id": str(job_id),
            "after": f"{job_id}/{after}",
            "limit": str(limit + 1),
            "bytes": str(BYTES_AT_MOST),
        },
    )
    job = seen_in(rows, viewer)
    found = [row for row in rows if row[1] is not None]
    page = [_item(key, row, content) for _, key, row, content, fits in found[:limit] if fits]
    more = len(found) > len(page)
    return ResultsPage(job, page, write_cursor(page[-1].item_ref) if more else None)


async def offers_of(
    fetch: Fetch, tenant: str, viewer: Viewer, job_id: int
) -> list[tuple[str, CounterOffer]]:
    """The counter-offers that a job's client may take, by id. Raises NotFound."""
    rows = await fetch(
        OFFERS, {"tenant": tenant, "job_id": str(job_id), "limit": str(OFFERS_AT_MOST)}
    )
    job = seen_in(rows, viewer)
    if job.client_id != viewer.member_id:
        raise NotFound
    return [(key, COUNTER_OFFER.decode(row)) for _, key, row in rows if key is not None]


def seen_in(rows: Sequence[Any], viewer: Viewer) -> Job:
    """The job that some rows begin with. Raises NotFound where there is none, or none to see."""
    if not rows:
        raise NotFound
    job = JOB.decode(rows[0][0])
    if not viewer.sees(job):
        raise NotFound
    return job


def number_of(cursor: str) -> int:
    """The number in a cursor. Raises InvalidCursor."""
    (number,) = read_cursor(cursor, parts=1)
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        raise InvalidCursor
    return int(number)


def _item(key: str, row: str, content: str | None) -> SeenItem:
    written = _written(content) or {}
    _, _, item_ref = key.partition("/")
    return SeenItem(item_ref, ITEM.decode(row), written.get("outcome"), written.get("data"))


def _written(content: str | None) -> Any:
    return None if content is None else msgspec.json.decode(content)
