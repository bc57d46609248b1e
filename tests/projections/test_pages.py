"""Pages of a list: whatever is wanted of it, all of that is on them, once, and in order."""

import asyncio
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from projections.engine.pages import Place, page_of

FURTHER = 4


def read(
    listed: Sequence[int | None], limit: int, wanted: int
) -> tuple[list[list[int]], list[int]]:
    """All pages of those that a number divides, and how many each of them looked at."""
    looked: list[int] = []

    async def look(after: Place | None, count: int) -> Sequence[tuple[Place, int | None]]:
        start = 0 if after is None else int(after[0]) + 1
        looked[-1] += count
        return [((str(start + n),), item) for n, item in enumerate(listed[start : start + count])]

    async def story() -> list[list[int]]:
        pages: list[list[int]] = []
        after: Place | None = None
        while after is not None or not pages:
            looked.append(0)
            page, after = await page_of(look, after, limit, lambda n: n % wanted == 0, FURTHER)
            pages.append(page)
        return pages

    return asyncio.run(story()), looked


@given(
    listed=st.lists(st.none() | st.integers(0, 20), max_size=30),
    limit=st.integers(1, 6),
    wanted=st.integers(1, 7),
)
def test_the_pages_together_are_all_that_is_wanted(
    listed: list[int | None], limit: int, wanted: int
) -> None:
    pages, looked = read(listed, limit, wanted)

    assert [one for page in pages for one in page] == [
        one for one in listed if one is not None and one % wanted == 0
    ]
    assert all(len(page) <= limit for page in pages)
    assert max(looked) <= limit + 1 + max(limit + 1, FURTHER)


def test_a_page_is_short_where_little_is_wanted_and_the_list_goes_on() -> None:
    pages, _ = read([1] * 20 + [2], limit=1, wanted=2)

    assert pages == [[], [], [], [2]]
