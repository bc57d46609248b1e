"""What agents may do, and how that narrows from one to those below it: sections 9 and 10 of the
contract, as tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.model.rules import Body
from tests.model.specification import Refused

READER = frozenset({"agents:read", "events:read", "policy:read"})
REPORTER = READER | {"events:write"}
OPERATOR = REPORTER | {
    "agents:spawn",
    "claims:read",
    "claims:write",
    "jobs:work",
    "policy:evaluate",
}
PERMISSIONS = {
    "reader": READER,
    "reporter": REPORTER,
    "operator": OPERATOR,
    "admin": OPERATOR | {"entities:erase", "links:write", "log:read"},
}
"""What an agent may do by preset, the narrowest first."""

PRESETS = list(PERMISSIONS)


@dataclass(frozen=True)
class Rights:
    """What an agent may do, which events it may report, and how often it may ask; None is no
    bound.
    """

    preset: str
    types: tuple[str, ...] | None
    rate: int | None

    def changed(self, body: Body) -> "Rights":
        """The rights after a request that names some."""
        return Rights(
            body.get("preset") or self.preset,
            as_tuple(body["allowedEventTypes"]) if "allowedEventTypes" in body else self.types,
            body.get("rateLimitPerMinute", self.rate),
        )

    @property
    def shown(self) -> Body:
        """As replies show them."""
        return {
            "preset": self.preset,
            "allowedEventTypes": None if self.types is None else list(self.types),
            "rateLimitPerMinute": self.rate,
        }


def as_tuple(types: list[str] | None) -> tuple[str, ...] | None:
    """The event types of a request."""
    return None if types is None else tuple(types)


def meet(line: Sequence[Rights]) -> Rights:
    """What each of a line may."""
    bounds = [set(rights.types) for rights in line if rights.types is not None]
    types = tuple(sorted(set.intersection(*bounds))) if bounds else None
    rates = [rights.rate for rights in line if rights.rate is not None]
    preset = min((rights.preset for rights in line), key=PRESETS.index)
    return Rights(preset, types, min(rates, default=None))


def exceeding(rights: Rights, bound: Rights) -> list[str]:
    """The names of what goes beyond a bound."""
    types, rate = rights.types, rights.rate
    fields = {
        "preset": PRESETS.index(rights.preset) > PRESETS.index(bound.preset),
        "allowedEventTypes": bound.types is not None
        and (types is None or not set(types) <= set(bound.types)),
        "rateLimitPerMinute": bound.rate is not None and (rate is None or rate > bound.rate),
    }
    return [name for name, exceeds in fields.items() if exceeds]


def guard(kind: str, rights: Rights) -> None:
    """Refuse what an agent of a type never has."""
    if kind == "AI_AGENT" and rights.preset == "admin":
        raise Refused("AGENT_PRESET_FORBIDDEN", "admin")
    if kind == "AI_AGENT" and not rights.types:
        raise Refused("AGENT_ALLOWLIST_REQUIRED")
