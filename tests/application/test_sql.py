"""Named queries: what a file of SQL is read as."""

from pathlib import Path

import pytest

import application
from application.sql import named_queries, numbered

FILES = sorted(Path(application.__file__).parent.rglob("*.sql"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "queries.sql"
    path.write_text(
        "-- What all of these are about.\n"
        "\n"
        "-- name: first\n"
        "-- A sentence about it,\n"
        "-- and one more.\n"
        "select 1\n"
        "    as one -- said beside it\n"
        "\n"
        "-- name: second\n"
        "select 'a -- dash'\n"
    )
    return path


def test_each_name_has_its_statement_without_the_words_about_it(file: Path) -> None:
    assert named_queries(file) == {
        "first": b"select 1\n    as one -- said beside it",
        "second": b"select 'a -- dash'",
    }


def test_a_file_without_names_has_no_queries(tmp_path: Path) -> None:
    (tmp_path / "none.sql").write_text("select 1;\n")

    assert named_queries(tmp_path / "none.sql") == {}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_statement_of_ours_ends_in_a_semicolon_or_is_empty(path: Path) -> None:
    for name, statement in named_queries(path).items():
        assert statement, name
        assert not statement.endswith(b";"), name


def test_placeholders_are_numbered_and_keep_their_number() -> None:
    text, order = numbered("select %(b)s::json, %(a)s::int % 2, '%%', %(b)s::json")

    assert text == "select $1::json, $2::int % 2, '%', $1::json"
    assert order == ["b", "a"]
