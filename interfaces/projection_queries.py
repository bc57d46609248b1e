"""Queries that a projection brings, run as a role that reads rows and nothing else."""

from collections.abc import Sequence
from typing import Any

import psycopg

from projections.engine.projection import Projection

ROLE = "-c role=tenure_projection -c default_transaction_read_only=on -c timezone=UTC"


class CannotAsk(Exception):
    """There is no such query, or it cannot be run as it was asked; the message says why."""


def ask(
    url: str, projection: Projection, name: str, given: Sequence[str]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The names of a query's columns, and its rows. ``given`` are parameters, each ``name=value``.

    Raises CannotAsk.
    """
    if name not in projection.queries:
        there = ", ".join(projection.queries) or "none"
        raise CannotAsk(f"{projection.name} has no query {name}; there are: {there}.")
    parameters = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals:
            raise CannotAsk(f"A parameter is given as name=value, not as {one!r}.")
        parameters[key] = value
    try:
        with psycopg.connect(url, options=ROLE) as connection:
            found = connection.execute(projection.queries[name].encode(), parameters)
            names = [column.name for column in found.description or ()]
            return names, found.fetchall() if names else []
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise CannotAsk(f"The query {name} of {projection.name}: {error}") from error
