"""Tailers: they follow a log by the eventsourcing library's subscription and note positions."""

import threading
from itertools import pairwise
from typing import Self

from eventsourcing.persistence import ApplicationRecorder

from tests.interfaces.serving import eventually


class Tailer:
    """Follows a log from a position on, in a thread of its own, for the length of a block."""

    def __init__(self, recorder: ApplicationRecorder, after: int = 0) -> None:
        self.seen: list[int] = []
        self._subscription = recorder.subscribe(gt=after)
        self._thread = threading.Thread(target=self._follow)

    def _follow(self) -> None:
        for notification in self._subscription:
            self.seen.append(notification.id)

    def has_reached(self, position: int, seconds: float = 30) -> None:
        """Wait until it has seen a position, or one beyond it."""
        eventually(lambda: bool(self.seen) and self.seen[-1] >= position, seconds)

    def __enter__(self) -> Self:
        self._subscription.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._subscription.stop()
        self._thread.join()
        self._subscription.__exit__(None, None, None)


def faults_of(seen: list[int], stored: list[int]) -> list[int]:
    """The positions that a tailer missed, saw twice, saw out of order, or that nobody stored."""
    out_of_order = [now for before, now in pairwise(seen) if now <= before]
    return sorted({*out_of_order, *(set(stored) ^ set(seen))})
