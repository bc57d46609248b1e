"""Links and places that the pages name are there."""

from pathlib import Path

import pytest

from tests.docs.markdown import broken_links, links, markdown_files, places
from tests.interfaces.serving import ROOT

PAGES = list(markdown_files(ROOT))


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_place_that_is_named_is_there(page: Path) -> None:
    assert [place for place in places(page.read_text()) if not (ROOT / place).exists()] == []


def test_every_page_is_reached_from_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    reached = {
        (index.parent / target.partition("#")[0]).resolve() for target in links(index.read_text())
    }

    assert {page for page in PAGES if page.is_relative_to(index.parent)} - {index} <= reached


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text("# A heading, `quoted`\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[file](gone.md) [anchor](other.md#gone) [own](#gone)\n"
        "[good](other.md) [good](other.md#a-heading-quoted) [outside](https://example.org)\n"
        "```\n[quoted](gone.md)\n```\n"
    )

    assert broken_links(page) == ["gone.md", "other.md#gone", "#gone"]


def test_a_place_is_found_in_prose_alone() -> None:
    assert places("`domain/gone.py` says; `domain` does not\n```\n`domain/x.py`\n```\n") == [
        "domain/gone.py"
    ]
