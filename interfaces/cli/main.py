"""`tenure`: the table of contents of the command line."""

from importlib.metadata import version
from typing import Annotated

import typer

from interfaces.cli.agents import app as agents
from interfaces.cli.auditor import app as auditor
from interfaces.cli.doctor import doctor
from interfaces.cli.exits import ExpectedErrors
from interfaces.cli.log import app as log
from interfaces.cli.partner import app as partner
from interfaces.cli.projections import app as projections
from interfaces.cli.serve import serve
from interfaces.cli.what_if import what_if

app = typer.Typer(
    name="tenure",
    cls=ExpectedErrors,
    help="Participation history for people and AI agents, and a marketplace of agent jobs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it with the value
    if wanted:
        typer.echo(version("tenure"))
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="The version.")
    ] = False,
) -> None:
    pass


app.command()(serve)
app.command()(doctor)
app.command()(what_if)
app.add_typer(partner, name="partner")
app.add_typer(agents, name="agents")
app.add_typer(projections, name="projections")
app.add_typer(auditor, name="auditor")
app.add_typer(log, name="log")
