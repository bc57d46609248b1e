"""Switching: which version is live changes at once, for everybody, and nobody is refused for it."""

import asyncio

import msgspec
import psycopg
import pytest

from application.following import follow
from application.log.recorder import Log
from domain.fold import AnyFold
from domain.refusals import Unavailable
from projections.catalogue import INLINE
from projections.engine.follow import FollowVersion
from projections.engine.rebuild import rebuild
from projections.engine.switch import (
    CannotSwitch,
    Switched,
    drop_version,
    switch,
    version_before,
)
from projections.engine.tables import fold_log
from projections.engine.verify import verify
from projections.engine.versions import (
    NoSuchVersion,
    begin_version,
    connect,
    version_of,
)
from tests.application.running import Worker, a_worker, as_owner, make_ready
from tests.builders import a_participation, an_id
from tests.interfaces.serving import eventually
from tests.projections.some import BY_KIND, DOUBLE, before, both
from tests.projections.versions import AskRows, Rows, dropped

KINDS = ("gig.started", "gig.completed")
OLD, NEW = (*INLINE, BY_KIND), (*INLINE, BY_KIND, DOUBLE)


@pytest.fixture
def url(empty_database_url: str) -> str:
    """A log with a version of each fold, one of which is about to change."""
    make_ready(empty_database_url, before())
    asyncio.run(happens(empty_database_url))
    return empty_database_url


async def happens(url: str, folds: tuple[AnyFold, ...] = NEW, times: int = 20) -> None:
    async with a_worker(url, folds=folds) as worker:
        for number in range(times):
            await worker.do(a_participation(f"{number % 5}", kind=KINDS[number % 2]))


def rebuilt(url: str) -> int:
    return rebuild(url, "by_kind", projections=both, processes=1).number


def switched(url: str, number: int) -> Switched:
    with connect(url) as connection:
        return switch(connection, both()["by_kind"], number)


def test_the_next_version_is_live_after_a_switch_and_the_one_before_after_a_rollback(
    url: str,
) -> None:
    number = rebuilt(url)
    live = [verify(url, "by_kind", projections=both, processes=1)]

    made = switched(url, number)
    live.append(verify(url, "by_kind", projections=both, processes=1))
    with connect(url) as connection:
        back = switched(url, version_before(connection, "by_kind"))
    live.append(verify(url, "by_kind", projections=both, processes=1))

    assert [(one.version, one.is_sound) for one in live] == [(1, True), (2, True), (1, True)]
    assert (made.version, made.before, back.version, back.before) == (2, 1, 1, 2)
    assert back.generation == made.generation + 1


