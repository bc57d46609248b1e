"""The rules of sections 5 to 7 of the contract, as tables: tiers, claims and the policy."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Body = dict[str, Any]

TIERS = ((3, 200, 90, 3), (2, 50, 30, 2), (1, 10, 14, 1))
"""Tier, events at least, whole days of history at least, qualified partners at least."""

ACTIVE = ("OPEN", "CONTESTED", "UPHELD")
MOVES = {
    "contest": ("CONTESTED", ("OPEN",)),
    "uphold": ("UPHELD", ("CONTESTED",)),
    "dismiss": ("DISMISSED", ("CONTESTED",)),
    "withdraw": ("WITHDRAWN", ACTIVE),
}
"""Where each move takes a claim, and from where."""

ACTIONS: dict[str, Body] = {
    name: {"action": name, "requiredTier": tier, "risk": risk, "limits": limits}
    for name, tier, risk, limits in (
        ("checkout.complete", 0, "LOW", None),
        ("message.send_bulk", 1, "MEDIUM", {"maxRecipients": 50}),
        ("data.export_pii", 2, "HIGH", None),
        ("infra.deploy_production", 3, "CRITICAL", None),
    )
}
"""Of the actions that every tenant begins with, one of each risk."""

STRICTNESS = ("ALLOW", "STEP_UP", "LIMIT", "DENY")
RISKS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
FROM_CLAIMS = {
    "clean": dict.fromkeys(RISKS, "ALLOW"),
    "flagged": dict(zip(RISKS, ("ALLOW", "STEP_UP", "DENY", "DENY"), strict=True)),
    "contested": dict(zip(RISKS, ("ALLOW", "STEP_UP", "STEP_UP", "DENY"), strict=True)),
}
SUMMARIES = {"clean": "NONE_RECORDED", "flagged": "FLAGGED", "contested": "CONTESTED"}


def judge(action: Body, tier: int, claims: str) -> tuple[str, list[str]]:
    """The stricter of what the tier and what the claims ask for, and why, what decided first."""
    risk = action["risk"]
    match action["requiredTier"] - tier:
        case missing if missing <= 0:
            from_tier, why = "ALLOW", "TIER_MET"
        case 1:
            from_tier, why = "LIMIT" if risk in {"LOW", "MEDIUM"} else "STEP_UP", "TIER_ONE_BELOW"
        case _:
            from_tier, why = "DENY", "TIER_FAR_BELOW"
    from_claims, why_claims = FROM_CLAIMS[claims][risk], f"CLAIM_{claims.upper()}"
    found = [(from_tier, why), (from_claims, why_claims)]
    telling = [one for one in found if one[0] != "ALLOW"] or found[:1]
    telling.sort(key=lambda one: STRICTNESS.index(one[0]), reverse=True)
    return telling[0][0], [reason for _, reason in telling]


def depth(histories: Iterable[list[Body]], *, together: bool) -> tuple[Body, int]:
    """The signals of some histories, one a partner, and the tier that they reach."""
    told = [events for events in histories if events]
    times = [moment(event["occurredAt"]) for events in told for event in events]
    qualified = sum(len(events) >= 10 for events in told)
    now = datetime.now(UTC)
    signals = {
        "eventCount": len(times),
        "effectiveEventCount": len(times),
        "backfilledCount": sum(event["backfill"] for events in told for event in events),
        "firstEventDaysAgo": max(0, (now - min(times)).days) if times else None,
        "lastEventDaysAgo": max(0, (now - max(times)).days) if times else None,
        "distinctPartners": len(told),
        "tierQualifiedPartnerCount": qualified,
    }
    for tier, events_at_least, days_at_least, partners_at_least in TIERS:
        enough = len(times) >= events_at_least and signals["firstEventDaysAgo"] >= days_at_least
        if enough and (not together or qualified >= partners_at_least):
            return signals, tier
    return signals, 0


def status_of(claims: Iterable[str]) -> str:
    """Clean without an active claim, contested when all active ones are, else flagged."""
    active = {status for status in claims if status in ACTIVE}
    if not active:
        return "clean"
    return "contested" if active == {"CONTESTED"} else "flagged"


def moment(instant: str) -> datetime:
    """The moment that an instant names."""
    return datetime.fromisoformat(instant)
