"""The reference pages say what the code says."""

import json
import re
import subprocess
import sys
from pathlib import Path

from domain import refusals
from interfaces.api.errors import every_refusal
from interfaces.reference import FOLDER, pages, stale
from tests.docs.markdown import anchors
from tests.interfaces.serving import ROOT


def test_the_generated_pages_are_up_to_date() -> None:
    # In a process of its own: other tests register events and refusals for themselves.
    ended = subprocess.run(
        [sys.executable, "-m", "interfaces.reference", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, f"{ended.stdout}Run: python -m interfaces.reference"


def test_a_page_that_is_missing_or_says_something_else_is_noticed(tmp_path: Path) -> None:
    written = pages()
    missing, changed, *whole = written
    for name in (changed, *whole):
        (tmp_path / name).write_text(written[name])
    (tmp_path / changed).write_text(written[changed].replace("e", "a", 1))

    assert stale(tmp_path) == {missing: written[missing], changed: written[changed]}


def test_every_refusal_can_be_pointed_at() -> None:
    codes = {one.code for one in every_refusal() if one.__module__ == refusals.__name__}

    assert codes
    assert codes <= {anchor.upper() for anchor in anchors((FOLDER / "errors.md").read_text())}


def test_what_the_document_refers_to_is_there() -> None:
    text = (FOLDER / "openapi.json").read_text()
    components = json.loads(text)["components"]

    named = set(re.findall(r'"#/components/(\w+)/([^"]+)"', text))

    assert named
    assert [one for one in sorted(named) if one[1] not in components[one[0]]] == []
