"""One fold, four engines: for any log, at any position, the same rows to the byte."""

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any

import msgspec
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.log.recorder import Log
from application.log.submission import Submission
from domain.fold import SNAPSHOT_EVERY, AnyFold
from projections.engine.follow import catch_up, step
from projections.engine.reading import Part
from projections.engine.replay import Replay
from projections.engine.tables import fold_log
from projections.engine.verify import verify
from projections.engine.versions import (
    Version,
    connect,
)
from tests.application.running import a_worker, as_owner, head_of, make_ready
from tests.builders import NOW, a_participation, a_principal
from tests.projections.rebuilding import BUILT, started
from tests.projections.some import some
from tests.projections.test_tables import happens
from tests.projections.versions import AskRows, Rows, a_version, dropped, rows_in

ALL = {name: one.newest for name, one in some().items()}

seeds = count(1_000)


@pytest.fixture(scope="module")
def url(database_url: str) -> str:
    """A log with two folds more than ours, in which a little of everything happened."""
    make_ready(database_url, some())
    happens(database_url, next(seeds), tuple(ALL.values()))
    return database_url


def folded(url: str, fold: AnyFold, until: int) -> Rows:
    """The rows of a fold by nobody's engine, up to a position."""
    with Log(url) as log:
        rows = fold_log(log.entries(until=until), [fold])
    return {
        key: (row.version, row.position, msgspec.json.encode(row.state).decode())
        for (_, key), row in rows.items()
    }


@settings(max_examples=12)
@given(
    name=st.sampled_from(sorted(ALL)),
    chance=st.randoms(use_true_random=False),
    partitions=st.integers(1, 5),
)
def test_every_engine_makes_the_same_rows_at_every_position(
    url: str, name: str, chance: Random, partitions: int
) -> None:
    happens(url, next(seeds), tuple(ALL.values()))
    projection, fold, head = some()[name], ALL[name], head_of(url)
    middle = chance.randint(0, head)

    with connect(url) as connection:
        inline = rows_in(connection, f"state where fold = '{name}'")
        assert inline == folded(url, fold, head)

        rebuilt = a_version(connection, projection, until=middle, partitions=partitions)
        assert rows_in(connection, rebuilt.state) == folded(url, fold, middle)
        catch_up(connection, fold, rebuilt)
        assert rows_in(connection, rebuilt.state) == inline
        dropped(connection, rebuilt)

        followed = a_version(connection, projection, until=0)
        for at, position in in_steps(connection, fold, followed, head, chance):
            assert position == at
            assert rows_in(connection, followed.state) == folded(url, fold, position)
        dropped(connection, followed)

    if fold.about or fold.category:
        assert asyncio.run(replayed(url, fold, middle)) == folded(url, fold, middle)


def in_steps(
    connection: psycopg.Connection, fold: AnyFold, version: Version, head: int, chance: Random
) -> Iterator[tuple[int, int]]:
    """Follow in a few steps of any size: where each is to end, and where it does."""
    at = 0
    for end in sorted({*(chance.randint(1, head) for _ in range(5)), head}):
        with connection.transaction():
            yield end, run(connection, step(fold, version, at, end - at))
        at = end


def run(connection: psycopg.Connection, wants: Any) -> int:
    found: Any = None
    while True:
        try:
            statement, parameters = next(wants) if found is None else wants.send(found)
        except StopIteration as end:
            return int(end.value)
        cursor = connection.execute(statement, parameters)
        found = cursor.fetchall() if cursor.description else []


async def replayed(url: str, fold: AnyFold, position: int) -> Rows:
    """What the replay engine makes of every row that there is today."""
    keys = [key for (key,) in as_owner(url, "select key from state where fold = %s", fold.name)]
    async with a_worker(url, folds=tuple(ALL.values())) as worker:
        question = AskRows(fold.name, tuple(keys))
        fetch = worker.across_for(a_principal())
        rows: Rows = await Replay(ALL.values()).ask_at(question, position, NOW, fetch)
        return rows


def test_neither_hash_seed_nor_time_zone_nor_processes_change_a_row(url: str) -> None:
    digests = set()
    for seed, zone, processes in [("0", "UTC", 1), ("7", "Asia/Kolkata", 2)]:
        for name in ("offspring", "by_kind"):
            rebuilding = started(url, name, 3, processes, PYTHONHASHSEED=seed, TZ=zone, PGTZ=zone)
            output, _ = rebuilding.communicate()
            number = int(output.rpartition(BUILT)[2])
            found = verify(url, name, number, projections=some, processes=1)
            assert found.is_sound
            digests.add((name, found.stored_digest))

    assert len(digests) == 2


def test_every_thousandth_row_of_a_key_is_kept_by_follow_and_rebuild(url: str) -> None:
    many = 2 * SNAPSHOT_EVERY + 50

    async def story() -> None:
        async with a_worker(url, folds=tuple(ALL.values())) as worker:
            who = a_principal("snapshots")
            for _ in range(0, many, 205):
                commands = [
                    Submission(a_participation("a", kind="lending.repaid"), who) for _ in range(205)
                ]
                await worker.committer.answer_together(commands)

    asyncio.run(story())
    projection, fold, head = some()["by_kind"], ALL["by_kind"], head_of(url)
    part = Part(fold, 0, 1)
    with connect(url) as connection:
        part.read(connection, head, lambda more: None)
        expected = {
            (key, row.version, row.position, msgspec.json.encode(row.state).decode())
            for key, row in part.snapshots
        }
        rebuilt = a_version(connection, projection, until=head, partitions=3)
        followed = a_version(connection, projection, until=0)
        catch_up(connection, fold, followed)

        for version in (rebuilt, followed):
            found = rows_in(connection, version.snapshot)
            kept = connection.execute(
                f"select key, version, position, row::text from {version.snapshot}".encode()
            ).fetchall()
            assert set(kept) == expected
            assert len(found) >= 1
            dropped(connection, version)
    assert {version for _, version, *_ in expected} >= {SNAPSHOT_EVERY, 2 * SNAPSHOT_EVERY}


# Controls: the comparison notices what it is there for.


def test_a_row_that_differs_in_a_byte_is_noticed(url: str) -> None:
    with connect(url) as connection:
        version = a_version(connection, some()["by_kind"], until=head_of(url))
        connection.execute(
            f"update {version.state} set row = '{json.dumps({'number': -1})}'"
            f" where key = (select min(key) from {version.state})".encode()
        )

        assert rows_in(connection, version.state) != folded(url, ALL["by_kind"], head_of(url))
        found = verify(url, "by_kind", version.number, projections=some)
        dropped(connection, version)

    assert found.differ == 1
    assert not found.is_sound
