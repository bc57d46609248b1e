"""Which recorded decisions would flip, were an action another?"""

from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import get_args

import msgspec

from domain.action import Action
from domain.claim import ClaimStatus
from domain.instants import Instant
from domain.policy import NOT_IN_FORCE, Decision, Reason, judge
from domain.ports import Fetch
from domain.standing import TIERS

STATEMENT = Path(__file__).with_name("dry_run.sql").read_bytes()
EVERY_TIER = (0, *(tier for tier, *_ in TIERS))
LATEST = 10_000
SHOWN = 1_000
END = 2**62


class Judged(msgspec.Struct, frozen=True):
    """A decision and why, the deciding reason first."""

    decision: Decision
    reasons: tuple[Reason, ...]


class Flip(msgspec.Struct, frozen=True):
    """A decision as it was recorded, and what it would have been."""

    id: str
    decided_at: Instant
    recorded: Judged
    would_be: Judged


class DryRun(msgspec.Struct, frozen=True):
    """How many decisions were judged again, how many would flip, and the newest of these."""

    checked: int
    flipped: int
    flips: list[Flip]


_flips = msgspec.json.Decoder(list[Flip])


async def dry_run(fetch: Fetch, tenant: str, action: Action) -> DryRun:
    """Judge the tenant's last 10,000 decisions on an action again, as if this were its row.

    The tier and the claim status are those that each decision saw; an agent that was not in force
    stays denied. Lists 1,000 flips at most.
    """
    run, _ = await _slice(fetch, tenant, action, at_most=LATEST, shown=SHOWN)
    return run


async def dry_runs(
    fetch: Fetch,
    tenant: str,
    action: Action,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    at_a_time: int = LATEST,
) -> AsyncIterator[DryRun]:
    """The same for all decisions of a period, slice by slice, the newest first, with every flip.

    ``since`` and ``until`` are times of recording, both included.
    """
    before: int | None = END
    while before is not None:
        run, before = await _slice(
            fetch,
            tenant,
            action,
            at_most=at_a_time,
            shown=at_a_time,
            before=before,
            since=since,
            until=until,
        )
        yield run


async def _slice(
    fetch: Fetch,
    tenant: str,
    action: Action,
    *,
    at_most: int,
    shown: int,
    before: int = END,
    since: Instant | None = None,
    until: Instant | None = None,
) -> tuple[DryRun, int | None]:
    """So many decisions before a position, and the position before which there are more."""
    verdicts = [
        {
            "tier": tier,
            "claim_status": claim_status,
            "decision": verdict.decision,
            "reasons": verdict.reasons,
        }
        for tier, claim_status in product(EVERY_TIER, get_args(ClaimStatus))
        for verdict in [judge(action, tier, claim_status)]
    ]
    ((checked, last, flipped, flips),) = await fetch(
        STATEMENT,
        {
            "tenant": tenant,
            "action": action.name,
            "verdicts": msgspec.json.encode(verdicts).decode(),
            "standing": msgspec.json.encode(list(NOT_IN_FORCE.values())).decode(),
            "before": str(before),
            "since": since,
            "until": until,
            "limit": str(at_most),
            "shown": str(shown),
        },
    )
    return DryRun(checked, flipped, _flips.decode(flips)), last if checked == at_most else None
