"""The rebuild engine: a new version of a projection, from the whole log, while it is written.

Keys fall into partitions, so that the rows of one are in memory at a time. Each is folded and
written in one transaction, in a process of its own where that is worth it. What was built when a
rebuild was killed is not built again. Then the tables are indexed, and the version is followed to
the head.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from projections.at_hand import at_hand
from projections.engine.fingerprint import fingerprint
from projections.engine.follow import catch_up
from projections.engine.processes import Told, cores, share_out
from projections.engine.projection import Projection
from projections.engine.reading import Part, Poison, in_words
from projections.engine.storing import copy_rows
from projections.engine.switch import drop_version, switch
from projections.engine.versions import (
    QUERIES,
    Version,
    begin_version,
    connect,
    finish_version,
    live_version,
    version_of,
    versions_of,
)

SMALL = 20_000
"""Entries up to which starting a process takes longer than folding them."""

ENTRIES_A_PART = 500_000
"""So many rows at worst are in one process's memory, if each entry were of another key."""

BAD_INDEX = (psycopg.ProgrammingError, psycopg.DataError)
"""What indexes fail with that are wrong, or that do not fit the rows."""

Begun = Callable[[str, int, int], Told]
"""Is told what begins, over how many entries and in how many partitions; gives what is told of
progress, in positions looked at over all partitions.
"""

AtHand = Callable[[], Mapping[str, Projection]]
"""Tells a process which code there is."""


def nobody(what: str, entries: int, partitions: int) -> Told:
    """For work whose progress nobody wants to know."""
    return lambda more: None


class BeingRebuilt(Exception):
    """Somebody else rebuilds it, or drops one of its versions."""


class CannotBuild(Exception):
    """The log holds an entry that the fold cannot take, or the rows do not take an index that they
    are to have; the message says which and why.
    """


@dataclass(frozen=True)
class BuildPart:
    """Builds the rows of one partition of a version, unless that was done."""

    url: str
    name: str
    number: int
    projections: AtHand = at_hand

    def __call__(self, part: int, told: Told) -> Poison | None:
        projection = self.projections()[self.name]
        with connect(self.url) as connection:
            version = version_of(connection, self.name, self.number)
            try:
                with connection.transaction():
                    build_part(connection, projection, version, part, told)
            except Poison as poison:
                return poison
        return None


def build_part(
    connection: psycopg.Connection,
    projection: Projection,
    version: Version,
    part: int,
    told: Told = lambda more: None,
) -> None:
    """Fold and write one partition in the open transaction. Raises Poison."""
    given = {"name": version.name, "number": version.number, "part": part}
    _, is_built = connection.execute(QUERIES["part"], given).fetchone() or (None, False)
    if is_built:
        told(version.built_to)
        return
    folded = Part(projection.newest, part, version.partitions)
    folded.read(connection, version.built_to, told)
    copy_rows(connection, version, folded.rows.items())
    copy_rows(connection, version, folded.snapshots, into="snapshot")
    counted = {"entries": folded.entries, "rows": len(folded.rows)}
    connection.execute(QUERIES["part_built"], given | counted)


def rebuild(
    url: str,
    name: str,
    *,
    projections: AtHand = at_hand,
    partitions: int | None = None,
    processes: int | None = None,
    begun: Begun = nobody,
) -> Version:
    """Build a version by the newest code, or finish one that was begun; it follows to the head.

    ``begun`` is told of it. A version of a name that has no live one becomes live.
    Raises BeingRebuilt, CannotBuild, NoFingerprint and WorkerDied.
    """
    projection = projections()[name]
    with connect(url) as connection, alone(connection, name):
        with connection.transaction():
            version = _begun(connection, projection, partitions, processes or cores())
        told = begun(version.label, version.built_to, version.partitions)
        task = BuildPart(url, name, version.number, projections)
        parts = range(version.partitions)
        found = share_out(task, parts, processes or cores(), told)
        if poisons := [poison for poison in found if poison is not None]:
            raise _stopped(connection, version, min(poisons, key=lambda one: one.position))
        try:
            with connection.transaction():
                finish_version(connection, projection, version)
            catch_up(connection, projection.newest, version)
        except (Poison, *BAD_INDEX) as error:
            raise _stopped(connection, version, error) from error
        if live_version(connection, name) is None:
            switch(connection, projection, version.number)
        return version_of(connection, name, version.number)


@contextmanager
def alone(connection: psycopg.Connection, name: str) -> Iterator[None]:
    """A block in which nobody else builds or drops versions of a name. Raises BeingRebuilt."""
    (mine,) = connection.execute(QUERIES["rebuilding"], {"name": name}).fetchone() or (False,)
    if not mine:
        raise BeingRebuilt(f"Versions of {name} are being built or dropped by another process.")
    try:
        yield
    finally:
        connection.execute(QUERIES["not_rebuilding"], {"name": name})


def _begun(
    connection: psycopg.Connection, projection: Projection, partitions: int | None, processes: int
) -> Version:
    code = fingerprint(projection.newest)
    for version in versions_of(connection, projection.name):
        if version.status == "building" and version.fingerprint == code:
            if version.cause is None:
                return version
            drop_version(connection, version)
    ((until,),) = connection.execute(QUERIES["head"]).fetchall()
    wanted = partitions or partitions_for(until, processes)
    return begin_version(connection, projection, partitions=wanted, until=until)


def partitions_for(entries: int, processes: int) -> int:
    """Into how many partitions the keys of a log of so many entries fall."""
    if entries <= SMALL:
        return 1
    rounds = -(-entries // (ENTRIES_A_PART * processes))
    return rounds * processes


def _stopped(connection: psycopg.Connection, version: Version, error: Exception) -> CannotBuild:
    """Note what stopped a version, and after which position."""
    position, cause = version.built_to, in_words(error)
    if isinstance(error, Poison):
        position, cause = error.position - 1, error.cause
    given = {"name": version.name, "number": version.number, "cause": cause, "position": position}
    connection.execute(QUERIES["stopped"], given)
    return CannotBuild(f"{version.label} stops: {error}.")
