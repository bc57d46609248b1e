"""Exit codes: 0 done, 1 a check failed or something stands in the way, 2 wrong use."""

from typing import Any

import psycopg
import typer
from typer.core import TyperGroup

from application.migrate import MigrationRefused
from domain.refusals import Refusal
from interfaces.durability import UnsafeDatabase
from interfaces.export.formats import NotInstalled
from interfaces.export.segments import CannotExport
from interfaces.installation import WrongSecrets
from interfaces.postgres import DatabaseUnavailable
from interfaces.projection_queries import CannotAsk
from interfaces.serve import CannotServe
from interfaces.settings import SettingsError
from interfaces.supervisor import StartFailed
from projections.at_hand import UnknownProjection
from projections.engine.fingerprint import NoFingerprint
from projections.engine.processes import WorkerDied
from projections.engine.reading import Poison
from projections.engine.rebuild import BeingRebuilt, CannotBuild
from projections.engine.switch import CannotSwitch
from projections.engine.verify import CodeIsMissing
from projections.engine.versions import NoSuchVersion


class WrongFile(Exception):
    """A file that was named does not hold what is wanted."""


EXIT_CODES: dict[type[Exception], int] = {
    SettingsError: 2,
    WrongFile: 2,
    UnknownProjection: 2,
    NoSuchVersion: 2,
    CannotAsk: 2,
    BeingRebuilt: 1,
    CannotBuild: 1,
    CannotExport: 1,
    CannotServe: 1,
    CannotSwitch: 1,
    CodeIsMissing: 1,
    DatabaseUnavailable: 1,
    MigrationRefused: 1,
    NoFingerprint: 1,
    Poison: 1,
    NotInstalled: 1,
    Refusal: 1,
    StartFailed: 1,
    UnsafeDatabase: 1,
    WorkerDied: 1,
    WrongSecrets: 1,
    psycopg.OperationalError: 1,
}
"""What may go wrong without a defect: its message is shown, and no traceback."""


class ExpectedErrors(TyperGroup):
    """A group of commands that ends with a sentence and an exit code on an expected error."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except tuple(EXIT_CODES) as error:
            typer.echo(f"Error: {error}", err=True)
            code = next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
            raise typer.Exit(code) from None
