"""Ports for reading: what projections need of whoever holds the database."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Fetch(Protocol):
    """Runs one statement on behalf of a tenant: on its own part of the log, or on all there is."""

    async def __call__(self, statement: bytes, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows, all of one snapshot."""
