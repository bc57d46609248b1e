"""Cursors: a place in a list, as a text that only the list can have given."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.refusals import InvalidCursor
from projections.cursors import read_cursor, write_cursor

parts_of_places = st.lists(
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30), min_size=1, max_size=4
)


def encoded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(parts_of_places)
def test_a_cursor_reads_back_as_its_place(place: list[str]) -> None:
    assert read_cursor(write_cursor(*place), parts=len(place)) == tuple(place)


@given(parts_of_places, st.integers(1, 5))
def test_a_cursor_of_another_list_is_refused(place: list[str], parts: int) -> None:
    if parts != len(place):
        with pytest.raises(InvalidCursor):
            read_cursor(write_cursor(*place), parts=parts)


@pytest.mark.parametrize(
    "cursor",
    [
        "=",
        "====",
        "a",
        "a cursor",
        "é",
        "\x00",
        write_cursor("7") + "=",
        write_cursor("7") + " ",
        " " + write_cursor("7"),
        write_cursor("7") + "!",
        write_cursor("7").swapcase(),
        write_cursor("12345")[:-1],
        encoded("٣"),
        encoded("7\x00"),
    ],
)
def test_a_text_that_no_list_gave_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        read_cursor(cursor, parts=1)


@given(st.text(max_size=30), st.integers(1, 3))
def test_any_text_is_a_cursor_or_refused(text: str, parts: int) -> None:
    try:
        place = read_cursor(text, parts=parts)
    except InvalidCursor:
        return
    assert write_cursor(*place) == text
