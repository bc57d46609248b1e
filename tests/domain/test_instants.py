"""Instants: one text for every moment, in the order of time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.instants import instant, instant_at, parse_instant, shifted, whole_days
from tests.domain.strategies import instants, moments

zones = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)


@given(moments)
def test_an_instant_reads_back_as_itself(moment: datetime) -> None:
    text = instant(moment)

    assert parse_instant(text) == text


@given(moments)
def test_an_instant_is_the_moment_rounded_down_to_the_millisecond(moment: datetime) -> None:
    lost = moment - datetime.fromisoformat(instant(moment))

    assert timedelta(0) <= lost < timedelta(milliseconds=1)


@given(moments)
def test_every_instant_has_the_same_width(moment: datetime) -> None:
    assert len(instant(moment)) == len("2026-11-22T08:00:00.123Z")


@given(moments, moments)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    if one <= other:
        assert instant(one) <= instant(other)
    else:
        assert instant(one) >= instant(other)


@given(moments, zones)
def test_a_moment_is_the_same_instant_in_every_zone(moment: datetime, zone: timezone) -> None:
    elsewhere = moment.astimezone(zone)

    assert parse_instant(elsewhere.isoformat()) == instant(elsewhere) == instant(moment)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("2026-11-22T08:00:00Z", "2026-11-22T08:00:00.000Z"),
        ("2026-11-22t08:00:00z", "2026-11-22T08:00:00.000Z"),
        ("2026-11-22 08:00:00Z", "2026-11-22T08:00:00.000Z"),
        ("2026-11-22T08:00:00.1Z", "2026-11-22T08:00:00.100Z"),
        ("2026-11-22T08:00:00.1239999999Z", "2026-11-22T08:00:00.123Z"),
        ("2026-11-22T08:00:00+01:30", "2026-11-22T06:30:00.000Z"),
        ("2026-11-22T08:00:00-00:00", "2026-11-22T08:00:00.000Z"),
        ("2024-02-29T23:59:59-14:00", "2024-03-01T13:59:59.000Z"),
    ],
)
def test_rfc_3339_text_is_read(text: str, meaning: str) -> None:
    assert parse_instant(text) == meaning


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-22",
        "2026-11-22T08:00:00",
        "2026-11-22T08:00Z",
        "2026-11-22T08Z",
        "20261122T080000Z",
        "2026-W47-7T08:00:00Z",
        "2026-11-22T08:00:00,5Z",
        "2026-11-22T08:00:00.Z",
        "2026-11-22T08:00:00+01",
        "2026-11-22T08:00:00+0100",
        "2026-11-22T08:00:00 +01:00",
        " 2026-11-22T08:00:00Z",
        "2026-11-22T08:00:00Z\n",
        "٢٠٢٦-11-22T08:00:00Z",
        "+2026-11-22T08:00:00Z",
        "2026-00-22T08:00:00Z",
        "2026-13-22T08:00:00Z",
        "2026-02-29T08:00:00Z",
        "2026-11-31T08:00:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T08:60:00Z",
        "2026-11-22T23:59:60Z",
        "2026-11-22T08:00:00+24:00",
        "2026-11-22T08:00:00+05:60",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    ],
)
def test_what_is_no_rfc_3339_time_is_refused_in_words_for_people(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_instant(text)

    assert "timedelta" not in str(refused.value)


@given(st.text(alphabet="0123456789-:+.TZtz ", max_size=30))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    try:
        found = parse_instant(text)
    except ValueError:
        return
    assert parse_instant(found) == found


@given(st.integers(-3_000, 3_000), st.integers(-3_000, 3_000))
def test_shifting_there_and_back_changes_nothing(days: int, minutes: int) -> None:
    here = "2026-11-22T08:00:00.123Z"

    there = shifted(here, days=days, minutes=minutes)

    assert shifted(there, days=-days, minutes=-minutes) == here


@pytest.mark.parametrize(
    ("until", "days"),
    [
        ("2026-11-01T08:00:00.000Z", 0),
        ("2026-11-02T07:59:59.999Z", 0),
        ("2026-11-02T08:00:00.000Z", 1),
        ("2026-11-15T07:59:59.999Z", 13),
        ("2026-11-15T08:00:00.000Z", 14),
        ("2026-10-01T08:00:00.000Z", 0),
    ],
)
def test_days_count_when_they_are_whole_and_never_below_zero(until: str, days: int) -> None:
    assert whole_days("2026-11-01T08:00:00.000Z", until) == days


@given(instants, instants, instants)
def test_more_time_is_never_fewer_days(since: str, one: str, other: str) -> None:
    sooner, later = sorted((one, other))

    assert whole_days(since, sooner) <= whole_days(since, later)


def test_a_moment_of_another_zone_is_shown_in_utc() -> None:
    moment = datetime(2026, 11, 22, 9, 30, tzinfo=timezone(timedelta(hours=1, minutes=30)))

    assert instant(moment) == instant(datetime(2026, 11, 22, 8, tzinfo=UTC))


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_an_instant_by_milliseconds_is_that_of_the_moment(milliseconds: int) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)

    assert instant_at(milliseconds) == instant(moment)
