"""`tenure projections`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import psycopg
import typer

from interfaces.cli.options import Data, Json
from interfaces.cli.prepared import prepared
from interfaces.cli.projection_tables import (
    Progress,
    show_difference,
    show_explained,
    show_rows,
    show_verified,
    show_versions,
)
from interfaces.projection_queries import ask
from projections.at_hand import UnknownProjection, at_hand, brought, named
from projections.engine.difference import difference, explain
from projections.engine.projection import Projection
from projections.engine.rebuild import alone
from projections.engine.rebuild import rebuild as build
from projections.engine.switch import Switched, drop_version, version_before
from projections.engine.switch import switch as make_live
from projections.engine.verify import verify as hold_against_the_log
from projections.engine.versions import connect, version_of, versions_of

app = typer.Typer(
    no_args_is_help=True,
    help="Projections: the rows of folds, version by version.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The projection.")]
Number = Annotated[int, typer.Argument(metavar="VERSION", help="One of its versions.", min=1)]
Processes = Annotated[
    int | None, typer.Option(help="Processes that share the work (default: one a core).", min=1)
]


@app.command("list")
def list_versions(*, data: Data = None, json: Json = False) -> None:
    """List all versions and how each fares."""
    with prepared(data) as (_, url), connect(url) as connection:
        versions, (_, wrong) = versions_of(connection), brought()
    if json:
        shown = [version.shown() for version in versions]
        _print({"projections": shown, "unusable": wrong})
    else:
        show_versions(versions, at_hand(), wrong)


@app.command()
def rebuild(
    name: Name, *, processes: Processes = None, data: Data = None, json: Json = False
) -> None:
    """Build a new version from the whole log and follow to the head, beside a running server too.

    One that was interrupted goes on where it was.
    """
    with prepared(data) as (_, url), Progress() as progress:
        if name not in at_hand():
            raise UnknownProjection(name)
        version = build(url, name, processes=processes, begun=progress.begins)
    if json:
        _print(version.shown())
        return
    typer.echo(f"{version.label} is built, up to position {version.position}.")
    if not version.is_live:
        typer.echo(f"To make it live: tenure projections switch {name} {version.number}")


@app.command()
def verify(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="The projection (default: all live ones)."),
    ] = None,
    *,
    version: Annotated[
        int | None, typer.Option(help="One of its versions (default: the live one).", min=1)
    ] = None,
    processes: Processes = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Fold the log again and hold the rows against it. Exit code 1 if any differs."""
    found = []
    with prepared(data) as (_, url), Progress() as progress:
        for one in _live(url) if name is None else [name]:
            if one not in at_hand():
                raise UnknownProjection(one)
            verified = hold_against_the_log(
                url, one, version, processes=processes, begun=progress.begins
            )
            found.append(verified)
    if json:
        _print({"sound": all(one.is_sound for one in found), "verified": found})
    else:
        show_verified(found)
    raise typer.Exit(0 if all(one.is_sound for one in found) else 1)


@app.command()
def diff(
    name: Name,
    a: Annotated[int, typer.Argument(metavar="A", help="One version.", min=1)],
    b: Annotated[int, typer.Argument(metavar="B", help="The other.", min=1)],
    *,
    key: Annotated[
        str | None, typer.Option(help="Of this row alone, with the entries behind it.")
    ] = None,
    limit: Annotated[
        int, typer.Option(help="So many of the rows that differ.", min=1, max=1_000)
    ] = 20,
    after: Annotated[str, typer.Option(help="Of the rows that differ, those after this key.")] = "",
    data: Data = None,
    json: Json = False,
) -> None:
    """Show what differs between two versions, and with a key, why."""
    with _projection(data, name) as (connection, projection):
        if key is not None:
            explained = explain(connection, projection, a, b, key)
            _print(explained) if json else show_explained(explained, name, a, b)
            return
        found = difference(connection, projection, a, b, after=after, limit=limit)
        _print(found) if json else show_difference(found)


@app.command()
def switch(name: Name, version: Number, *, data: Data = None, json: Json = False) -> None:
    """Make a version live, at once for every request that comes after."""
    with _projection(data, name) as (connection, projection):
        _tell(make_live(connection, projection, version), json=json)


@app.command()
def rollback(name: Name, *, data: Data = None, json: Json = False) -> None:
    """Make the version live that was live before."""
    with _projection(data, name) as (connection, projection):
        before = version_before(connection, name)
        _tell(make_live(connection, projection, before), json=json)


@app.command()
def drop(name: Name, version: Number, *, data: Data = None, json: Json = False) -> None:
    """Drop a version that is not live, for good."""
    with _projection(data, name) as (connection, _), alone(connection, name):
        with connection.transaction():
            dropped = version_of(connection, name, version)
            drop_version(connection, dropped)
        if json:
            _print({"name": name, "version": version})
        else:
            typer.echo(f"{dropped.label} is dropped.")


@app.command()
def query(
    name: Name,
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One of its queries.")],
    *,
    param: Annotated[
        list[str] | None, typer.Option(metavar="K=V", help="A parameter; once for each.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Run a query that a projection brings, as a role that only reads rows."""
    with prepared(data) as (_, url):
        if name not in at_hand():
            raise UnknownProjection(name)
        names, rows = ask(url, at_hand()[name], query, param or [])
    if json:
        _print([dict(zip(names, row, strict=True)) for row in rows])
    else:
        show_rows(names, rows)


def _live(url: str) -> list[str]:
    """The names of all that is live and that there is code for."""
    with connect(url) as connection:
        versions = versions_of(connection)
    return [one.name for one in versions if one.is_live and one.name in at_hand()]


@contextmanager
def _projection(data: Data, name: str) -> Iterator[tuple[psycopg.Connection, Projection]]:
    """A projection, and a connection to work on its versions."""
    with prepared(data) as (_, url), connect(url) as connection:
        yield connection, named(name, versions_of(connection, name))


def _tell(switched: Switched, *, json: bool) -> None:
    if json:
        _print(switched)
        return
    before = "" if switched.before is None else f", in place of {switched.before}"
    typer.echo(
        f"{switched.name} {switched.version} is live since position {switched.position}{before}."
    )


def _print(document: Any) -> None:
    typer.echo(msgspec.json.encode(document).decode())
