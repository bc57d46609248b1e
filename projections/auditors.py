"""Who may read the log, and whose?"""

from pathlib import Path

import msgspec
import psycopg

from domain.auditor import AUDITOR, Auditor

STATEMENT = Path(__file__).with_suffix(".sql").read_bytes()


class Listed(msgspec.Struct, frozen=True):
    """An auditor in the operator's list."""

    auditor_id: str
    auditor: Auditor


def every_auditor(url: str) -> list[Listed]:
    """All auditors, oldest first, as the database's owner sees them."""
    with psycopg.connect(url) as connection:
        return [
            Listed(auditor_id, AUDITOR.decode(row))
            for auditor_id, row in connection.execute(STATEMENT)
        ]
