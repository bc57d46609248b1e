"""Databases that live as long as a block."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo


@contextmanager
def new_database(server: str, name: str, template: str = "template0") -> Iterator[str]:
    """Conninfo of a new database on a server, a copy of `template`; dropped at the end."""
    _execute(server, sql.SQL("create database {} template {}"), name, template)
    try:
        yield make_conninfo(server, dbname=name)
    finally:
        _execute(server, sql.SQL("drop database {} with (force)"), name)


def _execute(server: str, statement: sql.SQL, *names: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement.format(*map(sql.Identifier, names)))