def test_nobody_is_refused_and_nobody_sees_half_a_version_while_versions_change(url: str) -> None:
    seen: list[dict[str, tuple[int, int, str]]] = []

    async def story() -> None:
        ended = asyncio.Event()
        async with a_worker(url, folds=NEW) as one, a_worker(url, folds=NEW) as other:
            working = [asyncio.create_task(write(worker, ended)) for worker in (one, other)]
            working += [asyncio.create_task(read(worker, ended, seen)) for worker in (one, other)]
            number = await asyncio.to_thread(rebuilt, url)
            for target in (number, 1) * 3:
                await asyncio.to_thread(switched, url, target)
            ended.set()
            await asyncio.gather(*working)

    asyncio.run(story())

    some_of_it = seen[:: max(len(seen) // 50, 1)]
    assert [rows for rows in some_of_it if not is_of_one_moment(url, rows)] == []
    for number, code in ((1, BY_KIND), (2, DOUBLE)):
        asyncio.run(followed(url, code, number))
        assert verify(url, "by_kind", number, projections=both, processes=1).is_sound


async def write(worker: Worker, ended: asyncio.Event) -> None:
    while not ended.is_set():
        await worker.do(a_participation(an_id(), kind=KINDS[0]))


async def read(worker: Worker, ended: asyncio.Event, seen: list[Rows]) -> None:
    while not ended.is_set():
        seen.append(await worker.ask(AskRows("by_kind", KINDS)))


def is_of_one_moment(url: str, rows: Rows) -> bool:
    """Whether rows are what one of the codes makes of the log up to the newest of them."""
    with Log(url) as log:
        entries = list(log.entries(until=max(position for _, position, _ in rows.values())))
    states = {key: row for key, (_, _, row) in rows.items()}
    return states in [
        {key: shown(row.state) for (_, key), row in fold_log(entries, [code]).items()}
        for code in (BY_KIND, DOUBLE)
    ]


def test_half_a_version_would_be_noticed(url: str) -> None:
    whole = asyncio.run(asked(url))
    half = whole | {KINDS[0]: (1, 1, '{"number":1}')}

    assert is_of_one_moment(url, whole)
    assert not is_of_one_moment(url, half)


async def asked(url: str) -> Rows:
    async with a_worker(url, folds=NEW) as worker:
        rows: Rows = await worker.ask(AskRows("by_kind", KINDS))
        return rows


def shown(state: object) -> str:
    return msgspec.json.encode(state).decode()


async def followed(url: str, fold: AnyFold, number: int) -> None:
    """Have a version followed to the head; nothing to do for the live one."""
    with connect(url) as connection:
        version = version_of(connection, fold.name, number)
    following = asyncio.create_task(follow(url, FollowVersion(fold, version)))

    def there() -> bool:
        with connect(url) as connection:
            return version_of(connection, fold.name, number).lag == 0

    await asyncio.to_thread(eventually, there)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def test_a_worker_that_lacks_the_code_stops_and_goes_on_when_it_has_it_again(url: str) -> None:
    number = rebuilt(url)

    async def story() -> None:
        async with a_worker(url, folds=OLD) as old, a_worker(url, folds=NEW) as new:
            await old.do(a_participation())
            await asyncio.to_thread(switched, url, number)
            await new.do(a_participation())
            with pytest.raises(Unavailable, match="lacks the code of what is live of by_kind"):
                await old.do(a_participation())
            with pytest.raises(Unavailable, match="by_kind"):
                await old.ask(AskRows("by_kind", KINDS))
            assert await old.ask(AskRows("entity", ("nobody",))) == {}
            await asyncio.to_thread(switched, url, 1)
            await old.do(a_participation())
            assert await old.ask(AskRows("by_kind", KINDS)) != {}

    asyncio.run(story())

    assert verify(url, "by_kind", projections=both, processes=1).is_sound


def test_a_worker_without_a_table_for_one_of_its_folds_writes_nothing(url: str) -> None:
    new_to_it = type(BY_KIND)(
        name="nowhere", state=BY_KIND.state, events=BY_KIND.events, evolve=BY_KIND.evolve
    )

    async def story() -> None:
        async with a_worker(url, folds=(*OLD, new_to_it)) as worker:
            with pytest.raises(Unavailable, match="nowhere"):
                await worker.do(a_participation())

    asyncio.run(story())


def test_a_long_reader_delays_a_switch_and_no_writer(url: str) -> None:
    number = rebuilt(url)

    async def story() -> None:
        async with a_worker(url, folds=NEW) as worker:
            with psycopg.connect(url) as reader:
                reader.execute("select count(*) from state").fetchall()
                switching = asyncio.create_task(asyncio.to_thread(switched, url, number))
                for _ in range(100):
                    await worker.do(a_participation())
                assert not switching.done()
            await switching

    asyncio.run(story())

    assert verify(url, "by_kind", projections=both, processes=1).version == number


SWITCHED_AGAIN = """
    insert into projection_switch (generation, name, version, position)
    select max(generation) + 1, 'by_kind', 1, 0 from projection_switch
"""


def test_whoever_asks_in_the_midst_of_a_switch_sees_it(url: str) -> None:
    async def story() -> tuple[int, int]:
        async with a_worker(url, folds=NEW) as worker:
            await worker.ask(AskRows("by_kind", ()))
            before = worker.reader.live.generation
            with psycopg.connect(url) as switching:
                switching.execute("lock table state")
                switching.execute(SWITCHED_AGAIN)
                asking = asyncio.create_task(worker.ask(AskRows("by_kind", ())))
                await asyncio.to_thread(eventually, lambda: as_owner(url, WAITING))
            await asking
            return before, worker.reader.live.generation

    before, after = asyncio.run(story())

    assert after == before + 1


WAITING = """
    select pid from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'
"""


def test_what_a_version_is_behind_is_folded_before_it_is_live(url: str) -> None:
    number = rebuilt(url)
    asyncio.run(happens(url))

    switched(url, number)

    assert verify(url, "by_kind", projections=both, processes=1).is_sound


def test_the_version_before_goes_on_from_the_switch(url: str) -> None:
    switched(url, rebuilt(url))
    asyncio.run(happens(url))
    with connect(url) as connection:
        assert version_of(connection, "by_kind", 1).lag == 20

    asyncio.run(followed(url, BY_KIND, 1))

    assert verify(url, "by_kind", 1, projections=both, processes=1).is_sound


def test_a_version_that_is_live_now_is_followed_by_nobody(url: str) -> None:
    number = rebuilt(url)
    with connect(url) as connection:
        version = version_of(connection, "by_kind", number)
    switched(url, number)

    stopped = asyncio.run(follow(url, FollowVersion(DOUBLE, version)))

    assert not stopped
    assert as_owner(url, "select name from follower") == [("projection by_kind 1",)]


def test_what_is_live_or_not_built_cannot_be_switched_to(url: str) -> None:
    with connect(url) as connection:
        begun = begin_version(connection, both()["by_kind"], partitions=1, until=0)

    with pytest.raises(CannotSwitch, match="live already"):
        switched(url, 1)
    with pytest.raises(CannotSwitch, match="not built yet"):
        switched(url, begun.number)
    with pytest.raises(NoSuchVersion, match="no version 7; there are: 1, 2"):
        switched(url, 7)


def test_without_its_code_a_version_can_be_live_only_where_it_is_at_the_head(url: str) -> None:
    number = rebuilt(url)
    with connect(url) as connection:
        switch(connection, before()["by_kind"], number)
        switched(url, 1)
    asyncio.run(happens(url))

    with connect(url) as connection, pytest.raises(CannotSwitch, match="20 entries behind"):
        switch(connection, before()["by_kind"], number)


def test_a_version_that_was_dropped_is_gone_and_its_number_is_not_given_again(url: str) -> None:
    number = rebuilt(url)

    with connect(url) as connection:
        dropped(connection, version_of(connection, "by_kind", number))
        with pytest.raises(CannotSwitch, match="is live"):
            drop_version(connection, version_of(connection, "by_kind", 1))

    assert as_owner(url, "select to_regclass(%s)", f"state_by_kind_{number}") == [(None,)]
    assert rebuilt(url) == number + 1


def test_there_is_nothing_to_go_back_to_before_the_first_switch(url: str) -> None:
    with connect(url) as connection, pytest.raises(NoSuchVersion):
        version_before(connection, "by_kind")


def test_switches_are_noted_for_ever(url: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation):
        as_owner(url, "delete from projection_switch")
