"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path | None,
    typer.Option(help="Data folder (default: TENURE_DATA, else ./tenure-data).", file_okay=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
