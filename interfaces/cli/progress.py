"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

SAY_EVERY_SECONDS = 5.0


class Telling(Protocol):
    """Told how far some work has come."""

    def __call__(self, done: int) -> None: ...


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f}/s")


@contextmanager
def progress(what: str, total: int) -> Iterator[Telling]:
    """Show on standard error how far work of a known size has come."""
    if sys.stderr.isatty():
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.update(task, completed=done)
        return
    started = said = monotonic()

    def tell(done: int) -> None:
        nonlocal said
        now = monotonic()
        if done == total or now - said >= SAY_EVERY_SECONDS:
            said = now
            rate = done / max(now - started, 1e-3)
            left = (total - done) / max(rate, 1e-3)
            typer.echo(
                f"{what}: {done:,} of {total:,}, {rate:,.0f}/s, {left:,.0f} s left", err=True
            )

    yield tell
