"""Rebuilding: beside those who write, whatever kills it; what cannot be folded stops it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from application.following import follow
from projections.engine.follow import FollowVersion, catch_up
from projections.engine.projection import Projection
from projections.engine.reading import Poison
from projections.engine.rebuild import (
    ENTRIES_A_PART,
    SMALL,
    BeingRebuilt,
    CannotBuild,
    alone,
    partitions_for,
    rebuild,
)
from projections.engine.switch import drop_version
from projections.engine.verify import verify
from projections.engine.versions import Version, connect, live_version, version_of, versions_of
from tests.application.running import a_worker, as_owner, head_of, make_ready
from tests.builders import a_participation
from tests.interfaces.serving import eventually
from tests.projections.logs import grow
from tests.projections.rebuilding import BUILT, LOOKED_AT, started
from tests.projections.some import (
    BY_KIND,
    CHOKES,
    one_that_chokes,
    projections_of,
    some,
)
from tests.projections.versions import a_version

PARTITIONS, PROCESSES = 6, 2
ALL = tuple(one.newest for one in some().values())


@pytest.fixture(scope="module")
def url(database_url: str) -> str:
    """A log of thousands of events, with two folds more than ours."""
    make_ready(database_url, some())
    grow(database_url, 12_000, 1_500)
    return database_url


@contextmanager
def written_to(url: str) -> Iterator[None]:
    """A block during which somebody writes without a pause."""
    ended = threading.Event()

    async def story() -> None:
        async with a_worker(url, folds=ALL) as worker:
            number = 0
            while not ended.is_set():
                await worker.do(a_participation(f"meanwhile {number % 50}"))
                number += 1

    writing = threading.Thread(target=lambda: asyncio.run(story()))
    before = head_of(url)
    writing.start()
    try:
        eventually(lambda: head_of(url) > before + 3)
        yield
    finally:
        ended.set()
        writing.join()


def killed_after(url: str, name: str, times_told: int) -> bool:
    """Begin a rebuild, and kill it when it has told of its progress so often; whether it was."""
    rebuilding = started(url, name, PARTITIONS, PROCESSES)
    assert rebuilding.stdout is not None
    told = 0
    for line in rebuilding.stdout:
        if line.startswith(BUILT):
            rebuilding.wait()
            return False
        told += line.startswith(LOOKED_AT)
        if told >= times_told:
            break
    rebuilding.kill()
    rebuilding.stdout.close()
    rebuilding.wait()
    return True


def finished(url: str, name: str) -> Version:
    """Rebuild to the end, as soon as the database knows of the death of who did before."""
    while True:
        try:
            return rebuild(url, name, projections=some, partitions=PARTITIONS, processes=1)
        except BeingRebuilt:
            continue


def killed_and_resumed(url: str, name: str, moments: list[int]) -> None:
    """Kill rebuilds at some moments and finish; it is what an undisturbed one would be."""
    with connect(url) as connection:
        before = {version.number for version in versions_of(connection, name)}
    with written_to(url):
        for times_told in moments:
            if not killed_after(url, name, times_told):
                break
        disturbed = finished(url, name)
        undisturbed = finished(url, name)
    with connect(url) as connection:
        there = {version.number for version in versions_of(connection, name)}
    assert there - before <= {disturbed.number, undisturbed.number}
    head = head_of(url)
    for version in (disturbed, undisturbed):
        asyncio.run(followed_to(url, version, head))
    one, other = (
        verify(url, name, version.number, projections=some, processes=1)
        for version in (disturbed, undisturbed)
    )
    assert one.is_sound
    assert one.rows > 0
    assert one.stored_digest == other.stored_digest
    with connect(url) as connection:
        for number in {disturbed.number, undisturbed.number}:
            drop_version(connection, version_of(connection, name, number))


async def followed_to(url: str, version: Version, position: int) -> None:
    """Have a version followed until it is there."""
    fold = some()[version.name].newest
    following = asyncio.create_task(follow(url, FollowVersion(fold, version)))

    def there() -> bool:
        with connect(url) as connection:
            return version_of(connection, version.name, version.number).position >= position

    await asyncio.to_thread(eventually, there)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["entity", "by_kind"])
def test_a_rebuild_that_was_killed_is_resumed_to_the_same_rows(url: str, name: str) -> None:
    killed_and_resumed(url, name, [0, 2, 5])


@pytest.mark.scale
def test_a_rebuild_may_be_killed_at_any_moment(url: str) -> None:
    chance = Random(0)
    for _ in range(50):
        moments = sorted(chance.randint(0, PARTITIONS) for _ in range(2))
        killed_and_resumed(url, chance.choice(["entity", "by_kind"]), moments)


def test_finished_partitions_are_not_built_again(url: str) -> None:
    assert killed_after(url, "by_kind", 4)
    ((version, built),) = as_owner(
        url,
        "select version, count(*) from projection_part natural join projection"
        " where name = 'by_kind' and state = 'building' group by version",
    )

    resumed = finished(url, "by_kind")

    assert (resumed.number, built >= 1) == (version, True)
    assert resumed.parts_built == PARTITIONS
    with connect(url) as connection:
        drop_version(connection, resumed)


def test_nobody_else_may_rebuild_meanwhile(url: str) -> None:
    with connect(url) as connection, alone(connection, "entity"):  # noqa: SIM117
        with pytest.raises(BeingRebuilt):
            rebuild(url, "entity", projections=some)


def test_what_has_no_live_version_becomes_live_when_it_is_built(url: str) -> None:
    fold = projections_of(BY_KIND_OF_ITS_OWN, inline=False)

    built = rebuild(url, "of_its_own", projections=lambda: fold, processes=1)

    assert built.is_live
    assert verify(url, "of_its_own", projections=lambda: fold, processes=1).is_sound


BY_KIND_OF_ITS_OWN = type(BY_KIND)(
    name="of_its_own",
    state=BY_KIND.state,
    events=BY_KIND.events,
    evolve=BY_KIND.evolve,
    keys=BY_KIND.keys,
)


# What cannot be folded


@pytest.fixture
def poisoned(empty_database_url: str) -> str:
    """A log with entries that a fold cannot take, the first at position 4."""
    make_ready(empty_database_url)

    async def story() -> None:
        async with a_worker(empty_database_url) as worker:
            for kind in ("gig.started", "gig.completed", "gig.started", *["signal.negative"] * 9):
                await worker.do(a_participation(kind=kind))

    asyncio.run(story())
    return empty_database_url


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_rebuild_stops_at_an_entry_that_it_cannot_take_and_says_why(
    poisoned: str, partitions: int
) -> None:
    with pytest.raises(CannotBuild, match=r"position 4 .*ZeroDivisionError: of no use"):
        rebuild(poisoned, "chokes", projections=one_that_chokes, partitions=partitions, processes=1)

    with connect(poisoned) as connection:
        (version,) = versions_of(connection, "chokes")
        assert live_version(connection, "chokes") is None
    assert (version.condition, version.position) == ("failed", 3)
    assert version.cause == "ZeroDivisionError: of no use"


def test_follow_stops_at_the_same_entry_with_the_same_words(poisoned: str) -> None:
    with connect(poisoned) as connection:
        version = a_version(connection, one_that_chokes()["chokes"], until=0)

    stopped = asyncio.run(follow(poisoned, FollowVersion(CHOKES, version)))

    with connect(poisoned) as connection:
        (version,) = versions_of(connection, "chokes")
    assert stopped
    assert (version.condition, version.position) == ("failed", 3)
    assert version.cause == "ZeroDivisionError: of no use"


def test_so_does_catching_up(poisoned: str) -> None:
    with connect(poisoned) as connection:
        version = a_version(connection, one_that_chokes()["chokes"], until=0)

        with pytest.raises(Poison, match="position 4 cannot be taken: ZeroDivisionError: of no"):
            catch_up(connection, CHOKES, version)


def test_an_index_that_does_not_fit_stops_a_version_as_well(url: str) -> None:
    wrong = "create index on state_by_kind (((row ->> 'number')::date))"
    projection = Projection("by_kind", (BY_KIND,), inline=True, sql=wrong)

    with pytest.raises(CannotBuild, match="must be marked IMMUTABLE"):
        rebuild(url, "by_kind", projections=lambda: {"by_kind": projection}, processes=1)

    with connect(url) as connection:
        *_, version = versions_of(connection, "by_kind")
        assert version.condition == "failed"
        drop_version(connection, version)


def test_a_version_that_was_stopped_gives_way_to_the_next(poisoned: str) -> None:
    for _ in range(2):
        with pytest.raises(CannotBuild):
            rebuild(poisoned, "chokes", projections=one_that_chokes, processes=1)

    with connect(poisoned) as connection:
        assert [version.number for version in versions_of(connection, "chokes")] == [2]


# Partitions


def test_a_small_log_is_built_in_one_piece() -> None:
    assert partitions_for(SMALL, 8) == 1


def test_a_large_log_falls_into_as_many_partitions_as_its_rows_need() -> None:
    assert partitions_for(1_000_000, 2) == 2
    assert partitions_for(ENTRIES_A_PART * 2 + 1, 2) == 4
    assert partitions_for(5_000_000, 4) == 12


def test_what_is_followed_and_cannot_be_built_is_in_nobody_s_way(poisoned: str) -> None:
    for _ in range(2):
        assert make_ready(poisoned, one_that_chokes()) == []

    with connect(poisoned) as connection:
        (version,) = versions_of(connection, "chokes")
    assert (version.number, version.condition) == (1, "failed")
