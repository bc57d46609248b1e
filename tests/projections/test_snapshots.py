"""Snapshots: the row of every so many versions, kept beside it, so that its past is near."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from application.log.submission import Submission
from domain.entity import ENTITY, Entity
from domain.fold import SNAPSHOT_EVERY, AnyFold
from domain.known import NO_ROW, Key, Row
from projections.catalogue import INLINE
from projections.engine.replay import Past, Replay, fold_entry
from projections.standing import AskStanding
from tests.application.running import Worker, a_worker, as_owner, head_of, log_of, make_ready
from tests.builders import a_lookup, a_participation, a_principal
from tests.projections.test_tables import happens, shown

REPLAY = Replay(INLINE)
EVERY = 2


def stored_snapshots(url: str, *folds: AnyFold) -> dict[tuple[Key, int], tuple[int, int, str]]:
    rows = as_owner(
        url,
        "select fold, key, version, position, row::text from snapshot where fold = any(%s)",
        [fold.name for fold in folds],
    )
    return {
        ((fold, key), position): (version, position, row)
        for fold, key, version, position, row in rows
    }


def folded_snapshots(
    url: str, every: int, *folds: AnyFold
) -> dict[tuple[Key, int], tuple[int, int, str]]:
    """What is to be kept, from the whole log."""
    rows: dict[Key, Row] = {}
    kept: dict[tuple[Key, int], tuple[int, int, str]] = {}
    for position, entry in log_of(url):
        for fold in folds:
            for name in fold.keys(entry) if isinstance(entry.data, fold.events) else ():
                key = (fold.name, name)
                row = rows[key] = fold_entry(fold, rows.get(key, NO_ROW), position, entry)
                if row.version and row.version % every == 0:
                    kept[key, position] = shown({key: row})[key]
    return kept


async def reported(worker: Worker, partner: str, *batches: int) -> str:
    """So many events of one person in each of some batches; the person's entity."""
    who = a_principal(partner)
    for number in batches:
        group = [Submission(a_participation(tenant=who.tenant), who) for _ in range(number)]
        await worker.committer.answer_together(group)
    found = await worker.ask(AskStanding(a_lookup(tenant=who.tenant)))
    return str(found.found.entity_id)


async def entity_of(past: Past, entity_id: str) -> Entity | None:
    return (await past.states(ENTITY, [entity_id])).get(entity_id)


@pytest.mark.parametrize("seed", range(300, 304))
def test_what_is_kept_with_each_write_is_what_the_whole_log_gives(log_url: str, seed: int) -> None:
    as_owner(log_url, "delete from snapshot")
    before = head_of(log_url)
    happens(log_url, seed, snapshot_every=EVERY)

    folded = folded_snapshots(log_url, EVERY, *INLINE)

    assert stored_snapshots(log_url, *INLINE) == {
        (key, position): row for (key, position), row in folded.items() if position > before
    }
    assert folded != {}


def test_the_snapshots_of_a_table_that_is_new_are_filled_from_the_log(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await reported(worker, "filled", 2 * SNAPSHOT_EVERY + 1)

    asyncio.run(story())
    ((table,),) = as_owner(
        log_url, "select distinct tableoid::regclass::text from state where fold = 'entity'"
    )
    as_owner(log_url, f"drop table {table}")

    make_ready(log_url)

    filled = stored_snapshots(log_url, ENTITY)
    assert filled == folded_snapshots(log_url, SNAPSHOT_EVERY, ENTITY)
    assert len(filled) == 2


def test_a_long_row_is_kept_again_and_again_in_one_batch_and_over_several(log_url: str) -> None:
    async def story() -> str:
        async with a_worker(log_url) as worker:
            return await reported(worker, "kept", 2 * SNAPSHOT_EVERY + 300, 400, 400)

    entity_id = asyncio.run(story())

    kept = as_owner(
        log_url,
        "select version, (row ->> 'event_count')::integer from snapshot where key = %s"
        " order by position",
        entity_id,
    )
    assert kept == [(number * SNAPSHOT_EVERY,) * 2 for number in (1, 2, 3)]


def test_around_a_snapshot_rows_are_those_folded_from_the_beginning(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            before = head_of(log_url)
            entity_id = await reported(worker, "around", SNAPSHOT_EVERY + 7, SNAPSHOT_EVERY)
            fetch = worker.across_for(a_principal("around"))
            for version in (
                1,
                *(SNAPSHOT_EVERY + step for step in (-1, 0, 1)),
                *(2 * SNAPSHOT_EVERY + step for step in (-1, 0, 1, 7)),
            ):
                position = before + version
                from_kept = Past(REPLAY, position, "", fetch)
                from_none = Past(REPLAY, position, "", fetch, from_the_beginning=True)
                entity = await entity_of(from_kept, entity_id)
                assert entity == await entity_of(from_none, entity_id)
                assert entity is not None
                assert entity.event_count == version

    asyncio.run(story())


def test_no_more_is_read_than_lies_between_two_snapshots(log_url: str) -> None:
    read: list[int] = []

    async def story() -> None:
        async with a_worker(log_url) as worker:
            before = head_of(log_url)
            entity_id = await reported(worker, "near", *[SNAPSHOT_EVERY] * 4)
            fetch = worker.across_for(a_principal("near"))

            async def counted(statement: bytes, parameters: Mapping[str, Any]) -> Sequence[Any]:
                rows = await fetch(statement, parameters)
                read.append(len(rows))
                return rows

            for version in (1, SNAPSHOT_EVERY, 2 * SNAPSHOT_EVERY - 1, 4 * SNAPSHOT_EVERY):
                await entity_of(Past(REPLAY, before + version, "", counted), entity_id)

    asyncio.run(story())

    # The entries before the first; the first itself; it and what comes after; the present row.
    assert read == [1, 1, SNAPSHOT_EVERY, 1]


# Control


def test_a_snapshot_that_says_something_else_is_noticed(log_url: str) -> None:
    async def story() -> tuple[object, object]:
        async with a_worker(log_url) as worker:
            entity_id = await reported(worker, "spoiled", SNAPSHOT_EVERY + 2)
            fetch, position = worker.across_for(a_principal("spoiled")), head_of(log_url) - 1
            as_owner(
                log_url,
                "update snapshot set row = (row::jsonb || '{\"event_count\": 7}')::json"
                " where key = %s",
                entity_id,
            )
            return (
                await entity_of(Past(REPLAY, position, "", fetch), entity_id),
                await entity_of(
                    Past(REPLAY, position, "", fetch, from_the_beginning=True), entity_id
                ),
            )

    from_kept, from_none = asyncio.run(story())

    assert from_kept != from_none
