"""Schemathesis over the whole OpenAPI document: whatever is sent, each reply is a documented one.

No 5xx, no status, header, content type or shape that the document does not name; what the schemas
forbid is refused; without a key nothing opens; what was deleted is gone.
"""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.interfaces.serving import Served

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = Path(sys.executable).with_name("st")
SHORT = ("--seed", "20261122")
"""The ordinary run sends the same each time."""


def fuzz(server: Served, *options: str, key: str | None = None) -> str:
    """Fuzz a server, and return the report; fail with it if anything is found."""
    command = [str(SCHEMATHESIS), "--config-file", str(CONFIGURATION), "run", "--no-color"]
    environment = dict(os.environ)
    if key is not None:
        command += ["--header", f"x-api-key: {key}"]
        environment["FUZZ_KEY_ID"] = key_ids(server, key)[0]
    done = subprocess.run(
        [*command, *options, f"{server.url}/openapi.json"],
        cwd=server.log.parent,
        env=environment,
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert key is None or key_ids(server, key), "the key died"
    return done.stdout


def key_ids(server: Served, key: str) -> list[str]:
    """The ids of a partner's living keys, the oldest first."""
    url = f"{server.url}/v1/partners/keys"
    shown = httpx.get(url, headers={"x-api-key": key}, timeout=10).raise_for_status().json()
    return [one["keyId"] for one in shown["data"]]


def test_every_reply_is_documented(server: Served) -> None:
    options = ("--phases", "examples,coverage,stateful", "--max-examples", "25")
    fuzz(server, *options, *SHORT, key=server.first_key)


def test_without_a_key_nothing_opens(server: Served) -> None:
    fuzz(server, "--phases", "fuzzing", "--max-examples", "1", *SHORT)


@pytest.mark.scale
def test_every_reply_is_documented_for_long(server: Served) -> None:
    fuzz(server, "--phases", "coverage,fuzzing", "--max-examples", "300", key=server.first_key)


@pytest.mark.scale
def test_every_reply_in_a_sequence_is_documented_for_long(server: Served) -> None:
    options = ("--phases", "stateful", "--max-examples", "500")

    report = fuzz(server, *options, key=server.first_key)

    assert " 0 covered" not in report, report


@pytest.mark.scale
def test_without_a_key_nothing_opens_for_long(server: Served) -> None:
    fuzz(server, "--phases", "fuzzing", "--max-examples", "50")
