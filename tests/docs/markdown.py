"""What a page of Markdown points at, and where it can be pointed at."""

import re
from collections.abc import Iterator
from pathlib import Path

FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# A place in the repository, as the pages name one: `domain/entity.py`, `docs/`.
PLACE = re.compile(r"`((?:domain|application|projections|interfaces|tests|docs)/[\w./-]*)`")
NOT_OURS = {".venv", ".venv-spark", ".git", "node_modules", "tenure-data"}


def markdown_files(root: Path) -> Iterator[Path]:
    """Every page of the repository."""
    for page in sorted(root.rglob("*.md")):
        if not NOT_OURS & set(page.relative_to(root).parts):
            yield page


def prose(text: str) -> str:
    """A page without what it quotes in blocks."""
    return FENCED.sub("", text)


def links(text: str) -> list[str]:
    """The targets of a page's links that lead to files of this repository."""
    return [target for target in LINK.findall(prose(text)) if ":" not in target]


def places(text: str) -> list[str]:
    """The files and folders that a page names."""
    return PLACE.findall(prose(text))


def anchors(text: str) -> set[str]:
    """Where a page can be pointed at: its headings, spelled as GitHub spells them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in HEADING.findall(prose(text))
    }


def broken_links(page: Path) -> list[str]:
    """The links of a page that lead nowhere."""
    broken = []
    for target in links(page.read_text()):
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        if not found.exists() or (anchor and anchor not in anchors(found.read_text())):
            broken.append(target)
    return broken
