"""Whether the secrets at hand are those that the database was begun with.

The database keeps a keyed fingerprint of each, noted at the first start. So a server whose secrets
were lost, or another machine with secrets of its own, is stopped before it locks everybody out and
meets every person as a stranger.
"""

from pathlib import Path

import psycopg

from application.hashes import Hashes
from application.sql import named_queries
from interfaces.settings import Settings

SQL = named_queries(Path(__file__).with_suffix(".sql"))

WITHOUT = {
    "pepper": ("TENURE_PEPPER", "no API key would work"),
    "identifier": ("TENURE_IDENTIFIER_SECRET", "no person would be recognised"),
}


class WrongSecrets(Exception):
    """The secrets are not those of the database; the message says which, and what to do."""


def check_secrets(settings: Settings, url: str) -> None:
    """Hold the secrets against the database, before either is written to.

    Raises WrongSecrets, or SettingsError when one cannot be read.
    """
    with psycopg.connect(url) as connection:
        _refuse_foreign(connection, settings)


def keep_secrets(settings: Settings, url: str) -> None:
    """Make the secrets and note them, as far as the first start of this database has not.

    Raises WrongSecrets, or SettingsError when one cannot be made or read.
    """
    settings.make_secrets()
    fingerprints = Hashes(settings.pepper, settings.identifier_secret).fingerprints()
    with psycopg.connect(url) as connection:
        connection.execute(
            SQL["note"], {"names": list(fingerprints), "values": list(fingerprints.values())}
        )
        _refuse_foreign(connection, settings)


def foreign_secrets(connection: psycopg.Connection, settings: Settings) -> list[str]:
    """The names of the secrets that differ from the database's, or are missing."""
    if connection.execute(SQL["begun"]).fetchone() != (True,):
        return []
    noted: dict[str, str] = dict(connection.execute(SQL["noted"]).fetchall())
    missing = settings.missing_secrets()
    hashes = Hashes(
        b"" if "pepper" in missing else settings.pepper,
        b"" if "identifier" in missing else settings.identifier_secret,
    )
    return [
        name
        for name, fingerprint in hashes.fingerprints().items()
        if noted.get(name, fingerprint) != fingerprint
    ]


def _refuse_foreign(connection: psycopg.Connection, settings: Settings) -> None:
    missing = settings.missing_secrets()
    faults = [
        f"The secret {name!r} is "
        + ("missing" if name in missing else "not the one that this database was begun with")
        + f": {WITHOUT[name][1]}. Put back secrets/{name} from the backup, or from the machine "
        f"that serves this database already, or set {WITHOUT[name][0]}. If it is lost for "
        f"good: docs/operations.md#a-lost-secret."
        for name in foreign_secrets(connection, settings)
    ]
    if faults:
        raise WrongSecrets("\n".join(faults))
