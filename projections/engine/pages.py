"""Pages of a list, as it is or as it was.

A list as of a moment is the list itself, in the same order, which is that of something that never
changes, such as a path or a time of beginning. So its own statement, told until when, finds all
that were there, and each row is then taken as it was (``Past.states``). A filter on what changes
must not be the statement's then: it is applied here, to the rows as they were.
So a list has one ``look``, for now and then; ``list_agents`` in ``projections/agents.py`` is one.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from projections.engine.replay import Past

Item = TypeVar("Item")
Place = tuple[str, ...]
"""Where something stands in a list, as its cursor says it."""

Look = Callable[[Place | None, int], Awaitable[Sequence[tuple[Place, Item | None]]]]
"""Reads on from a place, None for the beginning: so many, each with its place; None in the place of
what was not there then."""

FURTHER = 5_000
NEWEST: Place = ("9999", "~")
"""Before all that is listed by time and id, the newest first."""


def newest(past: Past | None) -> Place:
    """Where such a list begins: before the newest that there is, or was."""
    return NEWEST if past is None else (past.now, NEWEST[1])


async def page_of(
    look: Look[Item],
    after: Place | None,
    limit: int,
    wanted: Callable[[Item], bool] = lambda item: True,
    further: int = FURTHER,
) -> tuple[list[Item], Place | None]:
    """The next of a list that are wanted, and the place from which it goes on, None at its end.

    Where the first so many do not suffice, it looks ``further`` once. So a page costs no more than
    that: where few are wanted it may be short, or empty, and the list go on all the same.
    """
    found: list[tuple[Place, Item]] = []
    for count in (limit + 1, max(limit + 1, further)):
        seen = await look(after, count)
        found += [(place, item) for place, item in seen if item is not None and wanted(item)]
        if len(found) > limit:
            return [item for _, item in found[:limit]], found[limit - 1][0]
        if len(seen) < count:
            return [item for _, item in found], None
        after, _ = seen[-1]
    return [item for _, item in found], after
