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
    """Hold the secrets against the database, or note them at its first start.

    Raises WrongSecrets.
    """
    hashes = Hashes(settings.pepper, settings.identifier_secret)
    fingerprints = hashes.fingerprints()
    with psycopg.connect(url) as connection:
        connection.execute(
            SQL["note"], {"names": list(fingerprints), "values": list(fingerprints.values())}
        )
        faults = foreign_secrets(connection, hashes)
    if faults:
        raise WrongSecrets(
            "\n".join(
                f"The secret {name!r} is not the one that this database was begun with: with it "
                f"{WITHOUT[name][1]}. Put back secrets/{name} from the backup, or from the machine "
                f"that serves this database already, or set {WITHOUT[name][0]}. If it is lost for "
                f"good: docs/operations.md#a-lost-secret."
                for name in faults
            )
        )


def foreign_secrets(connection: psycopg.Connection, hashes: Hashes) -> list[str]:
    """The names of the secrets that differ from the database's."""
    noted: dict[str, str] = dict(connection.execute(SQL["noted"]).fetchall())
    return [
        name
        for name, fingerprint in hashes.fingerprints().items()
        if noted.get(name, fingerprint) != fingerprint
    ]
