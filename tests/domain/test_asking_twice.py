"""Commands are pure: deciding twice gives the same, and on too little they say what is missing.

So the committer may ask again whenever rows are missing, or after a connection was lost.
"""

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from domain.command import Command
from domain.known import NO_ROW, RANGE, Known
from domain.refusals import Refusal
from tests.builders import NOW, History
from tests.domain.forest import FOREST
from tests.domain.market_strategies import JOBS, a_busy_market, commands_at_market
from tests.domain.strategies import commands, commands_about_agents


def decided(command: Command[Any], known: Known) -> object:
    """What a command decides, in a form that can be compared."""
    try:
        return command.decide(known, NOW)
    except Refusal as refusal:
        return refusal.code, str(refusal), refusal.hint


PLACES: list[tuple[Callable[[], History], st.SearchStrategy[Command[object]]]] = [
    (History, commands),
    (partial(History, *FOREST), commands_about_agents),
    (a_busy_market, commands_at_market),
]
"""Where something is asked, and what."""

Case = tuple[History, Command[Any]]
"""What is known, and what is asked."""


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """What any commands left behind, the refused ones left out, and one more."""
    given, asked = draw(st.sampled_from(PLACES))
    history = given()
    for command in draw(st.lists(asked, max_size=8)):
        try:
            history.do(command)
        except Refusal:
            continue
    return history, draw(asked)


def complete(history: History, command: Command[Any]) -> Known:
    """All that a command will ask for."""
    known = history.known()
    while True:
        decided(command, known)
        if not known.missing:
            return known
        known.rows.update(dict.fromkeys(known.missing, NO_ROW))
        known.missing.clear()


def load(little: Known, whole: Known) -> None:
    """Load what is missing, all rows of a range where a range is."""
    for kind, key in little.missing:
        little.rows[kind, key] = whole.rows.get((kind, key), NO_ROW)
        fold, is_range, _ = kind.partition(RANGE)
        if is_range:
            little.rows |= {
                (kind, one): row
                for (kind, one), row in whole.rows.items()
                if kind == fold and one.startswith(key)
            }
    little.missing.clear()


@given(cases())
def test_deciding_twice_gives_the_same(case: Case) -> None:
    history, command = case
    known = complete(history, command)

    assert decided(command, known) == decided(command, known)


@given(cases())
def test_deciding_changes_nothing_that_is_known(case: Case) -> None:
    history, command = case
    known = complete(history, command)
    before, encoded = deepcopy(known), msgspec.json.encode(command)

    decided(command, known)

    assert known == before
    assert msgspec.json.encode(command) == encoded


@given(cases())
def test_deciding_on_too_little_first_does_not_change_what_is_decided(case: Case) -> None:
    history, command = case
    whole = complete(history, command)
    little = Known(whole.position)

    while True:
        last = decided(command, little)
        if not little.missing:
            break
        load(little, whole)

    assert last == decided(command, whole)


@given(commands | commands_at_market)
def test_deciding_on_nothing_loaded_never_fails_and_changes_no_rows(command: Command[Any]) -> None:
    nothing = Known(0)

    decided(command, nothing)

    assert nothing.rows == {}


@given(commands | commands_at_market)
def test_the_first_load_brings_all_that_a_command_asks_at_first(command: Command[Any]) -> None:
    nothing = Known(0)

    decided(command, nothing)

    assert nothing.missing <= set(command.asks)


def test_the_jobs_of_the_busy_market_are_those_that_are_asked_about() -> None:
    market = a_busy_market()

    statuses = [market.job(job_id).status for job_id in JOBS]

    assert statuses == ["OPEN", "REQUESTED", "DELIVERED", "COMPLETED"]
