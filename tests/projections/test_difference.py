"""What differs between two versions, and the entries behind it."""

import asyncio

import pytest

from application.following import follow
from projections.engine.difference import difference, explain
from projections.engine.follow import FollowVersion
from projections.engine.projection import Projection
from projections.engine.rebuild import rebuild
from projections.engine.verify import CodeIsMissing, verify
from projections.engine.versions import NoSuchVersion, connect, version_of
from tests.application.running import a_worker, as_owner, head_of, make_ready
from tests.builders import a_participation
from tests.projections.some import BY_KIND, DOUBLE, before, both
from tests.projections.versions import a_version

KINDS = ("gig.started", "gig.completed", "gig.started")


@pytest.fixture
def url(empty_database_url: str) -> str:
    """A log of three entries, with two versions of a projection whose code has changed."""
    make_ready(empty_database_url, before())
    asyncio.run(happens(empty_database_url, *KINDS))
    assert rebuild(empty_database_url, "by_kind", projections=both, processes=1).number == 2
    return empty_database_url


async def happens(url: str, *kinds: str) -> None:
    folds = tuple(fold for one in both().values() for fold in one.folds)
    async with a_worker(url, folds=folds) as worker:
        for kind in kinds:
            await worker.do(a_participation(kind=kind))


def test_rows_are_counted_by_what_became_of_them(url: str) -> None:
    as_owner(url, "delete from state_by_kind_1 where key = 'gig.started'")
    as_owner(url, "insert into state_by_kind_2 values ('by_kind', 'more', 1, 1, '{\"number\":1}')")

    with connect(url) as connection:
        found = difference(connection, both()["by_kind"], 1, 2)

    assert (found.only_in_a, found.only_in_b, found.changed, found.equal) == (0, 2, 1, 0)
    assert [(pair.key, pair.verdict, pair.a, pair.b) for pair in found.page] == [
        ("gig.completed", "changed", {"number": 1}, {"number": 2}),
        ("gig.started", "only in B", None, {"number": 4}),
        ("more", "only in B", None, {"number": 1}),
    ]
    assert found.page[0].members == ["number"]
    assert found.differs


def test_a_page_goes_on_after_a_key(url: str) -> None:
    with connect(url) as connection:
        first = difference(connection, both()["by_kind"], 1, 2, limit=1).page
        second = difference(connection, both()["by_kind"], 1, 2, after=first[0].key, limit=1).page

    assert [pair.key for pair in (*first, *second)] == ["gig.completed", "gig.started"]


def test_equal_versions_differ_in_nothing(url: str) -> None:
    rebuild(url, "by_kind", projections=both, processes=1)

    with connect(url) as connection:
        found = difference(connection, both()["by_kind"], 2, 3)

    assert (found.differs, found.equal, found.page) == (False, 2, ())


def test_what_only_one_of_them_has_read_is_told_apart(url: str) -> None:
    asyncio.run(happens(url, "gig.started", "signal.positive"))

    with connect(url) as connection:
        found = difference(connection, both()["by_kind"], 1, 2)

    assert (found.position, found.touched_since) == (3, 2)
    assert [pair.key for pair in found.page] == ["gig.completed"]


def test_a_row_that_went_since_is_told_apart_too(url: str) -> None:
    asyncio.run(happens(url, "gig.started"))
    as_owner(url, "delete from state_by_kind_1 where key = 'gig.started'")

    with connect(url) as connection:
        found = difference(connection, both()["by_kind"], 1, 2)

    assert (found.only_in_b, found.touched_since) == (0, 1)


def test_equal_states_of_other_entries_are_equal_and_counted(url: str) -> None:
    as_owner(url, "update state_by_kind_2 set row = '{\"number\":1}' where key = 'gig.completed'")
    as_owner(url, "update state_by_kind_2 set version = 9 where key = 'gig.completed'")

    with connect(url) as connection:
        found = difference(connection, both()["by_kind"], 1, 2)

    assert (found.changed, found.equal_of_other_entries) == (1, 1)


def test_the_entries_behind_a_difference_are_those_at_which_it_began_or_one_moved(url: str) -> None:
    with connect(url) as connection:
        found = explain(connection, both()["by_kind"], 1, 2, "gig.started")

    assert found.row is not None
    assert (found.row.a, found.row.b) == ({"number": 2}, {"number": 4})
    assert (found.entries, found.causes) == (2, 1)
    (cause,) = found.shown
    assert (cause.position, cause.type) == (1, "entity.participated.v1")
    assert (cause.a, cause.b) == ({"number": 1}, {"number": 2})


