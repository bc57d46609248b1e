"""Rights: they narrow on the way down, and nothing that was narrowed can be had elsewhere."""

from itertools import pairwise, product
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event_types import EVENT_TYPES
from domain.refusals import (
    AgentAllowlistRequired,
    AgentIdempotencyRequired,
    AgentPresetForbidden,
    InvalidEventType,
    InvalidField,
)
from domain.rights import (
    GUARDRAILS,
    MEMBER_PERMISSIONS,
    OPERATOR_PERMISSIONS,
    OWN_KEY_PERMISSIONS,
    PARTNER_PERMISSIONS,
    PRESETS,
    PUBLIC_PERMISSIONS,
    RATE_AT_MOST,
    AgentType,
    Permission,
    Preset,
    Rights,
    check,
    meet,
    requires_idempotency,
)
from tests.builders import FREE, WORKING
from tests.domain.strategies import rights

AGENT_TYPES: tuple[AgentType, ...] = get_args(AgentType)

Seen = tuple[Preset, frozenset[str] | None, int | None]


def seen(some: Rights) -> Seen:
    """What rights amount to: the order of event types says nothing."""
    allowed = some.allowed_event_types
    return some.preset, None if allowed is None else frozenset(allowed), some.rate_limit_per_minute


def may_report(some: Rights) -> frozenset[str]:
    allowed = some.allowed_event_types
    return frozenset(EVENT_TYPES) if allowed is None else frozenset(allowed)


# The meet


@given(rights, rights, rights)
def test_the_meet_is_associative(first: Rights, second: Rights, third: Rights) -> None:
    assert seen(first.meet(second.meet(third))) == seen(first.meet(second).meet(third))


@given(rights, rights)
def test_the_meet_is_commutative(first: Rights, second: Rights) -> None:
    assert seen(first.meet(second)) == seen(second.meet(first))


@given(rights)
def test_the_meet_is_idempotent(some: Rights) -> None:
    assert some.meet(some) == some


@given(rights)
def test_who_is_free_bounds_nobody(some: Rights) -> None:
    assert some.meet(FREE) == FREE.meet(some) == some


@given(rights, rights)
def test_the_meet_is_within_both(first: Rights, second: Rights) -> None:
    met = first.meet(second)

    for one in (first, second):
        assert met.permissions <= one.permissions
        assert may_report(met) <= may_report(one)
        if one.rate_limit_per_minute is not None:
            assert met.rate_limit_per_minute is not None
            assert met.rate_limit_per_minute <= one.rate_limit_per_minute


@given(rights, rights)
def test_the_meet_loses_nothing_that_both_have(first: Rights, second: Rights) -> None:
    met = first.meet(second)

    assert met.permissions == first.permissions & second.permissions
    assert may_report(met) == may_report(first) & may_report(second)
    assert met.rate_limit_per_minute in (first.rate_limit_per_minute, second.rate_limit_per_minute)


@given(rights, st.lists(rights, max_size=4))
def test_the_meet_of_many_is_that_of_each_after_the_other(
    first: Rights, others: list[Rights]
) -> None:
    met = first
    for one in others:
        met = met.meet(one)

    assert meet(first, *others) == met


def test_event_types_that_have_nothing_in_common_leave_none_and_not_all() -> None:
    one = msgspec.structs.replace(WORKING, allowed_event_types=("gig.started",))
    other = msgspec.structs.replace(WORKING, allowed_event_types=("gig.completed",))

    assert one.meet(other).allowed_event_types == ()
    assert one.meet(other).meet(FREE).allowed_event_types == ()


# Exceeding


@given(rights, rights)
def test_rights_exceed_a_bound_where_the_meet_with_it_takes_something_away(
    some: Rights, bound: Rights
) -> None:
    names = ("preset", "allowedEventTypes", "rateLimitPerMinute")
    met = seen(some.meet(bound))

    assert some.exceeding(bound) == tuple(
        name for name, own, left in zip(names, seen(some), met, strict=True) if own != left
    )


@given(rights, rights)
def test_the_meet_exceeds_neither(first: Rights, second: Rights) -> None:
    met = first.meet(second)

    assert met.exceeding(first) == met.exceeding(second) == ()


def test_what_exceeds_is_named_as_a_request_spells_it() -> None:
    narrow = Rights(preset="reader", allowed_event_types=("gig.started",), rate_limit_per_minute=10)

    assert FREE.exceeding(narrow) == ("preset", "allowedEventTypes", "rateLimitPerMinute")


# Presets


def test_the_presets_are_the_contracts() -> None:
    reader = {"events:read", "policy:read", "agents:read"}
    reporter = reader | {"events:write"}
    operator = reporter | {
        "policy:evaluate",
        "claims:read",
        "claims:write",
        "agents:spawn",
        "jobs:work",
    }
    admin = PARTNER_PERMISSIONS - OWN_KEY_PERMISSIONS

    assert {"reader": reader, "reporter": reporter, "operator": operator, "admin": admin} == PRESETS


