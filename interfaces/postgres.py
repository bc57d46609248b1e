"""The PostgreSQL that Tenure brings along, in the data folder, for whoever names no other."""

import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg import pq

from interfaces.locks import FileLock, alone
from interfaces.postgres_programs import VERSION, Owner, ProgramFailed
from interfaces.settings import Settings

DATABASE = "tenure"
PORT = 5432
LOG_BYTES = 10_000_000

# Recovery after a crash replays at most max_wal_size of log: minutes at worst.
START_SECONDS = 600
STOP_SECONDS = 120
SILENT_SECONDS = 30

# sockaddr_un holds 104 bytes on macOS and 108 on Linux, the closing NUL among them.
SOCKET_PATH_BYTES = 103

TUNING = (Path(__file__).parent / "postgres.conf").read_text()


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be started or reached; the message says why."""


@contextmanager
def database(settings: Settings, *, begins: bool = False) -> Iterator[str]:
    """URL of the database to use: the one set, or the embedded one for as long as the block runs.

    Joins an embedded server that another process of the data folder uses; whoever leaves last
    stops it. Makes one only for who ``begins``, so that no mistyped folder becomes an installation.
    Raises DatabaseUnavailable.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    postgres = EmbeddedPostgres(settings.data)
    if not begins and not postgres.exists():
        raise DatabaseUnavailable(
            f"There is no database in {settings.data} yet; the first `tenure serve` makes it."
        )
    postgres.start()
    try:
        yield postgres.url
    finally:
        postgres.stop()


