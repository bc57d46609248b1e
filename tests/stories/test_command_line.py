"""The command line: `tenure partner approve`, beside a running server and without one."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from domain.api_keys import is_whole
from interfaces.postgres import EmbeddedPostgres
from tests.interfaces.serving import TENURE, Served, a_data_folder
from tests.stories.client import Client


def tenure(data: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command itself, ended."""
    return subprocess.run(
        [TENURE, *arguments],
        cwd=data,
        env=os.environ | {"TENURE_DATA": str(data)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_beside_a_running_server_a_partner_is_approved_and_its_key_opens_at_once(
    server: Served, data: Path, http: httpx.Client
) -> None:
    ended = tenure(data, "partner", "approve", "--name", "Acme & Co.", "--json")

    assert (ended.returncode, ended.stderr) == (0, "")
    printed = json.loads(ended.stdout)
    assert {"partnerId", "apiKey", "environment"} <= set(printed)
    assert printed["environment"] == "sandbox"
    me = Client(http, printed["apiKey"]).get("/v1/partners/me")
    assert me["partnerId"] == printed["partnerId"]
    assert (me["name"], me["slug"]) == ("Acme & Co.", "acme-co")


def test_a_production_key_says_what_it_opens(
    server: Served, data: Path, http: httpx.Client
) -> None:
    arguments = ("--name", "Live One", "--slug", "live", "--environment", "production")

    ended = tenure(data, "partner", "approve", *arguments, "--json")

    key = json.loads(ended.stdout)["apiKey"]
    assert key.startswith("mir_live_")
    assert is_whole(key)
    me = Client(http, key).get("/v1/partners/me")
    assert (me["environment"], me["slug"]) == ("production", "live")


def test_a_slug_that_is_taken_exits_with_1_and_says_so(server: Served, data: Path) -> None:
    arguments = ("partner", "approve", "--name", "Second", "--slug", "first-partner", "--json")

    ended = tenure(data, *arguments)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "first-partner belongs to another partner" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("partner", "approve"),
        ("partner", "approve", "--name"),
        ("partner", "approve", "--name", "X", "--environment", "staging"),
        ("partner", "approve", "--name", "X", "--unknown"),
        ("partner", "aprove", "--name", "X"),
        ("partners",),
    ],
)
def test_wrong_use_exits_with_2_and_touches_nothing(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = tenure(tmp_path, *arguments)

    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def alone() -> Iterator[Path]:
    """The data folder of an installation whose server does not run."""
    with a_data_folder() as folder:
        yield folder


def test_without_a_server_a_partner_is_approved_and_the_database_left_stopped(
    alone: Path,
) -> None:
    ended = tenure(alone, "partner", "approve", "--name", "Acme")

    assert (ended.returncode, ended.stderr) == (0, "")
    told = dict(line.split(": ", 1) for line in ended.stdout.splitlines())
    assert is_whole(told["apiKey"])
    assert told["environment"] == "sandbox"
    assert not EmbeddedPostgres(alone).is_running()


def test_without_a_server_what_was_approved_before_is_remembered(alone: Path) -> None:
    tenure(alone, "partner", "approve", "--name", "Twice")

    ended = tenure(alone, "partner", "approve", "--name", "Twice")

    assert ended.returncode == 1
    assert "The slug twice belongs to another partner." in ended.stderr
