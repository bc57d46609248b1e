"""The catalogue of participation: every ``category.action`` that partners may report."""

from difflib import get_close_matches

ACTIONS_BY_CATEGORY: dict[str, tuple[str, ...]] = {
    "transaction": (
        "initiated",
        "completed",
        "fulfilled",
        "cancelled",
        "refunded",
        "disputed",
        "chargeback",
    ),
    "account": ("created", "updated", "verified", "suspended", "closed"),
    "review": ("submitted", "received"),
    "rating": ("received",),
    "message": ("sent", "received"),
    "response": ("provided",),
    "policy": ("warning", "violation"),
    "terms": ("violation",),
    "signal": ("positive", "negative"),
    "ai": ("task_completed", "task_failed", "tool_called", "output_reviewed"),
    "gig": ("accepted", "started", "completed", "cancelled"),
    "lending": ("applied", "approved", "repaid", "defaulted"),
    "social": ("post_created", "connection_made", "follow_received"),
}

EVENT_TYPES: frozenset[str] = frozenset(
    f"{category}.{action}"
    for category, actions in ACTIONS_BY_CATEGORY.items()
    for action in actions
)


class Nearest:
    """The known types most like a mistyped one, looked for only if somebody reads them: it takes a
    thousand times as long as a refusal, and refusals are made under the log's lock.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __format__(self, form: str) -> str:
        return format(", ".join(nearest_event_types(self._text)), form)


def nearest_event_types(text: str) -> tuple[str, ...]:
    """The known types most like a mistyped one, best first, at most three and at least one."""
    return tuple(get_close_matches(text[:64].lower(), sorted(EVENT_TYPES), n=3, cutoff=0.0))