class EmbeddedPostgres:
    """The PostgreSQL server of a data folder, shared by every process that starts it."""

    def __init__(self, data: Path) -> None:
        self._data = data.resolve()
        self._folder = self._data / "postgres"
        self._users: FileLock | None = None

    @property
    def url(self) -> str:
        """URL of the database, through a unix socket; the same after every restart."""
        return self._url(DATABASE)

    @property
    def socket_folder(self) -> Path:
        """Folder of the socket: the server's own, or one beside if that makes no usable path."""
        path = str(self._folder / f".s.PGSQL.{PORT}")
        # A comma parts two hosts in a URL of PostgreSQL.
        if len(path.encode()) <= SOCKET_PATH_BYTES and "," not in path:
            return self._folder
        # Not the temporary folder of this process's environment: others must find it too.
        return Path("/tmp") / f"tenure-{sha256(bytes(self._folder)).hexdigest()[:16]}"  # noqa: S108

    def start(self) -> None:
        """Make the server accept connections: adopt one that runs, or start it and recover it.

        Called again, it brings back a server that has died. Raises DatabaseUnavailable.
        """
        try:
            with alone(self._data / "postgres-start.lock"):
                if self._users is None:
                    self._users = FileLock(self._data / "postgres-users.lock").share()
                if not self._adopt():
                    self._launch()
                self._make_database()
        except (OSError, ProgramFailed, psycopg.Error) as error:
            # What does not start may not stop either, and that would hide why.
            with suppress(OSError, ProgramFailed):
                self.stop()
            raise DatabaseUnavailable(
                f"The embedded PostgreSQL in {self._folder} does not start: {error}"
            ) from error

    def stop(self) -> None:
        """Leave the server, and stop it unless another process of the data folder still uses it."""
        if self._users is None:
            return
        with alone(self._data / "postgres-start.lock"):
            users, self._users = self._users, None
            try:
                if users.try_exclude() and self.is_running():
                    seconds = str(STOP_SECONDS)
                    self._pg_ctl("stop", "--mode=fast", "--wait", "--timeout", seconds)
            finally:
                users.release()

    def exists(self) -> bool:
        """Whether the data folder has a database at all."""
        return self._folder.exists()

    def is_running(self) -> bool:
        """Whether the server's main process is alive, though perhaps still recovering."""
        return self.pid() is not None

    def pid(self) -> int | None:
        """Process id of the server's main process, if it is alive."""
        noted = self._noted_pid()
        return noted if noted is not None and self._is_ours(noted) else None

    @property
    def _log(self) -> Path:
        return self._folder / "postgres.log"

    def _url(self, name: str) -> str:
        return f"postgresql://postgres@/{name}?host={quote(str(self.socket_folder))}&port={PORT}"

    def _adopt(self) -> bool:
        """Wait for a server that runs already, however long it recovers; whether there is one."""
        silent_since = time.monotonic()
        while self.is_running():
            answer = pq.PGconn.ping(self._url("postgres").encode())
            if answer == pq.Ping.OK:
                return True
            if answer == pq.Ping.REJECT:
                silent_since = time.monotonic()
            if time.monotonic() - silent_since > SILENT_SECONDS:
                raise ProgramFailed(f"process {self.pid()} runs but does not answer: end it")
            time.sleep(0.05)
        return False

    def _launch(self) -> None:
        if not self._folder.exists():
            self._make_cluster()
        version = (self._folder / "PG_VERSION").read_text().strip()
        if version != str(VERSION):
            raise ProgramFailed(
                f"{self._folder} is of PostgreSQL {version}, this Tenure brings {VERSION}: "
                "export the log with the Tenure that made it, or use pg_upgrade"
            )
        self._clear_remains()
        self._prepare_socket_folder()
        self._configure()
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        told = self._log.stat().st_size if self._log.exists() else 0
        seconds = str(START_SECONDS)
        try:
            self._pg_ctl("start", "--wait", "--timeout", seconds, "--log", str(self._log))
        except ProgramFailed as error:
            words = self._log.read_bytes()[told:].decode(errors="replace")
            raise ProgramFailed(f"{error}\n{words}") from None

    def _make_cluster(self) -> None:
        """Make the folder under another name first: a kill leaves a whole one or none."""
        owner = Owner.of(self._folder)
        draft = self._data / "postgres.draft"
        shutil.rmtree(draft, ignore_errors=True)
        owner.make_folder(draft)
        owner.run(
            "initdb",
            f"--pgdata={draft}",
            "--username=postgres",
            "--encoding=UTF8",
            # One order of text on every machine, whatever its locales.
            "--no-locale",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            # The socket's folder admits its owner and root only.
            "--auth-local=trust",
            "--auth-host=reject",
        )
        with (draft / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude_if_exists = 'tenure.conf'\n")
        draft.rename(self._folder)

    def _configure(self) -> None:
        socket_folder = str(self.socket_folder).replace('"', '""').replace("'", "''")
        (self._folder / "tenure.conf").write_text(
            f"{TUNING}\nport = {PORT}\nunix_socket_directories = '\"{socket_folder}\"'\n"
        )

    def _prepare_socket_folder(self) -> None:
        folder = self.socket_folder
        owner = Owner.of(self._folder)
        if not folder.exists():
            owner.make_folder(folder)
        found = folder.lstat()
        private = stat.S_ISDIR(found.st_mode) and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        if found.st_uid != owner.uid or not private:
            raise ProgramFailed(f"{folder} must be a folder of PostgreSQL's user alone: remove it")

    def _clear_remains(self) -> None:
        """After a kill, wait for orphans and forget a process id that another program has now."""
        noted = self._noted_pid()
        if noted is None:
            return
        deadline = time.monotonic() + STOP_SECONDS
        while orphans := [pid for pid in psutil.pids() if self._is_ours(pid)]:
            if time.monotonic() > deadline:
                raise ProgramFailed(f"processes {orphans} of a killed server do not end: kill them")
            time.sleep(0.05)
        if psutil.pid_exists(noted):
            (self._folder / "postmaster.pid").unlink()
            (self.socket_folder / f".s.PGSQL.{PORT}.lock").unlink(missing_ok=True)

    def _noted_pid(self) -> int | None:
        try:
            return int((self._folder / "postmaster.pid").read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None

    def _is_ours(self, pid: int) -> bool:
        """Every process of a PostgreSQL server, and hardly another, works inside its folder."""
        try:
            process = psutil.Process(pid)
            return (
                process.name().startswith("postgres")
                and process.status() != psutil.STATUS_ZOMBIE
                and Path(process.cwd()) == self._folder
            )
        except psutil.Error:
            return False

    def _make_database(self) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            found = connection.execute("select from pg_database where datname = %s", [DATABASE])
            if found.rowcount == 0:
                connection.execute("create database tenure")

    def _pg_ctl(self, *arguments: str) -> None:
        Owner.of(self._folder).run("pg_ctl", f"--pgdata={self._folder}", *arguments)
