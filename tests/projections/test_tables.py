"""The tables of folds: the same rows, whether folded with each write or from the whole log."""

import asyncio
from random import Random
from typing import Any

import msgspec
import pytest

from application.log.recorder import Log
from application.log.submission import Submission
from domain.entity import Participated
from domain.events import Entry
from domain.fold import AnyFold, Fold
from domain.known import Key, Row
from domain.partner import KeyAdded, KeyDeleted
from interfaces.wiring import prepare
from projections.catalogue import INLINE
from projections.engine.tables import fold_log, make_tables
from tests.application.running import a_worker, as_owner
from tests.builders import (
    a_key_added,
    a_key_deleted,
    a_participation,
    a_principal,
    an_approval,
    an_erasure,
    an_evaluation,
    an_issued_key,
)

KINDS = ("gig.started", "gig.completed", "signal.positive")


class Count(msgspec.Struct, frozen=True):
    number: int


def count(state: Count | None, entry: Entry) -> Count | None:
    """How many keys a partner holds, or how many events of a kind there are; no row for none."""
    number = (state.number if state else 0) + (-1 if isinstance(entry.data, KeyDeleted) else 1)
    return Count(number) if number else None


BY_KIND = Fold(
    name="by_kind_v1",
    state=Count,
    events=(Participated,),
    evolve=count,
    keys=lambda entry: (entry.data.kind,) if isinstance(entry.data, Participated) else (),
)
KEYS_HELD = Fold(name="keys_held_v1", state=Count, events=(KeyAdded, KeyDeleted), evolve=count)


def happens(url: str, seed: int, folds: tuple[AnyFold, ...] = INLINE) -> None:
    """A little of everything, in batches of any size."""
    chance = Random(seed)

    async def story() -> None:
        async with a_worker(url, folds=folds) as worker:
            partner = f"partner-{seed}"
            keys = [an_issued_key(f"{partner} {number}") for number in range(100)]
            unused = iter(keys)
            await worker.do(an_approval(partner, key=next(unused)))
            for _ in range(8):
                batch: list[Any] = [
                    chance.choice(
                        [
                            a_participation(f"{seed} {chance.randrange(3)}"),
                            a_participation(f"{seed} 0", kind=chance.choice(KINDS)),
                            an_evaluation(f"{seed} {chance.randrange(3)}"),
                            an_erasure(f"{seed} {chance.randrange(9)}"),
                            a_key_added(next(unused), partner),
                            a_key_deleted(chance.choice(keys[:9]), partner),
                        ]
                    )
                    for _ in range(chance.randrange(1, 9))
                ]
                await worker.together(
                    *(Submission(command, a_principal(partner)) for command in batch)
                )

    asyncio.run(story())


def stored_rows(url: str, *folds: AnyFold) -> dict[Key, tuple[int, int, str]]:
    rows = as_owner(
        url,
        "select fold, key, version, position, row::text from state where fold = any(%s)",
        [fold.name for fold in folds],
    )
    return {(fold, key): (version, position, row) for fold, key, version, position, row in rows}


def folded_rows(url: str, *folds: AnyFold) -> dict[Key, tuple[int, int, str]]:
    with Log(url) as log:
        return shown(fold_log(log.entries(), folds))


def shown(rows: dict[Key, Row]) -> dict[Key, tuple[int, int, str]]:
    return {
        key: (row.version, row.position, msgspec.json.encode(row.state).decode())
        for key, row in rows.items()
    }


@pytest.mark.parametrize("seed", range(6))
def test_rows_folded_with_each_write_are_those_folded_from_the_whole_log(
    log_url: str, seed: int
) -> None:
    happens(log_url, seed)

    stored = stored_rows(log_url, *INLINE)

    assert stored == folded_rows(log_url, *INLINE)
    assert {fold for fold, _ in stored} == {fold.name for fold in INLINE}


def test_a_new_folds_table_is_filled_from_the_log(log_url: str) -> None:
    as_owner(log_url, "drop table if exists state_by_kind_v1, state_keys_held_v1")
    happens(log_url, 20)

    with Log(log_url) as log:
        made = make_tables(log_url, [*INLINE, BY_KIND, KEYS_HELD], log.entries)

    assert made == ["by_kind_v1", "keys_held_v1"]
    assert stored_rows(log_url, BY_KIND, KEYS_HELD) == folded_rows(log_url, BY_KIND, KEYS_HELD)
    assert stored_rows(log_url, BY_KIND) != {}


def test_a_table_that_is_there_is_left_alone(log_url: str) -> None:
    with Log(log_url) as log:
        make_tables(log_url, INLINE, log.entries)
    happens(log_url, 30)
    before = stored_rows(log_url, *INLINE)

    made = make_tables(log_url, INLINE, lambda: [])

    assert made == []
    assert stored_rows(log_url, *INLINE) == before


def test_a_table_that_was_filled_goes_on_with_each_write(log_url: str) -> None:
    as_owner(log_url, "drop table if exists state_by_kind_v1, state_keys_held_v1")
    happens(log_url, 40)
    with Log(log_url) as log:
        make_tables(log_url, [BY_KIND, KEYS_HELD], log.entries)

    happens(log_url, 41, (*INLINE, BY_KIND, KEYS_HELD))

    assert stored_rows(log_url, BY_KIND, KEYS_HELD) == folded_rows(log_url, BY_KIND, KEYS_HELD)


def test_making_tables_waits_for_whoever_writes_and_misses_nothing(log_url: str) -> None:
    fold = Fold(
        name="waited_v1", state=Count, events=(Participated,), evolve=count, keys=BY_KIND.keys
    )

    async def story() -> None:
        async with a_worker(log_url) as worker:
            making = asyncio.create_task(asyncio.to_thread(make, fold))
            while not making.done():
                await worker.do(a_participation("waited"))
            await making

    def make(fold: AnyFold) -> None:
        with Log(log_url) as log:
            make_tables(log_url, [fold], log.entries)

    asyncio.run(story())

    filled = stored_rows(log_url, fold)
    with Log(log_url) as log:
        until = max(position for _, position, _ in filled.values())
        assert filled == shown(fold_log(log.entries(until=until), [fold]))


def test_a_fold_of_an_empty_log_has_an_empty_table(empty_database_url: str) -> None:
    prepare(empty_database_url)

    assert stored_rows(empty_database_url, *INLINE) == {}
    assert prepare(empty_database_url) == []