def test_where_a_code_is_not_at_hand_it_is_said(url: str) -> None:
    with connect(url) as connection:
        found = explain(connection, before()["by_kind"], 1, 2, "gig.started")

    assert found.row is not None
    assert (found.lacks, found.causes) == ((2,), 0)


def test_a_row_that_neither_has_is_none(url: str) -> None:
    with connect(url) as connection:
        found = explain(connection, both()["by_kind"], 1, 2, "never")

    assert (found.row, found.entries) == (None, 0)


def test_rows_of_streams_and_of_entities_are_explained_by_their_own_entries(url: str) -> None:
    ours = both()
    for name in ("entity", "membership"):
        rebuild(url, name, projections=both, processes=1)
    ((key,),) = as_owner(url, "select min(key) from state where fold = 'entity'")

    with connect(url) as connection:
        of_stream = explain(connection, ours["entity"], 1, 2, key)
        of_entity = explain(connection, ours["membership"], 1, 2, key)

    assert (of_stream.entries, of_stream.causes) == (3, 0)
    assert (of_entity.entries, of_entity.row) == (0, None)


def test_a_version_that_is_not_there_is_told(url: str) -> None:
    with connect(url) as connection, pytest.raises(NoSuchVersion):
        difference(connection, both()["by_kind"], 1, 7)


# Verifying


@pytest.mark.parametrize(("partitions", "processes"), [(1, 1), (3, 1), (3, 2)])
def test_a_sound_version_is_sound_however_the_work_is_shared(
    url: str, partitions: int, processes: int
) -> None:
    found = verify(url, "by_kind", 2, projections=both, partitions=partitions, processes=processes)

    assert (found.is_sound, found.rows, found.position) == (True, 2, 3)


@pytest.mark.parametrize(
    ("harm", "key"),
    [
        ("delete from state_by_kind_2 where key = 'gig.started'", "gig.started"),
        ("update state_by_kind_2 set position = 2 where key = 'gig.started'", "gig.started"),
        ("insert into state_by_kind_2 values ('by_kind', 'x', 1, 1, '{}')", "x"),
        ("insert into snapshot_by_kind_2 values ('by_kind', 'y', 1000, 1, '{}')", "y"),
    ],
)
def test_whatever_is_not_as_the_log_says_is_named(url: str, harm: str, key: str) -> None:
    as_owner(url, harm)

    found = verify(url, "by_kind", 2, projections=both, partitions=2, processes=1)

    assert (found.is_sound, found.differ, found.differing) == (False, 1, (key,))
    assert found.digest != found.stored_digest


def test_a_version_is_verified_while_it_is_written(url: str) -> None:
    async def story() -> None:
        writing = asyncio.create_task(happens(url, *["gig.started"] * 200))
        while not writing.done():
            found = await asyncio.to_thread(verify, url, "by_kind", projections=both, processes=1)
            assert found.is_sound
        await writing

    asyncio.run(story())


def test_a_version_of_unknown_code_cannot_be_verified(url: str) -> None:
    with pytest.raises(CodeIsMissing, match="by_kind 2"):
        verify(url, "by_kind", 2, projections=before)


# Following


def test_a_version_is_followed_from_where_it_was_built(url: str) -> None:
    asyncio.run(happens(url, "signal.positive"))
    with connect(url) as connection:
        version = version_of(connection, "by_kind", 2)

    async def story() -> None:
        following = asyncio.create_task(follow(url, FollowVersion(DOUBLE, version)))
        while True:
            with connect(url) as connection:
                if not version_of(connection, "by_kind", 2).lag:
                    break
            await asyncio.sleep(0.01)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)

    asyncio.run(story())

    assert verify(url, "by_kind", 2, projections=both, processes=1).position == head_of(url)
    assert verify(url, "by_kind", 2, projections=both, processes=1).is_sound


def test_a_version_that_was_dropped_is_followed_no_more_and_leaves_no_place(url: str) -> None:
    projection = Projection("by_kind", (BY_KIND,), inline=True)
    with connect(url) as connection:
        version = a_version(connection, projection, until=0)
        connection.execute("delete from follower where name = 'projection by_kind 3'")
        connection.execute("update projection set state = 'dropped' where version = 3")

    stopped = asyncio.run(follow(url, FollowVersion(BY_KIND, version)))

    assert not stopped
    assert as_owner(url, "select count(*) from follower where name like '% 3'") == [(0,)]
