"""A finding: what one check found, whether that is well, and what to do about it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import psycopg

from application.sql import named_queries
from interfaces.settings import Settings

QUERIES = named_queries(Path(__file__).with_name("doctor.sql"))

Verdict = Literal["ok", "warning", "failed"]


class Finding(msgspec.Struct, frozen=True):
    """What one check found. ``remedy`` says what to do unless all is well."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Patient:
    """What the checks of a database are given: a connection that can only read."""

    settings: Settings
    connection: psycopg.Connection

    def ask(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a named query."""
        return self.connection.execute(QUERIES[query], parameters or None).fetchall()

    def faults(self, query: str) -> list[str]:
        """The sentences that a query finds; none when all is well."""
        return [fault for (fault,) in self.ask(query)]


Check = Callable[[Patient], Finding]


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, "ok", found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """It works, and will not for ever."""
    return Finding(check, "warning", found, remedy)


def failed(check: str, found: str, remedy: str) -> Finding:
    """It is broken, or will not serve."""
    return Finding(check, "failed", found, remedy)


def in_words(parts: Sequence[str], at_most: int = 5) -> str:
    """A list in one line, cut when it is long."""
    more = len(parts) - at_most
    return ", ".join(parts[:at_most]) + (f" and {more} more" if more > 0 else "")
