"""Projections are rebuilt, switched and rolled back, and workers replaced, under load: no request
is refused for it.
"""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.faults.audit import nothing_is_lost_or_doubled
from tests.faults.load import Load
from tests.interfaces.serving import TENURE, Served, eventually

pytestmark = pytest.mark.faults


def projections(data: Path, *arguments: str) -> Any:
    """What a command says that is run beside the server."""
    ended = subprocess.run(
        [TENURE, "projections", *arguments, "--data", str(data), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def lag_of(data: Path, name: str) -> list[int]:
    listed = projections(data, "list")["projections"]
    return [one["lagEvents"] for one in listed if one["name"] == name]


def test_no_request_is_refused_during_a_switch_and_a_rollback(
    server: Served, data: Path, api_key: str, log_url: str
) -> None:
    with Load(server.url, api_key) as load:
        built = projections(data, "rebuild", "entity")
        load.goes_on()
        switched = projections(data, "switch", "entity", str(built["version"]))
        load.goes_on()
        back = projections(data, "rollback", "entity")
        load.goes_on()

    assert (switched["version"], back["version"]) == (built["version"], 1)
    assert (load.unexpected, load.sent_away) == ([], [])
    nothing_is_lost_or_doubled(server.url, api_key, log_url, load)
    eventually(lambda: lag_of(data, "entity") == [0, 0])
    for version in ("1", "2"):
        assert projections(data, "verify", "entity", "--version", version)["sound"]


def test_no_request_is_refused_while_workers_are_replaced_one_by_one(
    server: Served, data: Path, api_key: str, log_url: str
) -> None:
    with Load(server.url, api_key) as load:
        for worker in server.workers():
            os.kill(worker, signal.SIGTERM)
            eventually(lambda gone=worker: gone not in server.workers())  # type: ignore[misc]
            eventually(lambda: len(server.workers()) == 2)
            load.goes_on()

    assert (load.unexpected, load.sent_away) == ([], [])
    nothing_is_lost_or_doubled(server.url, api_key, log_url, load)
