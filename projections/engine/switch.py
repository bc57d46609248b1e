"""Switching: which version of a projection is live.

One short transaction under the log's lock: the last entries, the tables changed over, the switch
noted. So no reader sees a half-built version, and no writer folds into the wrong one.
"""

import time
from pathlib import Path

import msgspec
import psycopg
from psycopg.errors import LockNotAvailable

from domain.fold import AnyFold
from projections.engine import versions
from projections.engine.follow import catch_up, one_step
from projections.engine.projection import Projection
from projections.engine.statements import Statements
from projections.engine.versions import NoSuchVersion, Version, version_of, versions_of

QUERIES = Statements(Path(__file__).with_suffix(".sql"))
PATIENCE_SECONDS = 60.0
PAUSE_SECONDS = 0.25
LOCK_MILLISECONDS = 250
LONG_LOCK_MILLISECONDS = 1_500
"""Now and then it waits for longer than a second: PostgreSQL then ends an autovacuum in its way."""

LONG_EVERY = 5


class CannotSwitch(Exception):
    """A version cannot become live, or be dropped, as it stands; the message says why."""


class Switched(msgspec.Struct, frozen=True, rename="camel"):
    """A switch that was made."""

    name: str
    version: int
    before: int | None
    generation: int
    position: int


def switch(connection: psycopg.Connection, projection: Projection, number: int) -> Switched:
    """Make a version live, trying again while a long reader is in the way.

    Raises NoSuchVersion, CannotSwitch and Poison.
    """
    version = version_of(connection, projection.name, number)
    if version.is_live:
        raise CannotSwitch(f"{version.label} is live already.")
    if version.status != "built":
        raise CannotSwitch(f"{version.label} is not built yet.")
    if code := projection.code(version.fingerprint):
        catch_up(connection, code, version)
    deadline = time.monotonic() + PATIENCE_SECONDS
    attempt = 0
    while True:
        attempt += 1
        patience = LOCK_MILLISECONDS if attempt % LONG_EVERY else LONG_LOCK_MILLISECONDS
        try:
            return go_live(connection, projection, version, patience)
        except LockNotAvailable:
            if time.monotonic() > deadline:
                raise CannotSwitch(
                    f"Others have held the rows for {PATIENCE_SECONDS:g} seconds: look for long "
                    "transactions in pg_stat_activity."
                ) from None
            time.sleep(PAUSE_SECONDS)


def go_live(
    connection: psycopg.Connection, projection: Projection, version: Version, patience: int
) -> Switched:
    """The transaction of a switch. Raises CannotSwitch, Poison, or LockNotAvailable."""
    with connection.transaction():
        connection.execute(versions.QUERIES["lock"])
        return change_over(connection, version, projection.code(version.fingerprint), patience)


def change_over(
    connection: psycopg.Connection,
    version: Version,
    code: AnyFold | None,
    patience: int = LOCK_MILLISECONDS,
) -> Switched:
    """Make a version live in the open transaction, which holds the log's lock; waits so many
    milliseconds for those who hold the rows.
    """
    present = versions_of(connection, version.name)
    live = next((one for one in present if one.is_live), None)
    _come_to_the_head(connection, version_of(connection, version.name, version.number), code)
    connection.execute(QUERIES["patience"], {"milliseconds": patience})
    if live is not None and live.is_there:
        connection.execute(QUERIES.on(live, "detach"))
    elif live is not None:
        _forget(connection, live)
    connection.execute(QUERIES.on(version, "attach"))
    given = {"name": version.name, "number": version.number}
    ((generation, position),) = connection.execute(QUERIES["switched"], given).fetchall()
    if version.inline:
        connection.execute(QUERIES["unfollow"], {"follower": version.follower})
        if live is not None and live.is_there:
            goes_on = {"follower": live.follower, "position": position}
            connection.execute(QUERIES["follow"], goes_on)
    before = None if live is None else live.number
    return Switched(version.name, version.number, before, generation, position)


def _come_to_the_head(
    connection: psycopg.Connection, version: Version, code: AnyFold | None
) -> None:
    """Fold what a version is still behind; nobody writes meanwhile. Raises CannotSwitch."""
    if not version.lag:
        return
    if code is None:
        raise CannotSwitch(
            f"{version.label} is {version.lag} entries behind, and its code is not at hand."
        )
    while one_step(connection, code, version):
        continue


def version_before(connection: psycopg.Connection, name: str) -> int:
    """The version that a rollback makes live again. Raises NoSuchVersion."""
    found = connection.execute(QUERIES["before"], {"name": name}).fetchone()
    if found is None:
        raise NoSuchVersion(f"No version of {name} was live before, or it was dropped.")
    return int(found[0])


def drop_version(connection: psycopg.Connection, version: Version) -> None:
    """Drop a version's tables and its place, in the open transaction. Raises CannotSwitch."""
    if version.is_live:
        raise CannotSwitch(f"{version.label} is live; switch to another version first.")
    _forget(connection, version)


def _forget(connection: psycopg.Connection, version: Version) -> None:
    given = {"name": version.name, "number": version.number, "follower": version.follower}
    connection.execute(versions.QUERIES["dropped"], given)
    connection.execute(versions.QUERIES.on(version, "drop"))
