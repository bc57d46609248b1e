"""Brings a database to the schema that this version of the code expects."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from application.sql import named_queries

Connection = psycopg.Connection[TupleRow]

MIGRATIONS = Path(__file__).parent / "migrations"

# Any number, as long as every version of Tenure uses the same: "tenure" in ASCII.
LOCK = 0x74656E757265

SQL = named_queries(Path(__file__).with_suffix(".sql"))


class MigrationRefused(Exception):
    """The database and the code do not fit together; the message says which is at fault."""


@dataclass(frozen=True)
class Migration:
    """One numbered file of SQL, applied once to each database and never edited afterwards."""

    number: int
    name: str
    sql: str
    sha256: str


def migrate(url: str, folder: Path = MIGRATIONS) -> list[str]:
    """Apply what the database lacks, each in a transaction of its own; return the names.

    Processes that migrate one database at once wait for each other. Raises MigrationRefused when
    the files' numbers have a gap, an applied file was edited, or the database is newer than this.
    """
    known = read_migrations(folder)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(SQL["lock"], [LOCK])
        connection.execute(SQL["ledger"])
        missing = missing_migrations(connection, known)
        for migration in missing:
            _apply(connection, migration)
        return [migration.name for migration in missing]


def missing_migrations(connection: Connection, known: list[Migration]) -> list[Migration]:
    """What a database lacks of the migrations of this version. Raises MigrationRefused."""
    applied: dict[int, str] = dict(connection.execute(SQL["applied"]).fetchall())
    _refuse_mismatch(known, applied)
    return [migration for migration in known if migration.number not in applied]


def read_migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """The migrations of a folder, `NNNN_name.sql`, in order; raises MigrationRefused on a gap."""
    migrations = []
    for number, file in enumerate(sorted(folder.glob("*.sql")), start=1):
        named = re.fullmatch(r"(\d{4})_[a-z0-9_]+", file.stem)
        if not named or int(named[1]) != number:
            raise MigrationRefused(
                f"Migration {file.name} is out of order: number {number:04} was expected, "
                "as in 0001_name.sql, 0002_name.sql, with no gap and no number twice."
            )
        content = file.read_bytes()
        migrations.append(
            Migration(number, file.stem, content.decode(), hashlib.sha256(content).hexdigest())
        )
    return migrations


def _refuse_mismatch(known: list[Migration], applied: dict[int, str]) -> None:
    if applied and max(applied) > len(known):
        raise MigrationRefused(
            f"The database was made by a newer Tenure: it has migration {max(applied)}, this "
            f"version knows {len(known)}. Run that newer version."
        )
    if set(applied) != set(range(1, len(applied) + 1)):
        raise MigrationRefused("The table tenure_migration has a gap: it was edited by hand.")
    for migration in known[: len(applied)]:
        if applied[migration.number] != migration.sha256:
            raise MigrationRefused(
                f"Migration {migration.name} was edited after it was applied to this database. "
                "Put the file back as it was and add a new migration for the change."
            )


def _apply(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        # Without parameters psycopg sends the text as it is, however many statements it holds.
        connection.execute(migration.sql.encode())
        connection.execute(SQL["note"], [migration.number, migration.name, migration.sha256])