def test_a_preset_holds_all_of_those_before_it() -> None:
    for narrower, wider in pairwise(PRESETS.values()):
        assert narrower < wider


def test_a_partners_own_key_may_do_all_but_what_is_the_operators_and_the_members() -> None:
    every = frozenset[Permission](get_args(Permission))
    members = frozenset[Permission]().union(*MEMBER_PERMISSIONS.values())

    assert every - OPERATOR_PERMISSIONS - members == PARTNER_PERMISSIONS
    assert not members & OPERATOR_PERMISSIONS
    assert PUBLIC_PERMISSIONS < PARTNER_PERMISSIONS


def test_nothing_that_an_agent_holds_lets_it_mint_a_credential_above_its_own() -> None:
    """``agents:write`` makes agents of any rights and ``partner:admin`` keys of the partner's own;
    what is left to an agent is ``agents:spawn``, which makes nobody who exceeds it.
    """
    assert {"agents:write", "partner:admin"} <= OWN_KEY_PERMISSIONS
    for permissions in PRESETS.values():
        assert permissions <= PARTNER_PERMISSIONS
        assert permissions.isdisjoint(OWN_KEY_PERMISSIONS)


def test_an_agent_neither_contests_nor_settles_a_claim() -> None:
    """That is to speak for the partner, and to judge a claim that the agent may have filed."""
    for permissions in PRESETS.values():
        assert permissions.isdisjoint({"claims:contest", "claims:settle"})


# What a type allows


@pytest.mark.parametrize(("agent_type", "preset"), [*product(AGENT_TYPES, PRESETS)])
def test_admin_is_not_for_an_ai_agent_and_all_else_is_for_all(
    agent_type: AgentType, preset: Preset
) -> None:
    some = msgspec.structs.replace(WORKING, preset=preset)

    if (agent_type, preset) == ("AI_AGENT", "admin"):
        with pytest.raises(AgentPresetForbidden, match=r"admin .* AI_AGENT"):
            check(agent_type, some)
    else:
        check(agent_type, some)


@pytest.mark.parametrize("allowed", [None, ()])
def test_an_ai_agent_needs_a_list_of_event_types_with_something_on_it(
    allowed: tuple[str, ...] | None,
) -> None:
    unlisted = msgspec.structs.replace(WORKING, allowed_event_types=allowed)

    with pytest.raises(AgentAllowlistRequired, match="AI_AGENT"):
        check("AI_AGENT", unlisted)
    check("SERVICE_ACCOUNT", unlisted)


@pytest.mark.parametrize("agent_type", AGENT_TYPES)
def test_an_event_type_that_does_not_exist_is_refused(agent_type: AgentType) -> None:
    mistyped = msgspec.structs.replace(WORKING, allowed_event_types=("gig.started", "gig.complete"))

    with pytest.raises(InvalidEventType, match=r"gig\.complete$") as refused:
        check(agent_type, mistyped)

    assert refused.value.hint is not None
    assert "gig.completed" in refused.value.hint


@pytest.mark.parametrize("agent_type", AGENT_TYPES)
@pytest.mark.parametrize("rate", [0, -1, RATE_AT_MOST + 1])
def test_a_rate_that_lets_nothing_through_or_bounds_nothing_is_refused(
    agent_type: AgentType, rate: int
) -> None:
    with pytest.raises(InvalidField, match="rateLimitPerMinute"):
        check(agent_type, msgspec.structs.replace(WORKING, rate_limit_per_minute=rate))


@pytest.mark.parametrize("rate", [None, 1, RATE_AT_MOST])
def test_any_other_rate_is_taken(rate: int | None) -> None:
    check("AI_AGENT", msgspec.structs.replace(WORKING, rate_limit_per_minute=rate))


def test_the_bulk_caps_of_an_ai_agent_are_the_contracts() -> None:
    guardrails = GUARDRAILS["AI_AGENT"]

    assert (guardrails.evaluations_at_most, guardrails.events_at_most) == (25, 100)


def test_an_ai_agent_always_names_its_repeats() -> None:
    assert requires_idempotency("AI_AGENT", wanted=None)
    assert requires_idempotency("AI_AGENT", wanted=True)
    with pytest.raises(AgentIdempotencyRequired):
        requires_idempotency("AI_AGENT", wanted=False)


@pytest.mark.parametrize(("wanted", "required"), [(None, False), (False, False), (True, True)])
def test_a_service_account_names_its_repeats_where_that_is_wanted(
    wanted: bool | None, required: bool
) -> None:
    assert requires_idempotency("SERVICE_ACCOUNT", wanted=wanted) == required
