"""`tenure projections`: what its commands say, to people and to programs, and how they end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from interfaces.cli.main import app
from interfaces.cli.projection_tables import LINE_SECONDS, Pace
from tests.application.running import a_worker, as_owner, make_ready
from tests.builders import a_participation
from tests.interfaces.serving import SECRETS

runner = CliRunner()


@pytest.fixture
def url(empty_database_url: str) -> str:
    """A log of a few events, without a server."""
    make_ready(empty_database_url)

    async def story() -> None:
        async with a_worker(empty_database_url) as worker:
            for number in range(4):
                await worker.do(a_participation(f"{number % 3}"))

    asyncio.run(story())
    return empty_database_url


class Command:
    """The command, on one database."""

    def __init__(self, data: Path, url: str) -> None:
        self._data, self._url = data, url

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        given = SECRETS | {"TENURE_DATABASE_URL": self._url}
        words = ["projections", *arguments, "--data", str(self._data)]
        ended = runner.invoke(app, words, env=given)
        return ended.exit_code, ended.stdout, ended.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        ended, output, error = self(*arguments, "--json")
        assert ended == code, output + error
        return json.loads(output)


@pytest.fixture
def command(tmp_path: Path, url: str) -> Command:
    return Command(tmp_path, url)


def test_a_version_is_built_compared_made_live_and_taken_back(command: Command) -> None:
    built = command.json("rebuild", "entity")
    differs = command.json("diff", "entity", "1", "2")
    switched = command.json("switch", "entity", "2")
    back = command.json("rollback", "entity")
    dropped = command.json("drop", "entity", "2")

    assert (built["version"], built["position"], built["live"]) == (2, 4, False)
    assert (differs["equal"], differs["changed"], differs["page"]) == (3, 0, [])
    assert (differs["onlyInA"], differs["onlyInB"], differs["touchedSince"]) == (0, 0, 0)
    assert (switched["version"], switched["before"], switched["position"]) == (2, 1, 4)
    assert (back["version"], back["before"]) == (1, 2)
    assert dropped == {"name": "entity", "version": 2}


def test_a_list_shows_every_version_and_how_it_fares(command: Command) -> None:
    command("rebuild", "entity")

    listed = command.json("list")["projections"]
    _, shown, _ = command("list")

    of_entity = [one for one in listed if one["name"] == "entity"]
    assert [(one["version"], one["live"], one["condition"]) for one in of_entity] == [
        (1, True, "inline"),
        (2, False, "caught up"),
    ]
    assert shown.splitlines()[0].split()[:3] == ["projection", "version", "condition"]
    assert any(line.split()[:3] == ["entity", "1", "live"] for line in shown.splitlines())


def test_a_version_that_failed_or_is_followed_by_nobody_is_seen_in_the_list(
    command: Command, url: str
) -> None:
    command("rebuild", "entity")
    as_owner(url, "update follower set cause = 'ValueError: of [no] use'")
    _, shown, _ = command("list")
    as_owner(url, "update follower set cause = null, seen_at = now() - interval '1 hour'")
    dead = command.json("list")["projections"]

    assert "entity 2 stopped after position 4: ValueError: of [no] use" in shown
    assert "dead" in [one["condition"] for one in dead]


def test_rows_that_are_not_what_the_log_makes_of_them_are_named(command: Command, url: str) -> None:
    assert command.json("verify")["sound"]
    as_owner(url, "update state set version = 9 where fold = 'entity' and key = (%s)", key_of(url))

    code, shown, _ = command("verify", "entity")
    told = command.json("verify", "entity", code=1)

    assert code == 1
    assert f"entity 1 differs: {key_of(url)}" in shown
    assert (told["sound"], told["verified"][0]["differ"]) == (False, 1)


def key_of(url: str) -> str:
    ((key,),) = as_owner(url, "select min(key) from state where fold = 'entity'")
    return str(key)


def test_what_differs_is_shown_with_both_states_and_the_entries_behind_it(
    command: Command, url: str
) -> None:
    command("rebuild", "entity")
    key = key_of(url)
    as_owner(
        url,
        'update state_entity_2 set row = \'{"tenant":"sandbox/acme","event_count":7}\''
        " where key = %s",
        key,
    )

    differs = command.json("diff", "entity", "1", "2")
    explained = command.json("diff", "entity", "1", "2", "--key", key)
    _, shown, _ = command("diff", "entity", "1", "2")

    assert (differs["changed"], differs["equal"]) == (1, 2)
    (pair,) = differs["page"]
    assert (pair["key"], pair["verdict"], pair["b"]["event_count"]) == (key, "changed", 7)
    assert "event_count: 2 → 7" in shown or "event_count: 1 → 7" in shown
    # The same code made both, so no entry is behind what was changed by hand.
    assert (explained["row"]["verdict"], explained["causes"]) == ("changed", 0)
    assert explained["entries"] >= 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("rebuild", "nothing"), 2, "There is no projection nothing; there are: agent, "),
        (("verify", "nothing"), 2, "There is no projection nothing"),
        (("verify", "entity", "--version", "9"), 2, "entity has no version 9; there are: 1."),
        (("diff", "entity", "1", "9"), 2, "entity has no version 9"),
        (("switch", "nothing", "1"), 2, "There is no projection nothing"),
        (("switch", "entity", "9"), 2, "entity has no version 9"),
        (("switch", "entity", "0"), 2, ""),
        (("switch", "entity", "1"), 1, "entity 1 is live already."),
        (("rollback", "entity"), 2, "No version of entity was live before"),
        (("drop", "entity", "1"), 1, "entity 1 is live; switch to another version first."),
        (("query", "nothing", "q"), 2, "There is no projection nothing"),
        (("query", "entity", "q"), 2, "entity has no query q; there are: none."),
    ],
)
def test_wrong_use_is_told_in_a_sentence(
    command: Command, arguments: tuple[str, ...], code: int, says: str
) -> None:
    ended, _, error = command(*arguments)

    assert ended == code
    assert says in error.replace("\n", " ")
    assert "Traceback" not in error


class Hands:
    """A clock that is set by hand."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_progress_is_told_now_and_then_with_rate_and_time_left() -> None:
    clock = Hands()
    pace = Pace(1_000, 2, clock)

    clock.at = LINE_SECONDS - 1
    assert not pace.goes_on(400)
    clock.at = LINE_SECONDS
    assert pace.goes_on(600)

    assert str(pace) == "50% of 1,000 entries, 100/s, 5 s left"


def test_of_what_is_over_at_once_nothing_is_told() -> None:
    assert not Pace(10, 1, Hands()).goes_on(10)
