"""Waiting: something is looked up again as soon as it may have changed, for so long."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from time import monotonic
from typing import Protocol, TypeVar

from interfaces.api.call import LOOK_AGAIN_SECONDS, Call


class Found(Protocol):
    """What was looked up, and the position of the log at which."""

    @property
    def position(self) -> int: ...


F = TypeVar("F", bound=Found)


async def lookups(
    call: Call, look_up: Callable[[], Awaitable[F]], seconds: float | None = None
) -> AsyncGenerator[F, None]:
    """What is found now, and each time when more was written, for so many seconds; until whoever
    asks has gone, or the server stops.

    Raises Unauthenticated, and whatever else stops them, a second after their credential's death.
    """
    deadline = None if seconds is None else monotonic() + seconds
    gone = asyncio.create_task(_gone(call))
    try:
        while True:
            found = await look_up()
            yield found
            grown = False
            while not grown:
                grown = await _grown(call, found.position, deadline)
                if call.services.draining.is_set() or gone.done() or _is_over(deadline):
                    return
                await call.confirm()
    finally:
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone


async def first(
    call: Call,
    look_up: Callable[[], Awaitable[F]],
    has_come: Callable[[F], bool],
    seconds: float,
) -> F:
    """What is found when something has come, or when the time is over."""
    async with aclosing(lookups(call, look_up, seconds)) as all_found:
        found = await anext(all_found)
        while not has_come(found):
            try:
                found = await anext(all_found)
            except StopAsyncIteration:
                break
    return found


async def _grown(call: Call, position: int, deadline: float | None) -> bool:
    left = LOOK_AGAIN_SECONDS if deadline is None else deadline - monotonic()
    seconds = max(0.0, min(left, LOOK_AGAIN_SECONDS))
    return await call.services.news.wait(call.principal.tenant, position, seconds)


def _is_over(deadline: float | None) -> bool:
    return deadline is not None and monotonic() >= deadline


async def _gone(call: Call) -> None:
    while (await call.receive_message())["type"] != "http.disconnect":
        pass
