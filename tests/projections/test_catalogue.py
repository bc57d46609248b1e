"""The catalogue: which folds run inline, and which of them count the entries of a stream."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import policy
from domain.events import EVENTS, decode
from domain.fold import AnyFold
from domain.refusals import Refusal
from projections.catalogue import INLINE, VERSIONS
from tests.builders import History
from tests.domain.strategies import commands
from tests.domain.test_events import FILES

ELSEWHERE = {policy.Decided.stored_name}
"""Events in streams of another category than their name says."""

ONE_ENTRY_A_STREAM = {policy.CATEGORY}
"""Categories whose streams have one entry, which nobody needs to count."""


@pytest.mark.parametrize("category", sorted(VERSIONS))
def test_a_fold_that_counts_versions_reads_every_event_of_its_category(category: str) -> None:
    of_category = {name for name in EVENTS if name.startswith(f"{category}.")} - ELSEWHERE

    assert {event.stored_name for event in VERSIONS[category].events} == of_category


def test_a_fold_that_counts_versions_runs_inline_on_its_own_category() -> None:
    for category, fold in VERSIONS.items():
        assert fold in INLINE
        assert fold.category == category


def test_no_two_folds_have_the_same_name() -> None:
    assert len({fold.name for fold in INLINE}) == len(INLINE)


def test_folds_read_only_events_that_are_stored() -> None:
    for fold in INLINE:
        assert {event.stored_name for event in fold.events} <= EVENTS.keys()


@settings(max_examples=25)
@given(st.lists(commands, max_size=15))
def test_the_version_of_a_row_is_the_number_of_its_streams_entries(asked: list[object]) -> None:
    history = History(folds=INLINE)
    for command in asked:
        try:
            history.do(command)  # type: ignore[arg-type]
        except Refusal:
            continue

    streams = Counter(entry.stream for entry in history.entries)
    counted = {
        stream: history.rows[VERSIONS[category].name, aggregate_id].version
        for stream in streams
        for category, _, aggregate_id in [stream.partition("-")]
        if category not in ONE_ENTRY_A_STREAM
    }

    assert counted == {
        stream: length
        for stream, length in streams.items()
        if stream.partition("-")[0] not in ONE_ENTRY_A_STREAM
    }


@pytest.mark.parametrize("fold", INLINE, ids=lambda fold: fold.name)
def test_a_fold_never_refuses_whatever_came_before(fold: AnyFold) -> None:
    entries = [decode(line) for file in FILES for line in file.read_bytes().splitlines()]
    read = [entry for entry in entries if isinstance(entry.data, fold.events)]

    for first in read:
        for second in read:
            state = fold.evolve(None, first)
            fold.evolve(state, second)
            assert all(fold.keys(first))


@pytest.mark.parametrize("fold", INLINE, ids=lambda fold: fold.name)
def test_after_an_event_that_ends_a_row_there_is_none_whatever_was_there(fold: AnyFold) -> None:
    entries = [decode(line) for file in FILES for line in file.read_bytes().splitlines()]
    states = [fold.evolve(None, one) for one in entries if isinstance(one.data, fold.events)]

    for last in (one for one in entries if isinstance(one.data, fold.ends)):
        assert {fold.evolve(state, last) for state in [*states, None]} == {None}
