"""`tenure partner`."""

from typing import Annotated

import msgspec
import typer

from domain.partner import Environment
from interfaces import wiring
from interfaces.cli.options import Data, Json
from interfaces.postgres import database
from interfaces.settings import Settings

app = typer.Typer(no_args_is_help=True, help="Partners: who may use the API.")


@app.callback()
def _group() -> None:
    """Keep `approve` a command of its own, although it is the only one."""


@app.command()
def approve(
    name: Annotated[str, typer.Option(help="The partner's name.")],
    slug: Annotated[
        str | None, typer.Option(help="Its short name (default: made of the name).")
    ] = None,
    environment: Annotated[Environment, typer.Option(help="What its key opens.")] = "sandbox",
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Approve a new partner and print its first API key, which is shown only now."""
    settings = Settings.load(data)
    with database(settings) as url:
        wiring.prepare(url)
        approval, key = wiring.approve_partner(settings, url, name, slug, environment)
    shown = {
        "partnerId": approval.partner_id,
        "slug": approval.slug,
        "environment": approval.environment,
        "apiKey": key,
    }
    if json:
        typer.echo(msgspec.json.encode(shown).decode())
    else:
        for member, value in shown.items():
            typer.echo(f"{member}: {value}")
