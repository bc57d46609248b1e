"""`tenure doctor`."""

import msgspec
import typer

from interfaces.cli.options import Data, Json
from interfaces.doctor import examine
from interfaces.settings import Settings


def doctor(
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Examine an installation without changing it, beside a running server too."""
    findings = []
    for finding in examine(Settings.load(data)):
        findings.append(finding)
        if not json:
            typer.echo(f"{finding.verdict:8} {finding.check}: {finding.found}")
            if finding.remedy:
                typer.echo(f"{'':8} → {finding.remedy}")
    sound = all(finding.verdict != "failed" for finding in findings)
    if json:
        typer.echo(msgspec.json.encode({"sound": sound, "findings": findings}).decode())
    raise typer.Exit(0 if sound else 1)
