"""The commands that the pages show are run, and have the output that is shown."""

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.docs.console import kinds, outputs, requests, shown
from tests.interfaces.serving import ROOT, Served, a_data_folder, kill, serving

# In this order, on one server: the README's event stands at position 3 of a new log.
PAGES = [
    "README.md",
    "docs/start.md",
    "docs/start-marketplace.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs" / "how-to").glob("*.md")),
]


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    with a_data_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def server(data: Path) -> Iterator[Served]:
    """The command itself, as the README has it."""
    with serving(data, app=None) as served:
        yield served


@pytest.mark.parametrize("page", [page for page in PAGES if requests(ROOT / page)])
def test_what_a_page_shows_is_what_happens(page: str, server: Served, data: Path) -> None:
    commands = requests(ROOT / page)

    written = outputs([one.command for one in commands], server.url, server.first_key, data)

    for one, output in zip(commands, written, strict=True):
        assert kinds(output) == kinds(one.output), one.command


def test_the_readme_shows_the_words_of_the_first_start(server: Served) -> None:
    started = next(one for one in shown((ROOT / "README.md").read_text()) if "serve" in one.command)

    for line in started.output.splitlines():
        assert kinds(line.rpartition(":")[0]) in kinds(server.messages())


@pytest.mark.parametrize("command", ["tenure", "check"])
def test_the_readme_s_two_commands_are_there(command: str) -> None:
    assert f"./{command}" in (ROOT / "README.md").read_text()
    assert os.access(ROOT / command, os.X_OK)


@pytest.mark.parametrize(
    ("output", "same"),
    [
        ('{"position":7,"at":"2026-11-22T09:27:07.615Z"}', True),
        ('{"position":7,"at":"yesterday"}', False),
        ('{"position":7,"at":"2026-11-22T09:27:07.615Z","more":1}', False),
    ],
)
def test_an_output_of_another_shape_is_noticed(output: str, same: bool) -> None:
    assert (kinds(output) == kinds('{"position":3,"at":"2026-11-22T08:00:00.000Z"}')) is same


def test_commands_and_their_outputs_are_told_apart() -> None:
    page = "```console\n$ one \\\n    more\nout\n\n$ two\n```\n\n```sh\n$ three\n```\n"

    assert [(one.command, one.output) for one in shown(page)] == [
        ("one \\\n    more", "out"),
        ("two", ""),
    ]


def test_what_one_command_sets_the_next_one_has() -> None:
    assert outputs(["who=Ann; echo $who", "printf '%s\\n' $who\\&Bob"], "", "") == [
        "Ann",
        "Ann&Bob",
    ]


def test_a_command_that_fails_is_noticed() -> None:
    with pytest.raises(AssertionError):
        outputs(["false", "echo more"], "", "")


# Last, since it ends the server of the others.
@pytest.mark.faults
def test_after_a_kill_everything_is_there(data: Path, server: Served) -> None:
    headers = {"x-api-key": server.first_key}
    event = {"userExternalId": "emp-killed", "eventType": "account.created"}
    acknowledged = httpx.post(f"{server.url}/v1/events", json=event, headers=headers)
    assert acknowledged.status_code == 201

    kill(server.process.pid)

    with serving(data, app=None) as again:
        found = httpx.get(f"{again.url}/v1/events", params={"limit": "1"}, headers=headers)
        assert found.json()["data"] == [acknowledged.json() | {"userExternalId": None}]
