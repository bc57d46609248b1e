"""Connections to the log, each begun as a role that can do little."""

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

LIST_CONNECTIONS_AT_MOST = 4

# The statements touch rows by index only. A plan made on an empty table would scan, and stay,
# while the table grows.
PINNED = (
    "plan_cache_mode=force_generic_plan",
    "enable_seqscan=off",
    "enable_bitmapscan=off",
    "enable_hashjoin=off",
    "enable_mergejoin=off",
    "jit=off",
    "timezone=UTC",
)


def options(role: str) -> str:
    """The options with which a connection begins as a role, with pinned plans."""
    return " ".join(f"-c {setting}" for setting in (f"role={role}", *PINNED))


async def connect_writer(url: str) -> AsyncConnection:
    """A connection for the committer: appends, folds, and cannot change what is written."""
    return await psycopg.AsyncConnection.connect(
        url, options=options("tenure_writer"), connect_timeout=5
    )


async def connect_asker(url: str) -> AsyncConnection:
    """A connection for the reader: as the writer's, each statement a transaction of its own."""
    connection = await connect_writer(url)
    await connection.set_autocommit(True)
    return connection


def reader_pool(url: str) -> AsyncConnectionPool:
    """Connections for lists, not opened yet: they see one tenant's part of the log, or nothing."""
    return AsyncConnectionPool(
        url,
        kwargs={"options": options("tenure_reader")},
        min_size=1,
        max_size=LIST_CONNECTIONS_AT_MOST,
        timeout=5,
        open=False,
    )
