"""Backoff: later each time, and after three days no more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from application.webhooks.backoff import DAYS, next_try

BEGUN_AT = datetime(2026, 11, 27, tzinfo=UTC)
ENDS_AT = BEGUN_AT + timedelta(days=DAYS)
CHANCES = st.lists(st.floats(0, 1, exclude_max=True), min_size=100, max_size=100)
MOST_TRIES = 18


def tries(chances: list[float], takes: timedelta = timedelta()) -> Iterator[datetime]:
    """When each try begins, where each takes a time and none arrives."""
    at: datetime | None = BEGUN_AT
    for number, chance in enumerate(chances, start=1):
        if at is None:
            return
        yield at
        at = next_try(BEGUN_AT, number, at + takes, chance)
    raise AssertionError("it never ends")


@given(CHANCES)
def test_tries_follow_each_other_and_the_last_is_after_three_days(chances: list[float]) -> None:
    found = list(tries(chances))

    assert found == sorted(set(found))
    assert found[-1] == ENDS_AT
    assert len(found) <= MOST_TRIES


@given(CHANCES)
def test_each_pause_is_longer_than_the_one_before_until_it_is_the_longest(
    chances: list[float],
) -> None:
    pauses = [later - earlier for earlier, later in pairwise(tries(chances))][:-1]
    growing = [pause for pause in pauses if pause < timedelta(hours=8)]

    assert growing == sorted(set(growing))
    assert timedelta(seconds=5) <= pauses[0] <= timedelta(seconds=6)
    assert max(pauses) <= timedelta(hours=8 * 1.2)


@given(CHANCES, st.integers(0, 3600))
def test_it_ends_however_long_a_try_takes(chances: list[float], seconds: int) -> None:
    found = list(tries(chances, timedelta(seconds=seconds)))

    assert found[-1] == ENDS_AT or found[-1] + timedelta(seconds=seconds) >= ENDS_AT


def test_chance_spreads_those_that_failed_together() -> None:
    soon, late = (next_try(BEGUN_AT, 1, BEGUN_AT, chance) for chance in (0.0, 0.99))

    assert soon is not None
    assert late is not None
    assert soon < late


def test_what_nobody_sent_in_three_days_is_tried_once() -> None:
    assert next_try(BEGUN_AT, 1, ENDS_AT + timedelta(days=4), 0.5) is None
