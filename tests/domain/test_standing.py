"""Standing: a tier is a pure function of counts, ages and now."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.known import Known
from domain.policy import judge
from domain.standing import NO_STANDING, TIERS, Standing, standing, standing_of, tier_of
from tests.builders import (
    NOW,
    History,
    a_lookup,
    a_participation,
    an_entity,
    an_erasure,
    days_ago,
)

counts = st.integers(0, 1_000)
ages = st.integers(0, 400)


def standing_now(history: History, person: str = "alice", at: str = NOW) -> Standing:
    known = history.known()
    return standing_of(known.entity(a_lookup(person)), known, at)


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


def test_the_bounds_are_the_contracts() -> None:
    assert sorted(TIERS) == [(1, 10, 14), (2, 50, 30), (3, 200, 90)]


@given(counts, ages)
def test_every_history_has_exactly_one_tier(event_count: int, age_days: int) -> None:
    reached = [
        tier for tier, events, days in TIERS if event_count >= events and age_days >= days
    ]

    assert tier_of(event_count, age_days) == max(reached, default=0)


@given(counts, counts, ages, ages)
def test_more_events_or_more_days_never_lower_a_tier(
    events: int, more_events: int, days: int, more_days: int
) -> None:
    assert tier_of(events, days) <= tier_of(events + more_events, days + more_days)


@given(counts, ages, st.integers(0, 400))
def test_standing_is_a_function_of_the_entity_and_now(
    event_count: int, first_days_ago: int, last_days_ago: int
) -> None:
    entity = an_entity(
        event_count=event_count,
        first_at=days_ago(first_days_ago + last_days_ago),
        last_at=days_ago(last_days_ago),
    )

    found = standing(entity, NOW)

    assert found == standing(msgspec.structs.replace(entity), NOW)
    assert found.tier == tier_of(event_count, first_days_ago + last_days_ago)
    assert found.signals.first_event_days_ago == first_days_ago + last_days_ago
    assert found.signals.last_event_days_ago == last_days_ago


def test_a_tier_rises_while_nothing_happens() -> None:
    entity = an_entity(event_count=10, first_at="2026-11-08T08:00:00.000Z")

    assert standing(entity, "2026-11-22T07:59:59.999Z").tier == 0
    assert standing(entity, "2026-11-22T08:00:00.000Z").tier == 1


def test_nobody_known_stands_at_tier_0_without_history() -> None:
    assert standing(None, NOW) == standing_of(None, Known(0), NOW) == NO_STANDING
    assert NO_STANDING.signals.first_event_days_ago is None
    assert NO_STANDING.signals.last_event_days_ago is None


def test_an_event_that_is_a_little_ahead_is_no_day_ago() -> None:
    ahead = days_ago(0, minutes=-5)

    found = standing(an_entity(first_at=ahead, last_at=ahead), NOW)

    assert (found.signals.first_event_days_ago, found.signals.last_event_days_ago) == (0, 0)


@pytest.mark.parametrize(("event_count", "sources"), [(1, 0), (9, 0), (10, 1), (11, 1)])
def test_a_partner_counts_as_a_source_from_ten_events_on(event_count: int, sources: int) -> None:
    signals = standing(an_entity(event_count=event_count), NOW).signals

    assert (signals.distinct_partners, signals.tier_qualified_partner_count) == (1, sources)


def test_backfilled_events_count_and_are_shown() -> None:
    entity = an_entity(event_count=10, backfilled_count=10, first_at=days_ago(14))

    found = standing(entity, NOW)

    assert found.tier == 1
    assert (found.signals.event_count, found.signals.backfilled_count) == (10, 10)
    assert found.signals.effective_event_count == 10


@given(st.integers(0, 1_000_000) | st.floats(0, 1_000_000))
def test_weight_never_changes_a_tier(weight: float) -> None:
    commands = [
        a_participation(occurred_at=days_ago(14), weight=weight),
        *(a_participation(weight=weight) for _ in range(9)),
    ]

    assert standing_now(History(*commands)).tier == 1
    assert standing_now(History(*commands[1:])).tier == 0


@pytest.mark.parametrize("kind", ["policy.violation", "transaction.chargeback", "gig.completed"])
def test_what_kind_of_events_they_are_never_changes_a_tier(kind: str) -> None:
    commands = [a_participation(occurred_at=days_ago(14), kind=kind) for _ in range(10)]

    assert standing_now(History(*commands)).tier == 1


def test_standing_is_read_as_of_any_later_time() -> None:
    history = History(*(a_participation(occurred_at=NOW) for _ in range(10)))

    assert standing_now(history, at=NOW).tier == 0
    assert standing_now(history, at=days_ago(-14)).tier == 1


def test_an_erased_person_is_nobody_known() -> None:
    history = History(*(a_participation(occurred_at=days_ago(14)) for _ in range(10)), an_erasure())

    assert standing_now(history) == NO_STANDING


def test_a_tier_says_nothing_of_what_is_allowed() -> None:
    assert "decision" not in Standing.__struct_fields__
    assert judge.__module__ != standing.__module__
