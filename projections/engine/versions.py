"""Versions of projections: what the database notes of them, and their tables."""

from pathlib import Path
from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row

from projections.engine.fingerprint import fingerprint
from projections.engine.projection import Projection
from projections.engine.reading import OPTIONS
from projections.engine.statements import Statements

QUERIES = Statements(Path(__file__).with_suffix(".sql"))

DEAD_AFTER_SECONDS = 10.0
"""A follower that nobody led for so long; whoever leads one looks once a second."""

IDLE_AFTER_SECONDS = 60.0
"""A log to which nothing was added for so long."""


class NoSuchVersion(Exception):
    """There is no such version, or none of that kind; the message says which there are."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a projection, as the database notes it and as it stood when it was read.

    ``built_to`` is how far the log was read in partitions, ``position`` that of the last entry that
    its rows have folded. ``unseen_seconds`` is None where nobody need follow it.
    """

    name: str
    number: int
    fingerprint: str
    inline: bool
    status: str
    partitions: int
    parts_built: int
    built_to: int
    is_live: bool
    is_there: bool
    position: int
    head: int
    cause: str | None
    unseen_seconds: float | None
    lag_seconds: float
    quiet_seconds: float

    @property
    def state(self) -> str:
        """The table of its rows."""
        return f"state_{self.name}_{self.number}"

    @property
    def snapshot(self) -> str:
        """The table of its snapshots."""
        return f"snapshot_{self.name}_{self.number}"

    @property
    def follower(self) -> str:
        """The name under which it is followed."""
        return f"projection {self.name} {self.number}"

    @property
    def is_followed(self) -> bool:
        """Whether somebody must follow it: it is built, and no writer folds it."""
        return self.status == "built" and not (self.inline and self.is_live)

    @property
    def lag(self) -> int:
        """How many entries its rows are behind the log."""
        return max(self.head - self.position, 0)

    @property
    def condition(self) -> str:
        """How it fares, in a word."""
        if self.cause is not None:
            return "failed"
        if self.status == "building":
            return "building"
        if not self.is_followed:
            return "inline"
        if self.unseen_seconds is None or self.unseen_seconds > DEAD_AFTER_SECONDS:
            return "dead"
        if self.lag:
            return "behind"
        return "idle" if self.quiet_seconds > IDLE_AFTER_SECONDS else "caught up"

    @property
    def label(self) -> str:
        """How it is spoken of."""
        return f"{self.name} {self.number}"

    def shown(self) -> dict[str, Any]:
        """What is shown of it to programs."""
        return {
            "name": self.name,
            "version": self.number,
            "live": self.is_live,
            "inline": self.inline,
            "condition": self.condition,
            "position": self.position,
            "lagEvents": self.lag,
            "lagSeconds": self.lag_seconds if self.lag else 0.0,
            "cause": self.cause,
            "fingerprint": self.fingerprint,
            "partitions": self.partitions,
            "partitionsBuilt": self.parts_built,
        }


def connect(url: str) -> psycopg.Connection:
    """A connection as the owner, for work on versions; each transaction is begun where it is."""
    return psycopg.connect(url, options=OPTIONS, autocommit=True)


def versions_of(connection: psycopg.Connection, name: str | None = None) -> list[Version]:
    """Every version that was not dropped, of one name or of all, oldest first."""
    with connection.cursor(row_factory=class_row(Version)) as cursor:
        return cursor.execute(QUERIES["all"], {"name": name}).fetchall()


def version_of(connection: psycopg.Connection, name: str, number: int) -> Version:
    """One version. Raises NoSuchVersion."""
    found = versions_of(connection, name)
    for version in found:
        if version.number == number:
            return version
    there = ", ".join(str(version.number) for version in found) or "none"
    raise NoSuchVersion(f"{name} has no version {number}; there are: {there}.")


def live_version(connection: psycopg.Connection, name: str) -> Version | None:
    """The version that is live."""
    return next((one for one in versions_of(connection, name) if one.is_live), None)


def begin_version(
    connection: psycopg.Connection, projection: Projection, *, partitions: int, until: int
) -> Version:
    """A new version of the newest code, with tables that are empty, in the open transaction."""
    given = {
        "name": projection.name,
        "fingerprint": fingerprint(projection.newest),
        "inline": projection.inline,
        "partitions": partitions,
        "position": until,
    }
    (number,) = connection.execute(QUERIES["begin"], given).fetchone() or (0,)
    version = version_of(connection, projection.name, number)
    connection.execute(QUERIES.on(version, "make"))
    return version


def finish_version(
    connection: psycopg.Connection, projection: Projection, version: Version
) -> None:
    """Index what was built and note that it is whole, in the open transaction."""
    connection.execute(QUERIES.on(version, "key"))
    if indexes := projection.indexes(version.state):
        connection.execute(indexes.encode())
    given = {"name": version.name, "number": version.number, "follower": version.follower}
    connection.execute(QUERIES["built"], given)
