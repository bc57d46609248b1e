"""Refuses a database that could lose what it acknowledged, or that Tenure cannot run on."""

from collections.abc import Mapping
from pathlib import Path

import psycopg

from application.sql import named_queries

OLDEST_VERSION = 15
SQL = named_queries(Path(__file__).with_suffix(".sql"))

# Nothing but `off` loses an acknowledged commit: `local` only does not wait for replicas.
MUST_BE_ON = {
    "fsync": "nothing reaches the disk for certain",
    "full_page_writes": "a page half written in a power cut cannot be repaired",
    "synchronous_commit": "a commit is acknowledged before it is on disk",
}


class UnsafeDatabase(Exception):
    """The database is refused; the message names every setting at fault and how to mend it."""


def check_durability(url: str, *, allow_unsafe: bool = False) -> None:
    """Raise UnsafeDatabase if the database could lose acknowledged events or is unsuitable.

    `allow_unsafe` lets the durability settings pass, never the version or the encoding.
    """
    # Said outright, so that a database of another encoding still answers with text.
    with psycopg.connect(url, autocommit=True, client_encoding="utf8") as connection:
        settings = settings_of(connection)
    faults = unsuitable(settings) + ([] if allow_unsafe else unsafe(settings))
    if faults:
        raise UnsafeDatabase("\n".join(faults))


def settings_of(connection: psycopg.Connection) -> dict[str, str]:
    """The settings of a database that Tenure depends on."""
    return dict(connection.execute(SQL["settings"]).fetchall())


def unsuitable(settings: Mapping[str, str]) -> list[str]:
    """Why Tenure cannot run on a database with these settings, a sentence each."""
    faults = []
    version = int(settings["server_version_num"]) // 10_000
    if version < OLDEST_VERSION:
        faults.append(
            f"This PostgreSQL is version {version}; Tenure needs {OLDEST_VERSION} or newer. "
            "Upgrade it, or unset TENURE_DATABASE_URL to use the embedded one."
        )
    if settings["server_encoding"] != "UTF8":
        faults.append(
            f"The database's encoding is {settings['server_encoding']}; Tenure needs UTF8. "
            "Make one with: create database tenure encoding 'UTF8' template template0;"
        )
    return faults


def unsafe(settings: Mapping[str, str]) -> list[str]:
    """Which settings of a database could lose acknowledged events, a sentence each."""
    return [
        f"PostgreSQL runs with {name} = off: {consequence}. To mend it: `alter system set {name} "
        f"= on`, then `select pg_reload_conf()`; look for {name} in the role, the database and the "
        "URL too. (For an experiment: TENURE_ALLOW_UNSAFE_DURABILITY=true.)"
        for name, consequence in MUST_BE_ON.items()
        if settings[name] == "off"
    ]
