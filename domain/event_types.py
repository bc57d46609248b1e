"""The catalogue of participation: every ``category.action`` that partners may report."""

from domain.refusals import InvalidEventType

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


def check_event_type(kind: str) -> None:
    """Hold a type against the catalogue. Raises InvalidEventType."""
    if kind not in EVENT_TYPES:
        raise InvalidEventType(event_type=kind, nearest=Nearest(kind))


class Nearest:
    """The known types most like a mistyped one, looked for only if somebody reads them: it takes
    twenty times as long as a refusal, and refusals are made under the log's lock.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __format__(self, form: str) -> str:
        return format(", ".join(nearest_event_types(self._text)), form)


LETTERS_COMPARED_AT_MOST = 64


def _pairs(text: str) -> frozenset[str]:
    return frozenset(text[at : at + 2] for at in range(len(text) - 1))


_PAIRS = {kind: _pairs(kind) for kind in sorted(EVENT_TYPES)}


def nearest_event_types(text: str) -> tuple[str, ...]:
    """The three known types most like a mistyped one, best first: by the pairs of letters that
    they share (Dice's coefficient), which a thousand items of a batch can afford.
    """
    typed = _pairs(text[:LETTERS_COMPARED_AT_MOST].lower())

    def likeness(kind: str) -> float:
        pairs = _PAIRS[kind]
        return len(typed & pairs) / (len(typed) + len(pairs))

    return tuple(sorted(_PAIRS, key=likeness, reverse=True)[:3])
