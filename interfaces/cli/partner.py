"""`tenure partner`."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
import typer

from domain.partner import Environment
from interfaces import admission
from interfaces.cli.options import Data, Json
from interfaces.cli.prepared import prepared
from projections.partners import Listed, every_partner

app = typer.Typer(no_args_is_help=True, help="Partners: who may use the API.")

PartnerId = Annotated[str, typer.Argument(metavar="ID", help="The partner's id.")]


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
    with prepared(data, begins=True) as (settings, url):
        approval, key = admission.approve_partner(settings, url, name, slug, environment)
    shown = {
        "partnerId": approval.partner_id,
        "slug": approval.slug,
        "environment": approval.environment,
        "apiKey": key,
    }
    _print(shown, json=json)


@app.command("list")
def list_(
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """List all partners, oldest first, with how they may be reached."""
    with prepared(data) as (_, url):
        partners = [_listed(one) for one in every_partner(url)]
    if json:
        typer.echo(msgspec.json.encode(partners).decode())
        return
    for one in partners:
        typer.echo("  ".join(str(one[name]) for name in ("partnerId", "status", "slug", "name")))


@app.command()
def suspend(
    partner_id: PartnerId,
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Stop all keys of a partner, at once and on every worker, until it is reactivated."""
    with prepared(data) as (settings, url):
        status = admission.suspend_partner(settings, url, partner_id)
    _print({"partnerId": partner_id, "status": status}, json=json)


@app.command()
def reactivate(
    partner_id: PartnerId,
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Let a suspended partner's keys work again."""
    with prepared(data) as (settings, url):
        status = admission.reactivate_partner(settings, url, partner_id)
    _print({"partnerId": partner_id, "status": status}, json=json)


@app.command("add-key")
def add_key(
    partner_id: PartnerId,
    environment: Annotated[Environment, typer.Option(help="What the key opens.")] = "sandbox",
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Print one more API key, shown only now: for a partner that has lost all of its own, or is to
    come into another environment.
    """
    with prepared(data) as (settings, url):
        key = admission.add_key(settings, url, partner_id, environment)
    _print({"partnerId": partner_id, "environment": environment, "apiKey": key}, json=json)


@app.command("forget-contact")
def forget_contact(
    partner_id: PartnerId,
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Forget for good how a partner may be reached: what it said of that when it registered."""
    with prepared(data) as (_, url):
        admission.forget_contact(url, partner_id)
    _print({"partnerId": partner_id}, json=json)


def _listed(one: Listed) -> dict[str, object]:
    partner = one.partner
    return {
        "partnerId": one.partner_id,
        "name": partner.name,
        "slug": partner.slug,
        "status": partner.status,
        "environments": partner.environments,
        "domain": partner.domain,
        "approvedAt": partner.approved_at,
        "email": one.contact.get("email"),
        "website": one.contact.get("website"),
    }


def _print(shown: Mapping[str, object], *, json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(shown).decode())
    else:
        for member, value in shown.items():
            typer.echo(f"{member}: {value}")
