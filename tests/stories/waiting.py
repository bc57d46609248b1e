"""The log's lock in a test's hands, so that a request can be met while it is on its way."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.interfaces.serving import eventually

LOCK = b"select pg_advisory_xact_lock(hashtext('tenure log'))"
WAITING = b"""
    select from pg_locks
    where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database())
"""


class HeldLock:
    """Whoever wants to write waits until the block ends."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def until_somebody_waits(self, *, writers: int = 1) -> None:
        """Return when so many writers wait for it. They get it in the order in which they came."""
        eventually(lambda: self._connection.execute(WAITING).rowcount >= writers)


@contextmanager
def holding_the_lock(url: str) -> Iterator[HeldLock]:
    """Hold the log's lock for the length of a block."""
    with psycopg.connect(url) as connection:
        connection.execute(LOCK)
        yield HeldLock(connection)
