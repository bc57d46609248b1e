"""The glossary's words are the code's."""

import re

import pytest

from tests.interfaces.serving import ROOT

GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
ROW = re.compile(r"^\| ([a-z ]+) \| .+ \| `([\w/]+\.py)` `(\w+)` \|$", re.MULTILINE)
WORDS: list[tuple[str, str, str]] = ROW.findall(GLOSSARY)


def test_every_row_names_its_place() -> None:
    rows = [line for line in GLOSSARY.splitlines() if line.startswith("| ")]

    assert len(WORDS) == len(rows) - 2


@pytest.mark.parametrize(("word", "file", "name"), WORDS, ids=[word for word, _, _ in WORDS])
def test_the_word_is_in_the_code(word: str, file: str, name: str) -> None:
    source = (ROOT / file).read_text()

    assert re.search(rf"\b{name}\b", source)
    first = word.split(maxsplit=1)[0]
    assert first in source.lower() or first.startswith(name)


def test_the_words_are_in_order_and_none_is_there_twice() -> None:
    words = [word for word, _, _ in WORDS]

    assert words == sorted(set(words))
