"""Connections to the log, each begun as a role that can do little."""

from psycopg_pool import AsyncConnectionPool

from application.log.line import ANSWER_SECONDS, Line
from application.log.loading import QUERIES

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

# A line that was hung up on must not keep the log's lock: its session ends with it, whether a
# statement runs, it waits for the next one, or the network to its client is cut.
FORSAKEN = (
    f"statement_timeout={ANSWER_SECONDS}s",
    f"idle_in_transaction_session_timeout={ANSWER_SECONDS}s",
    f"tcp_user_timeout={ANSWER_SECONDS}s",
    "tcp_keepalives_idle=2",
    "tcp_keepalives_interval=1",
)


def options(role: str, *settings: str) -> str:
    """The options with which a connection begins as a role, with pinned plans and more."""
    return " ".join(f"-c {setting}" for setting in (f"role={role}", *PINNED, *settings))


WRITER = options("tenure_writer", *FORSAKEN)
"""The options of every line."""


async def writer_line(url: str) -> Line:
    """A line for the committer and the reader: appends, folds, cannot change what is written."""
    return await Line.open(url, WRITER, QUERIES)


def pool(url: str, role: str) -> AsyncConnectionPool:
    """Connections as a role, not opened yet. What is sent together is a transaction by itself."""
    return AsyncConnectionPool(
        url,
        kwargs={"options": options(role), "autocommit": True},
        min_size=1,
        max_size=LIST_CONNECTIONS_AT_MOST,
        timeout=5,
        open=False,
    )
