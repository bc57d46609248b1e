"""Housekeeping: kept replies live in partitions of half a day, which are dropped whole."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from application.log.submission import Reply, Submission
from application.migrate import migrate
from tests.application.running import a_repeatable, a_worker, as_owner
from tests.builders import a_participation

HALF_DAY = timedelta(hours=12)


@pytest.fixture
def fresh_url(log_url: str) -> str:
    """A log whose kept replies, and partitions for them, are gone."""
    for name in partitions(log_url):
        as_owner(log_url, f"drop table {name}")
    as_owner(log_url, "delete from idempotency")
    return log_url


def this_half_day() -> datetime:
    now = datetime.now(UTC)
    return now.replace(hour=now.hour // 12 * 12, minute=0, second=0, microsecond=0)


def name_of(starts: datetime) -> str:
    return f"idempotency_{starts:%Y%m%d_%H}"


def partitions(url: str) -> set[str]:
    rows = as_owner(
        url,
        "select relname from pg_inherits join pg_class on pg_class.oid = inhrelid"
        " where inhparent = 'idempotency'::regclass and relname <> 'idempotency_default'",
    )
    return {name for (name,) in rows}


def a_partition(url: str, starts: datetime) -> str:
    """Make a partition, as housekeeping did when its time came."""
    name, ends = name_of(starts), starts + HALF_DAY
    as_owner(
        url,
        f"create table {name} partition of idempotency"
        f" for values from ('{starts:%Y-%m-%d %H}:00Z') to ('{ends:%Y-%m-%d %H}:00Z')",
    )
    return name


def keep_house(url: str) -> None:
    as_owner(url, "select tenure_housekeep()")


def sent(url: str, *submissions: Submission) -> list[Reply]:
    async def story() -> list[Reply]:
        async with a_worker(url) as worker:
            return [await worker.committer.answer(submission) for submission in submissions]

    return asyncio.run(story())


def test_the_present_and_the_next_half_day_get_partitions(fresh_url: str) -> None:
    keep_house(fresh_url)

    present = this_half_day()
    assert partitions(fresh_url) == {name_of(present), name_of(present + HALF_DAY)}


def test_keeping_house_twice_changes_nothing_more(fresh_url: str) -> None:
    keep_house(fresh_url)
    once = partitions(fresh_url)

    keep_house(fresh_url)

    assert partitions(fresh_url) == once


def test_a_partition_that_ended_more_than_a_day_ago_is_dropped(fresh_url: str) -> None:
    old = a_partition(fresh_url, this_half_day() - 4 * HALF_DAY)
    older = a_partition(fresh_url, datetime(2020, 1, 1, tzinfo=UTC))

    keep_house(fresh_url)

    assert not {old, older} & partitions(fresh_url)


def test_a_partition_whose_last_replies_may_still_be_repeated_stays(fresh_url: str) -> None:
    a_day_ago = a_partition(fresh_url, this_half_day() - 2 * HALF_DAY)
    half_a_day_ago = a_partition(fresh_url, this_half_day() - HALF_DAY)

    keep_house(fresh_url)

    assert {a_day_ago, half_a_day_ago} < partitions(fresh_url)


def test_replies_are_kept_in_the_present_partition_and_replayed_from_it(fresh_url: str) -> None:
    keep_house(fresh_url)

    first, replay = sent(
        fresh_url,
        a_repeatable(a_participation(), "kept"),
        a_repeatable(a_participation(), "kept"),
    )

    assert (replay.replayed, replay.body) == (True, first.body)
    assert as_owner(fresh_url, "select tableoid::regclass::text from idempotency") == [
        (name_of(this_half_day()),)
    ]


def test_replies_that_came_before_their_partition_stay_and_are_replayed(fresh_url: str) -> None:
    sent(fresh_url, a_repeatable(a_participation(), "early"))

    keep_house(fresh_url)

    (replay,) = sent(fresh_url, a_repeatable(a_participation(), "early"))
    assert replay.replayed


def test_replies_without_a_partition_are_deleted_after_a_day(fresh_url: str) -> None:
    yesterday, today = sent(
        fresh_url,
        a_repeatable(a_participation(), "yesterday"),
        a_repeatable(a_participation(), "today"),
    )
    as_owner(
        fresh_url,
        "update idempotency set recorded_at = recorded_at - interval '25 hours'"
        " where position = %s",
        yesterday.position,
    )

    keep_house(fresh_url)

    assert as_owner(fresh_url, "select position from idempotency") == [(today.position,)]


def test_the_log_is_no_part_of_housekeeping(fresh_url: str) -> None:
    sent(fresh_url, a_repeatable(a_participation(), "a reply"))
    before = as_owner(fresh_url, "select position, entry::text from log")

    keep_house(fresh_url)

    assert as_owner(fresh_url, "select position, entry::text from log") == before


def test_partitions_are_of_universal_time_wherever_the_server_stands(
    empty_database_url: str,
) -> None:
    migrate(empty_database_url)
    ((name,),) = as_owner(empty_database_url, "select current_database()")
    as_owner(empty_database_url, f"alter database {name} set timezone to 'Asia/Kathmandu'")

    keep_house(empty_database_url)

    present = this_half_day()
    assert partitions(empty_database_url) == {name_of(present), name_of(present + HALF_DAY)}
