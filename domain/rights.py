"""Rights: what a credential may do, and how rights narrow from an agent to those below it.

Rights in force are the meet of an agent's own with those of all its ancestors. They are put
together when they are used and kept nowhere, so nothing that was narrowed can be had elsewhere.
"""

from functools import reduce
from typing import Literal, get_args

import msgspec

from domain.event_types import EVENT_TYPES, Nearest
from domain.refusals import (
    AgentAllowlistRequired,
    AgentIdempotencyRequired,
    AgentPresetForbidden,
    InvalidEventType,
    InvalidField,
)

Permission = Literal[
    "events:read",
    "events:write",
    "policy:read",
    "policy:evaluate",
    "claims:read",
    "claims:write",
    "claims:contest",
    "claims:settle",
    "links:write",
    "entities:erase",
    "agents:read",
    "agents:write",
    "agents:spawn",
    "jobs:work",
    "log:read",
    "jobs:post",
    "jobs:judge",
    "listings:write",
    "market:read",
    "members:write",
    "uids:rotate",
    "partner:admin",
    "partners:suspend",
]

Permissions = frozenset[Permission]

OPERATOR_PERMISSIONS: Permissions = frozenset({"partners:suspend"})

Role = Literal["client", "developer", "supervisor"]
EVERY_MEMBER: Permissions = frozenset({"market:read", "uids:rotate"})
MEMBER_PERMISSIONS: dict[Role, Permissions] = {
    "client": EVERY_MEMBER | {"jobs:post"},
    "developer": EVERY_MEMBER | {"listings:write"},
    "supervisor": EVERY_MEMBER | {"jobs:judge"},
}
"""What a member of a marketplace may do, by role; whoever has several may do all of theirs."""

PARTNER_PERMISSIONS: Permissions = frozenset(get_args(Permission)).difference(
    OPERATOR_PERMISSIONS, *MEMBER_PERMISSIONS.values()
)
"""What a partner's own key may do."""

AUDITOR_PERMISSIONS: Permissions = frozenset({"log:read"})

PUBLIC_PERMISSIONS: Permissions = frozenset(
    {
        "events:read",
        "events:write",
        "policy:read",
        "policy:evaluate",
        "claims:read",
        "claims:write",
    }
)
"""What anybody may do with the public partner's key: read and add, so that nobody can destroy or
change what the others find there.
"""

OWN_KEY_PERMISSIONS: Permissions = frozenset(
    {"claims:contest", "claims:settle", "agents:write", "members:write", "partner:admin"}
)
"""What only a partner's own key may do: speak for the partner, and make what could outlive, or do
more than, the agent that made it.
"""

AgentType = Literal["AI_AGENT", "SERVICE_ACCOUNT"]
Preset = Literal["reader", "reporter", "operator", "admin"]

READER: Permissions = frozenset({"events:read", "policy:read", "agents:read"})
REPORTER: Permissions = READER | {"events:write"}
OPERATOR: Permissions = REPORTER | {
    "policy:evaluate",
    "claims:read",
    "claims:write",
    "agents:spawn",
    "jobs:work",
}
ADMIN: Permissions = PARTNER_PERMISSIONS - OWN_KEY_PERMISSIONS

PRESETS: dict[Preset, Permissions] = {
    "reader": READER,
    "reporter": REPORTER,
    "operator": OPERATOR,
    "admin": ADMIN,
}
"""What an agent may do, by preset. Each holds all of those before it, so the narrower of two is
their meet."""

_ORDER = list(PRESETS)

RATE_AT_MOST = 1_000_000


class Rights(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent may do, which events it may report, and how many requests a minute it has.

    None is no bound.
    """

    preset: Preset
    allowed_event_types: tuple[str, ...] | None = None
    rate_limit_per_minute: int | None = None

    @property
    def permissions(self) -> Permissions:
        """What the preset holds."""
        return PRESETS[self.preset]

    def meet(self, other: "Rights") -> "Rights":
        """What is within both."""
        allowed, others = self.allowed_event_types, other.allowed_event_types
        rates = [
            rate
            for rate in (self.rate_limit_per_minute, other.rate_limit_per_minute)
            if rate is not None
        ]
        return Rights(
            preset=min(self.preset, other.preset, key=_ORDER.index),
            allowed_event_types=(
                others
                if allowed is None
                else tuple(one for one in allowed if others is None or one in others)
            ),
            rate_limit_per_minute=min(rates, default=None),
        )

    def exceeding(self, bound: "Rights") -> tuple[str, ...]:
        """The names of what goes beyond a bound, as a request spells them."""
        met = self.meet(bound)
        fields = {
            "preset": met.preset == self.preset,
            "allowedEventTypes": _as_set(met) == _as_set(self),
            "rateLimitPerMinute": met.rate_limit_per_minute == self.rate_limit_per_minute,
        }
        return tuple(name for name, is_within in fields.items() if not is_within)


def meet(first: Rights, *others: Rights) -> Rights:
    """What is within all of some rights."""
    return reduce(Rights.meet, others, first)


def _as_set(rights: Rights) -> frozenset[str] | None:
    allowed = rights.allowed_event_types
    return None if allowed is None else frozenset(allowed)


class Guardrails(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every agent of a type, whoever made it; None is what holds for everybody."""

    idempotency: bool
    allowlist: bool
    widest_preset: Preset
    evaluations_at_most: int | None = None
    events_at_most: int | None = None


GUARDRAILS: dict[AgentType, Guardrails] = {
    "AI_AGENT": Guardrails(
        idempotency=True,
        allowlist=True,
        widest_preset="operator",
        evaluations_at_most=25,
        events_at_most=100,
    ),
    "SERVICE_ACCOUNT": Guardrails(
        idempotency=False,
        allowlist=False,
        widest_preset="admin",
    ),
}


def check(agent_type: AgentType, rights: Rights) -> None:
    """Hold an agent's rights against what its type allows.

    Raises AgentPresetForbidden, AgentAllowlistRequired, InvalidEventType and InvalidField.
    """
    guardrails = GUARDRAILS[agent_type]
    if _ORDER.index(rights.preset) > _ORDER.index(guardrails.widest_preset):
        raise AgentPresetForbidden(preset=rights.preset, type=agent_type)
    if guardrails.allowlist and not rights.allowed_event_types:
        raise AgentAllowlistRequired(type=agent_type)
    for event_type in rights.allowed_event_types or ():
        if event_type not in EVENT_TYPES:
            raise InvalidEventType(event_type=event_type, nearest=Nearest(event_type))
    rate = rights.rate_limit_per_minute
    if rate is not None and not 1 <= rate <= RATE_AT_MOST:
        raise InvalidField(field="rateLimitPerMinute", reason=f"1 to {RATE_AT_MOST}")


def requires_idempotency(agent_type: AgentType, *, wanted: bool | None) -> bool:
    """Whether an agent must send Idempotency-Key, where ``wanted`` says or its type does.

    Raises AgentIdempotencyRequired for an AI agent that is not to.
    """
    always = GUARDRAILS[agent_type].idempotency
    if always and wanted is False:
        raise AgentIdempotencyRequired
    return always or bool(wanted)
