"""The pages on projections are done as they say: a package made of a page's blocks is installed,
and a real server runs it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.docs.console import Shown, kinds, shown
from tests.interfaces.serving import ROOT, TENURE, Served, a_data_folder, eventually, serving

HOW_TO = ROOT / "docs" / "how-to"
WRITE = (HOW_TO / "write-a-projection.md").read_text()
SWITCH = (HOW_TO / "rebuild-and-switch.md").read_text()
LINES_AT_MOST = 40


def blocks(language: str) -> list[str]:
    """What the page has a reader write in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", WRITE, re.MULTILINE | re.DOTALL)


def installed(folder: Path, *python: str) -> None:
    """Install a package of the page's blocks into a folder, as its reader would."""
    package = folder / "package"
    package.mkdir(exist_ok=True)
    (package / "kinds_by_day.py").write_text("\n\n".join(python))
    (package / "kinds_by_day.sql").write_text(blocks("sql")[0])
    (package / "pyproject.toml").write_text(blocks("toml")[0])
    words = ["install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--upgrade"]
    subprocess.run(
        [sys.executable, "-m", "pip", *words, "--target", str(folder / "there"), str(package)],
        check=True,
        capture_output=True,
    )


@contextmanager
def a_server(data: Path, folder: Path) -> Iterator[Served]:
    """A server for whose Python the package is installed."""
    with serving(data, app=None, PYTHONPATH=str(folder / "there")) as served:
        yield served


def type_in(commands: Sequence[Shown], data: Path, folder: Path) -> None:
    """Run a page's commands beside the server; each writes what the page shows."""
    environment = {"TENURE_DATA": str(data), "PYTHONPATH": str(folder / "there")}
    for one in commands:
        ended = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", one.command.replace("./tenure", TENURE)],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == 0, one.command + ended.stderr
        assert kinds(tidy(ended.stdout)) == kinds(tidy(one.output)), one.command


def tidy(output: str) -> str:
    return "\n".join(line.rstrip() for line in output.strip().splitlines())


def happens(served: Served) -> None:
    """Two people do something: one now, and one long ago."""
    long_ago = (datetime.now(UTC) - timedelta(days=100)).isoformat(timespec="seconds")
    events = [
        {"userExternalId": "a", "eventType": "transaction.completed"},
        {
            "userExternalId": "b",
            "eventType": "transaction.completed",
            "occurredAt": long_ago,
            "batchType": "BACKFILL",
        },
    ]
    for event in events:
        headers = {"x-api-key": served.first_key}
        assert httpx.post(f"{served.url}/v1/events", json=event, headers=headers).status_code == 201


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def test_a_projection_of_one_s_own_is_built_followed_changed_and_switched(folder: Path) -> None:
    first, second = blocks("python")
    before, _, after = WRITE.partition("## Change it")
    with a_data_folder() as data:
        installed(folder, first)
        with a_server(data, folder) as served:
            key = served.first_key
            happens(served)
            eventually(lambda: '"position":4,"lagEvents":0' in listed(data, folder))
            type_in(shown(before), data, folder)
        installed(folder, first, second)
        with a_server(data, folder) as served:
            type_in(shown(after), data, folder)
            ready = httpx.get(f"{served.url}/readyz").json()
            assert ready == {"status": "ready", "position": 4, "wrong": []}
            assert key


def listed(data: Path, folder: Path) -> str:
    """What is listed of the projection."""
    ended = subprocess.run(
        [TENURE, "projections", "list", "--json", "--data", str(data)],
        env=os.environ | {"PYTHONPATH": str(folder / "there")},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.partition('"name":"kinds_by_day"')[2].partition("}")[0]


def test_rebuilding_and_switching_goes_as_its_page_says(folder: Path) -> None:
    with a_data_folder() as data, a_server(data, folder) as served:
        happens(served)

        type_in(shown(SWITCH), data, folder)


def test_a_projection_takes_forty_lines() -> None:
    module, _ = blocks("python")
    code = [line for line in module.splitlines() if line.strip()]

    assert len(code) <= LINES_AT_MOST
