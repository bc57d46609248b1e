"""Which recorded decisions would flip, were an action another?"""

from itertools import product
from pathlib import Path
from typing import get_args

import msgspec

from domain.action import Action
from domain.claim import ClaimStatus
from domain.policy import Decision, judge
from domain.ports import Fetch
from domain.standing import TIERS

STATEMENT = Path(__file__).with_name("dry_run.sql").read_bytes()
EVERY_TIER = (0, *(tier for tier, *_ in TIERS))


class Flip(msgspec.Struct, frozen=True):
    """A decision as it was recorded, and what it would have been."""

    id: str
    recorded: Decision
    would_be: Decision


class DryRun(msgspec.Struct, frozen=True):
    """How many decisions were judged again, how many would flip, and the newest of these."""

    checked: int
    flipped: int
    flips: list[Flip]


_flips = msgspec.json.Decoder(list[Flip])


async def dry_run(fetch: Fetch, tenant: str, action: Action) -> DryRun:
    """Judge the tenant's last 10,000 decisions on an action again, as if this were its row.

    The tier and the claim status are those that each decision saw. Lists 1,000 flips at most.
    """
    verdicts = [
        {
            "tier": tier,
            "claim_status": claim_status,
            "decision": judge(action, tier, claim_status).decision,
        }
        for tier, claim_status in product(EVERY_TIER, get_args(ClaimStatus))
    ]
    ((checked, flipped, flips),) = await fetch(
        STATEMENT,
        {
            "tenant": tenant,
            "action": action.name,
            "verdicts": msgspec.json.encode(verdicts).decode(),
        },
    )
    return DryRun(checked, flipped, _flips.decode(flips))
