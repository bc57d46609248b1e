"""Standing: a tier is a pure function of counts, ages and now."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.command import Command
from domain.entity import Entity
from domain.instants import Instant
from domain.known import Known
from domain.standing import TIERS, Assessment, Standing, assess, standing, tier_of
from tests.builders import (
    NOW,
    TENANT,
    History,
    a_claim,
    a_leave,
    a_lookup,
    a_participation,
    a_redemption,
    an_entity,
    an_erasure,
    an_offer,
    days_ago,
)

counts = st.integers(0, 1_000)
ages = st.integers(0, 400)
partners = st.integers(0, 5)

OTHER = "sandbox/bolt"
THIRD = "sandbox/cog"


def assessed(
    history: History, person: str = "alice", *, tenant: str = TENANT, at: Instant = NOW
) -> Assessment:
    known = history.known()
    return assess(known.entity(a_lookup(person, tenant)), known, at)


def reported(
    number: int, *, days: int, tenant: str = TENANT, person: str = "alice"
) -> list[Command[Any]]:
    """So many events of somebody, the first of them so many days ago."""
    return [
        a_participation(person, tenant=tenant, occurred_at=days_ago(days), backfill=True),
        *(a_participation(person, tenant=tenant) for _ in range(number - 1)),
    ]


def alone(entities: Sequence[Entity], at: Instant = NOW) -> Standing:
    return standing(entities, at, cross_platform=False)


# Tiers


@pytest.mark.parametrize(
    ("event_count", "age_days", "tier"),
    [
        (0, 0, 0),
        (0, 10_000, 0),
        (1_000_000, 0, 0),
        (9, 14, 0),
        (10, 13, 0),
        (10, 14, 1),
        (49, 30, 1),
        (50, 29, 1),
        (50, 30, 2),
        (199, 90, 2),
        (200, 89, 2),
        (200, 90, 3),
        (10**9, 10**6, 3),
    ],
)
def test_a_tier_begins_where_both_its_bounds_are_reached(
    event_count: int, age_days: int, tier: int
) -> None:
    assert tier_of(event_count, age_days) == tier


@pytest.mark.parametrize(("qualified_partners", "tier"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3)])
def test_across_platforms_a_tier_wants_partners_as_well(qualified_partners: int, tier: int) -> None:
    assert tier_of(1_000, 1_000, qualified_partners) == tier


def test_the_bounds_are_the_contracts() -> None:
    assert sorted(TIERS) == [(1, 10, 14, 1), (2, 50, 30, 2), (3, 200, 90, 3)]


@given(counts, ages, st.none() | partners)
def test_every_history_has_exactly_one_tier(
    event_count: int, age_days: int, sources: int | None
) -> None:
    reached = [
        tier
        for tier, events, days, at_least in TIERS
        if event_count >= events and age_days >= days and (sources is None or sources >= at_least)
    ]

    assert tier_of(event_count, age_days, sources) == max(reached, default=0)


@given(st.tuples(counts, ages, partners), st.tuples(counts, ages, partners))
def test_more_of_anything_never_lowers_a_tier(
    history: tuple[int, int, int], more: tuple[int, int, int]
) -> None:
    events, days, sources = history
    more_events, more_days, more_sources = more

    before = tier_of(events, days, sources)

    assert before <= tier_of(events + more_events, days + more_days, sources + more_sources)
    assert before <= tier_of(events, days)


# Standing


@given(st.integers(1, 1_000), ages, ages)
def test_standing_is_a_function_of_the_entity_and_now(
    event_count: int, first_days_ago: int, last_days_ago: int
) -> None:
    entity = an_entity(
        event_count=event_count,
        first_at=days_ago(first_days_ago + last_days_ago),
        last_at=days_ago(last_days_ago),
    )

    found = alone([entity])

    assert found == alone([entity])
    assert found.tier == tier_of(event_count, first_days_ago + last_days_ago)
    assert found.signals.first_event_days_ago == first_days_ago + last_days_ago
    assert found.signals.last_event_days_ago == last_days_ago


def test_a_tier_rises_while_nothing_happens() -> None:
    entity = an_entity(event_count=10, first_at="2026-11-08T08:00:00.000Z")

    assert alone([entity], "2026-11-22T07:59:59.999Z").tier == 0
    assert alone([entity], "2026-11-22T08:00:00.000Z").tier == 1


def test_an_event_that_is_a_little_ahead_is_no_day_ago() -> None:
    ahead = days_ago(0, minutes=-5)

    signals = alone([an_entity(first_at=ahead, last_at=ahead)]).signals

    assert (signals.first_event_days_ago, signals.last_event_days_ago) == (0, 0)


@pytest.mark.parametrize(("event_count", "sources"), [(1, 0), (9, 0), (10, 1), (11, 1)])
def test_a_partner_counts_as_a_source_from_ten_events_on(event_count: int, sources: int) -> None:
    signals = alone([an_entity(event_count=event_count)]).signals

    assert (signals.distinct_partners, signals.tier_qualified_partner_count) == (1, sources)


def test_backfilled_events_count_and_are_shown() -> None:
    found = alone([an_entity(event_count=10, backfilled_count=10, first_at=days_ago(14))])

    assert found.tier == 1
    assert (found.signals.event_count, found.signals.backfilled_count) == (10, 10)
    assert found.signals.effective_event_count == 10


@given(st.lists(st.tuples(st.integers(1, 300), ages), min_size=1, max_size=5))
def test_several_partners_together_have_the_sum_of_events_and_the_longest_history(
    histories: list[tuple[int, int]],
) -> None:
    entities = [an_entity(event_count=number, first_at=days_ago(age)) for number, age in histories]

    found = standing(entities, NOW, cross_platform=True)

    sources = sum(number >= 10 for number, _ in histories)
    total, longest = sum(number for number, _ in histories), max(age for _, age in histories)
    assert found.tier == tier_of(total, longest, sources)
    assert found.signals.event_count == total
    assert found.signals.first_event_days_ago == longest
    assert found.signals.tier_qualified_partner_count == sources
    assert found.signals.distinct_partners == len(histories)


# Assessments


def test_nobody_known_stands_at_tier_0_and_clean() -> None:
    found = assess(None, Known(0), NOW)

    assert (found.entity_id, found.tier, found.claim_status) == (None, 0, "clean")
    assert found.own.first_at is None
    assert found.signals.event_count == found.signals.distinct_partners == 0
    assert found.signals.first_event_days_ago is None
    assert found.signals.last_event_days_ago is None
    assert found.cross_platform is None


@given(st.integers(0, 1_000_000) | st.floats(0, 1_000_000))
def test_weight_never_changes_a_tier(weight: float) -> None:
    first = a_participation(occurred_at=days_ago(14), weight=weight)
    others = [a_participation(weight=weight) for _ in range(9)]

    assert assessed(History(first, *others)).tier == 1
    assert assessed(History(*others)).tier == 0


@pytest.mark.parametrize("kind", ["policy.violation", "transaction.chargeback", "gig.completed"])
def test_what_kind_of_events_they_are_never_changes_a_tier(kind: str) -> None:
    events = [a_participation(occurred_at=days_ago(14), kind=kind) for _ in range(10)]

    assert assessed(History(*events)).tier == 1


def test_claims_never_change_a_tier() -> None:
    events = reported(10, days=14)
    before = assessed(History(*events))

    after = assessed(History(*events, *(a_claim() for _ in range(5))))

    assert (after.tier, after.own) == (before.tier, before.own)
    assert (before.claim_status, after.claim_status) == ("clean", "flagged")


def test_standing_is_read_as_of_any_later_time() -> None:
    history = History(*reported(10, days=0))

    assert assessed(history, at=NOW).tier == 0
    assert assessed(history, at=days_ago(-14)).tier == 1


def test_an_erased_person_is_nobody_known() -> None:
    history = History(*reported(10, days=14), an_erasure())

    assert assessed(history) == assess(None, Known(0), NOW)


# Linked entities


def linked(*given: Command[Any]) -> History:
    """Alice of two partners, linked, with what each of them reported."""
    return History(
        *given,
        an_offer("alice", tenant=TENANT),
        a_redemption("alice", tenant=OTHER),
    )


def test_linked_entities_are_assessed_alike_but_for_their_own_part() -> None:
    history = linked(*reported(10, days=20), *reported(12, days=5, tenant=OTHER))

    here, there = assessed(history), assessed(history, tenant=OTHER)

    assert here.cross_platform == there.cross_platform
    assert (here.own.signals.event_count, there.own.signals.event_count) == (10, 12)
    assert here.signals.event_count == there.signals.event_count == 22


def test_whoever_is_not_linked_has_no_cross_platform_standing() -> None:
    assert assessed(History(*reported(10, days=14))).cross_platform is None


def test_a_history_of_two_partners_is_deeper_than_each_of_its_own() -> None:
    history = linked(*reported(30, days=30), *reported(20, days=14, tenant=OTHER))

    found = assessed(history)

    assert (found.own.tier, found.tier) == (1, 2)


def test_a_second_partner_counts_only_with_ten_events_of_its_own() -> None:
    history = linked(*reported(50, days=30), *reported(9, days=30, tenant=OTHER))

    found = assessed(history)

    assert found.cross_platform is not None
    assert found.cross_platform.tier == 1
    assert (found.own.tier, found.tier) == (2, 2)


def test_linking_never_lowers_a_tier() -> None:
    history = linked(*reported(200, days=90), *reported(1, days=0, tenant=OTHER))

    found = assessed(history)

    assert found.cross_platform is not None
    assert (found.cross_platform.tier, found.tier) == (1, 3)


def test_a_third_partner_joins_the_same_history() -> None:
    history = linked(*reported(10, days=14), *reported(10, days=14, tenant=OTHER))
    history.do(an_offer("alice", tenant=OTHER, code="another code"))
    history.do(a_redemption("alice", tenant=THIRD, code="another code"))

    signals = assessed(history, tenant=THIRD).signals

    assert signals.event_count == 20
    assert signals.distinct_partners == 2


def test_whoever_leaves_takes_its_own_history_along_and_no_more() -> None:
    history = linked(*reported(30, days=30), *reported(20, days=14, tenant=OTHER))

    history.do(a_leave("alice", tenant=OTHER))

    assert assessed(history).signals.event_count == 30
    assert assessed(history, tenant=OTHER).signals.event_count == 20


def test_claims_of_one_partner_are_seen_by_all_who_are_linked() -> None:
    history = linked(*reported(1, days=0), *reported(1, days=0, tenant=OTHER))

    history.do(a_claim("alice", tenant=OTHER))

    assert assessed(history).claim_status == "flagged"
    assert assessed(history).claims_recorded == 1
