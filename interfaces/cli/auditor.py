"""`tenure auditor`."""

from typing import Annotated

import msgspec
import typer

from domain.partner import Environment, parts_of_tenant, tenant_of
from interfaces import admission
from interfaces.cli.options import Data, Json
from interfaces.cli.prepared import prepared
from projections.auditors import Listed, every_auditor

app = typer.Typer(no_args_is_help=True, help="Auditors: who may read the log.")

AuditorId = Annotated[str, typer.Argument(metavar="ID", help="The auditor's id.")]


@app.command()
def create(
    name: Annotated[str, typer.Option(help="Who it is.")],
    partner: Annotated[
        str | None, typer.Option(metavar="ID", help="Whose log alone (default: all there is).")
    ] = None,
    environment: Annotated[
        Environment | None,
        typer.Option(help="Of that partner's environments which one (default: sandbox)."),
    ] = None,
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Let somebody read the log, and nothing else, and print their API key, shown only now."""
    if environment is not None and partner is None:
        raise typer.BadParameter("needs --partner", param_hint="--environment")
    tenant = None if partner is None else tenant_of(environment or "sandbox", partner)
    with prepared(data) as (settings, url):
        auditor_id, key = admission.create_auditor(settings, url, name, tenant)
    _print({"auditorId": auditor_id, "apiKey": key}, json=json)


@app.command("list")
def list_(
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """List all auditors, oldest first."""
    with prepared(data) as (_, url):
        auditors = [_listed(one) for one in every_auditor(url)]
    if json:
        typer.echo(msgspec.json.encode(auditors).decode())
        return
    for one in auditors:
        whose = "all" if one["partnerId"] is None else f"{one['environment']}/{one['partnerId']}"
        typer.echo("  ".join(map(str, (one["auditorId"], one["status"], whose, one["name"]))))


@app.command("rotate-key")
def rotate_key(
    auditor_id: AuditorId,
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Print another API key, shown only now; the one before is dead at once, on every worker."""
    with prepared(data) as (settings, url):
        key = admission.rotate_auditor_key(settings, url, auditor_id)
    _print({"auditorId": auditor_id, "apiKey": key}, json=json)


@app.command()
def revoke(
    auditor_id: AuditorId,
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """End an auditor for good; the key is dead at once, on every worker."""
    with prepared(data) as (settings, url):
        admission.revoke_auditor(settings, url, auditor_id)
    _print({"auditorId": auditor_id, "status": "REVOKED"}, json=json)


def _listed(one: Listed) -> dict[str, str | None]:
    auditor = one.auditor
    environment, partner_id = parts_of_tenant(auditor.tenant) if auditor.tenant else (None, None)
    return {
        "auditorId": one.auditor_id,
        "name": auditor.name,
        "status": "REVOKED" if auditor.key is None else "ACTIVE",
        "partnerId": partner_id,
        "environment": environment,
        "createdAt": auditor.created_at,
    }


def _print(shown: dict[str, str], *, json: bool) -> None:
    if json:
        typer.echo(msgspec.json.encode(shown).decode())
    else:
        for member, value in shown.items():
            typer.echo(f"{member}: {value}")
