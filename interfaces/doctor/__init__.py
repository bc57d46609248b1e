"""The doctor: everything that must hold of an installation, looked at without changing it."""

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psycopg

from domain.events import UnknownEventType
from interfaces.doctor import database, host, log
from interfaces.doctor.finding import Check, Finding, Patient, failed, ok
from interfaces.postgres import DatabaseUnavailable
from interfaces.postgres import database as database_of
from interfaces.settings import Settings, SettingsError

READ_ONLY = "-c default_transaction_read_only=on -c statement_timeout=120s -c timezone=UTC"


def examine(settings: Settings) -> Iterator[Finding]:
    """Every check's finding, as it comes; those of the database only where it is reachable."""
    yield host.secrets_files(settings)
    yield host.disk_space(settings)
    try:
        with _connection(settings) as connection:
            yield ok("database", "answers")
            patient = Patient(settings, connection)
            for check in (*database.CHECKS, *log.CHECKS):
                yield _found(check, patient)
    except (DatabaseUnavailable, psycopg.OperationalError) as error:
        yield failed("database", str(error).strip(), "Start it, or set TENURE_DATABASE_URL right.")


@contextmanager
def _connection(settings: Settings) -> Iterator[psycopg.Connection]:
    with (
        database_of(settings) as url,
        psycopg.connect(
            url, autocommit=True, options=READ_ONLY, client_encoding="utf8", connect_timeout=10
        ) as connection,
    ):
        yield connection


def _found(check: Check, patient: Patient) -> Finding:
    try:
        return check(patient)
    except psycopg.OperationalError:
        raise
    except (psycopg.Error, SettingsError, UnknownEventType, msgspec.ValidationError) as error:
        name = check.__name__.replace("_", " ")
        return failed(name, f"cannot be examined: {error}".strip(), "Mend the findings before it.")
