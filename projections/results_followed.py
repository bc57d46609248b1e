"""What is handed in on a job, and what becomes of it, in the order in which it happens?"""

from pathlib import Path
from typing import Any

import msgspec

from domain.events import Entry, decode
from domain.instants import Instant
from domain.job import Ended, ItemDelivered, ItemJudged, ItemReversed, Viewer
from domain.ports import Fetch
from domain.work import ItemStatus
from projections.jobs import seen_in

FOLLOWED = Path(__file__).with_suffix(".sql").read_bytes()
AT_ONCE = 8
"""So many entries are read at once: each may come with a large result."""


class Happened(msgspec.Struct, frozen=True):
    """What happened to an item. What was handed in comes with it when it is handed in, and is None
    once it is erased.
    """

    position: int
    at: Instant
    item_ref: str
    status: ItemStatus
    delivery_id: str | None = None
    evaluation_id: str | None = None
    outcome: str | None = None
    data: Any = None


class Step(msgspec.Struct, frozen=True):
    """Some of what happened, up to a version of the job's stream; whether there is no more."""

    happened: list[Happened]
    version: int
    is_last: bool


async def followed(fetch: Fetch, tenant: str, viewer: Viewer, job_id: int, after: int) -> Step:
    """What happened next to the items of a job. Raises NotFound."""
    rows = await fetch(
        FOLLOWED,
        {"tenant": tenant, "job_id": str(job_id), "after": str(after), "limit": str(AT_ONCE)},
    )
    job = seen_in(rows, viewer)
    entries = [
        (version, position, decode(document), content)
        for _, version, position, document, content in rows
        if version is not None
    ]
    found = [_happened(position, entry, content) for _, position, entry, content in entries]
    has_ended = any(isinstance(entry.data, Ended) for _, _, entry, _ in entries)
    is_over = job.ended_at is not None and not entries
    version = entries[-1][0] if entries else after
    return Step([one for one in found if one is not None], version, has_ended or is_over)


def _happened(position: int, entry: Entry, content: str | None) -> Happened | None:
    written = {} if content is None else msgspec.json.decode(content)
    match entry.data:
        case ItemDelivered(item_ref=item_ref, delivery_id=delivery_id):
            return Happened(
                position,
                entry.recorded_at,
                item_ref,
                "DELIVERED",
                delivery_id=delivery_id,
                outcome=written.get("outcome"),
                data=written.get("data"),
            )
        case ItemJudged(item_ref=item_ref, decision=decision, evaluation_id=evaluation_id):
            status: ItemStatus = "APPROVED" if decision == "approve" else "REJECTED"
            return Happened(
                position, entry.recorded_at, item_ref, status, evaluation_id=evaluation_id
            )
        case ItemReversed(item_ref=item_ref, decision=decision):
            back: ItemStatus = "REVERSED" if decision == "approve" else "DELIVERED"
            return Happened(position, entry.recorded_at, item_ref, back)
    return None
