"""Whoever decodes entries knows the events of every module, whatever else was imported."""

import re
import subprocess
import sys

import pytest

from tests.interfaces.serving import ROOT

STORED = sorted(
    name
    for file in (ROOT / "domain").glob("*.py")
    for name in re.findall(r'^@stored\("([^"]+)"\)', file.read_text(), re.M)
)


@pytest.mark.parametrize("reader", ["application.log.recorder", "interfaces.doctor.log"])
def test_a_reader_of_the_log_knows_every_stored_event(reader: str) -> None:
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import {reader}; from domain.events import EVENTS; print(*sorted(EVENTS))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert told.stdout.split() == STORED
