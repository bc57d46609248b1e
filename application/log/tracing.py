"""The port through which the log's engines are traced, by whoever draws traces."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

Wrote = Callable[[int], None]
"""Takes the position that a batch saw or wrote last."""


class Tracer(Protocol):
    """Draws spans: what took how long, on whose behalf."""

    def here(self) -> object:
        """The span that this task is in, to be given to ``batch`` from another task."""

    def batch(self, engine: str, requests: Sequence[object]) -> AbstractContextManager[Wrote]:
        """A span around a batch, linked with the spans of its requests; one may occur twice."""
