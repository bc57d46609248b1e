"""Statements of the engines: named ones of a ``.sql`` file, put on the tables of a version."""

from pathlib import Path
from typing import Protocol

from psycopg import sql

NAMED = "-- name: "


class OnTables(Protocol):
    """What has tables: a version."""

    @property
    def name(self) -> str:
        """The fold's name, which its rows have."""

    @property
    def state(self) -> str:
        """The table of its rows."""

    @property
    def snapshot(self) -> str:
        """The table of its snapshots."""


class Statements:
    """The statements of a file, by name; ``{state}``, ``{snapshot}`` and ``{fold}`` in them stand
    for a version's tables and name.
    """

    def __init__(self, file: Path) -> None:
        self._texts = named(file.read_text())

    def __getitem__(self, name: str) -> sql.SQL:
        return sql.SQL(self._texts[name])

    def on(self, tables: OnTables, name: str) -> sql.Composed:
        """A statement on the tables of a version."""
        return self[name].format(
            state=sql.Identifier(tables.state),
            snapshot=sql.Identifier(tables.snapshot),
            fold=sql.Literal(tables.name),
        )


def named(text: str) -> dict[str, str]:
    """Statements by their names; what stands before the first has the name ``""``. Lines of
    comment are left out.
    """
    before, *parts = text.split(NAMED)
    statements = {"": before}
    for part in parts:
        name, _, statement = part.partition("\n")
        statements[name.strip()] = statement
    return {name: _without_comments(statement) for name, statement in statements.items()}


def _without_comments(statement: str) -> str:
    return "\n".join(line for line in statement.splitlines() if not line.startswith("--")).strip()
