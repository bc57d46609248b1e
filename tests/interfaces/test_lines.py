"""Lines are cut out of a body however it is chunked, and no line is kept that is too long."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interfaces.api.mir.event_batches import LINE_BYTES_AT_MOST, lines

LONGEST = b"x" * LINE_BYTES_AT_MOST


def cut(*chunks: bytes) -> list[bytes | None]:
    """The lines of a body that comes in these chunks."""

    async def body(given: Iterable[bytes]) -> AsyncIterator[bytes]:
        for chunk in given:
            yield chunk

    async def story() -> list[bytes | None]:
        return [line async for line in lines(body(chunks))]

    return asyncio.run(story())


@given(st.lists(st.binary(max_size=5).map(lambda text: text.replace(b"0", b"\n"))))
def test_it_does_not_matter_how_a_body_is_chunked(chunks: list[bytes]) -> None:
    assert cut(*chunks) == cut(b"".join(chunks))


def test_the_last_line_needs_no_end() -> None:
    assert cut(b"a\nb") == cut(b"a\nb\n") == [b"a", b"b"]
    assert cut(b"") == cut() == []


def test_an_empty_line_is_a_line() -> None:
    assert cut(b"\na\n\n") == [b"", b"a", b""]


@pytest.mark.parametrize("size", [997, 65_536, 1_000_000])
def test_a_line_that_is_too_long_is_passed_over(size: int) -> None:
    body = b"a\n" + LONGEST + b"\n" + LONGEST + b"y\n" + b"z" * 300_000 + b"\nb\n"

    chunks = (body[at : at + size] for at in range(0, len(body), size))

    assert cut(*chunks) == [b"a", LONGEST, None, None, b"b"]


def test_a_last_line_that_is_too_long_is_told() -> None:
    assert cut(b"a\n", LONGEST, b"yz", b"!") == [b"a", None]
