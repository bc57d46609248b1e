"""Schemathesis over the whole OpenAPI document: whatever is sent, each reply is a documented one.

No 5xx, no status, header, content type or shape that the document does not name; what the schemas
forbid is refused, what they allow is taken; without a key nothing opens; what was deleted is gone.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fuzz.conftest import NO_KEYS, Keys
from tests.interfaces.serving import Served

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SCHEMATHESIS = Path(sys.executable).with_name("st")
SHORT = ("--seed", "20261122")
"""The ordinary run sends the same each time."""


def fuzz(server: Served, *options: str, keys: Keys = NO_KEYS) -> str:
    """Fuzz a server, and return the report; fail with it if anything is found."""
    command = [str(SCHEMATHESIS), "--config-file", str(CONFIGURATION), "run", "--no-color"]
    spoken_with = [key for key in (keys.own, keys.other) if key]
    spared = [one for key in spoken_with for one in ids_behind(server, key)]
    spared.append(keys.uids.agent_id)
    if keys.own:
        command += ["--header", f"x-api-key: {keys.own}"]
    done = subprocess.run(
        [*command, *options, f"{server.url}/openapi.json"],
        cwd=server.log.parent,
        env=os.environ
        | {
            "FUZZ_OTHER_KEY": keys.other,
            "FUZZ_OPERATOR_KEY": keys.operator,
            "FUZZ_SPARED": " ".join(spared),
            **{f"FUZZ_UID_OF_{name.upper()}": uid for name, uid in keys.uids._asdict().items()},
        },
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert all(ids_behind(server, key) for key in spoken_with)
    return done.stdout


def ids_behind(server: Served, key: str) -> list[str]:
    """The ids of the partner that a key belongs to, and of its oldest key."""
    partner, held = (shown(server, key, path) for path in ("/v1/partners/me", "/v1/partners/keys"))
    return [partner["partnerId"], held["data"][0]["keyId"]]


def shown(server: Served, key: str, path: str) -> Any:
    """What a key is shown."""
    reply = httpx.get(f"{server.url}{path}", headers={"x-api-key": key}, timeout=10)
    return reply.raise_for_status().json()


def test_every_reply_is_documented(server: Served, keys: Keys) -> None:
    options = ("--phases", "examples,coverage,stateful", "--max-examples", "25")

    report = fuzz(server, *options, *SHORT, keys=keys)

    assert " 0 covered" not in report, report


def test_without_a_key_nothing_opens(server: Served) -> None:
    fuzz(server, "--phases", "fuzzing", "--max-examples", "1", *SHORT)


@pytest.mark.scale
def test_every_reply_is_documented_for_long(server: Served, keys: Keys) -> None:
    fuzz(server, "--phases", "coverage,fuzzing", "--max-examples", "300", keys=keys)


@pytest.mark.scale
def test_every_reply_in_a_sequence_is_documented_for_long(server: Served, keys: Keys) -> None:
    options = ("--phases", "stateful", "--max-examples", "500")

    report = fuzz(server, *options, keys=keys)

    assert " 0 covered" not in report, report


@pytest.mark.scale
def test_without_a_key_nothing_opens_for_long(server: Served) -> None:
    fuzz(server, "--phases", "fuzzing", "--max-examples", "50")
