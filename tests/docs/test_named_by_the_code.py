"""What the code points its users at is in the pages, and what it counts is explained."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.markdown import anchors
from tests.interfaces.serving import ROOT

LAYERS = ("domain", "application", "projections", "interfaces")
PAGE = re.compile(r"docs/[\w/-]+\.md(?:#[\w-]+)?")
METRIC = re.compile(r"(?:Counter|Gauge|Histogram)\(\s*\"(tenure_\w+)\"")


def sources() -> Iterator[str]:
    for layer in LAYERS:
        for file in (ROOT / layer).rglob("*.py"):
            yield file.read_text()


def is_there(named: str) -> bool:
    path, _, anchor = named.partition("#")
    page: Path = ROOT / path
    return page.exists() and (not anchor or anchor in anchors(page.read_text()))


def test_every_page_that_the_code_names_is_there() -> None:
    named = {page for source in sources() for page in PAGE.findall(source)}

    assert named
    assert [page for page in sorted(named) if not is_there(page)] == []


def test_a_page_or_an_anchor_that_is_not_there_is_noticed() -> None:
    assert is_there("docs/glossary.md#glossary")
    assert not is_there("docs/gone.md")
    assert not is_there("docs/glossary.md#gone")


def test_every_metric_is_explained() -> None:
    counted = {name for source in sources() for name in METRIC.findall(source)}
    explained = set(re.findall(r"^\| `(tenure_\w+)`", watch_it(), flags=re.MULTILINE))

    assert counted
    assert explained == counted


def watch_it() -> str:
    return (ROOT / "docs" / "how-to" / "watch-it.md").read_text()
