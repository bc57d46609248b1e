"""`tenure what-if`."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from domain.action import Action, check_name
from domain.instants import Instant, parse_instant
from domain.partner import Environment, tenant_of
from domain.ports import Fetch
from domain.refusals import NotFound, Refusal
from interfaces.api.action_in import ActionIn
from interfaces.api.strict_json import parse
from interfaces.api.wire import checked
from interfaces.cli.exits import WrongFile
from interfaces.cli.options import Data, Json
from interfaces.cli.prepared import prepared, reading
from projections.dry_run import DryRun, Flip, Judged, dry_runs
from projections.partners import Listed, every_partner

TIME, SHORT_ID, BETWEEN = 24, 8, 2
"""How wide the columns of a flip are; the two that say what it was and would be share the rest."""

WIDTH_OF_A_FILE = 120


@dataclass
class Count:
    """What a changed action would have done."""

    checked: int = 0
    flips: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many there are from one decision to another."""

    def add(self, run: DryRun) -> None:
        self.checked += run.checked
        self.flips.update((flip.recorded.decision, flip.would_be.decision) for flip in run.flips)


@dataclass(frozen=True)
class Judgement:
    """Decisions of a partner in an environment, judged again as if an action were another."""

    partner: Listed
    environment: Environment
    action: str
    run: DryRun


def what_if(
    *,
    actions: Annotated[
        Path, typer.Option(metavar="FILE", help="The changed actions, as JSON by their names.")
    ],
    partner: Annotated[
        str | None, typer.Option(metavar="ID", help="Whose decisions (default: all partners').")
    ] = None,
    environment: Annotated[
        Environment | None, typer.Option(help="Of which environment (default: both).")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="Recorded at this time or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Recorded at this time or earlier.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Judge recorded decisions again by other actions, and list those that would flip."""
    table = _table_in(actions)
    period = first, last = _moment(since, "--since"), _moment(until, "--until")
    if first is not None and last is not None and first > last:
        raise typer.BadParameter("it is before --since", param_hint="--until")
    with prepared(data) as (_, url):
        partners = [one for one in every_partner(url) if partner in (None, one.partner_id)]
        if partner is not None and not partners:
            raise NotFound
        asyncio.run(_show(url, table, partners, environment, period, json=json))


def _table_in(path: Path) -> list[Action]:
    """The actions in a file. Raises WrongFile, saying what is wrong with which."""
    try:
        document = parse(path.read_bytes())
    except OSError as error:
        raise WrongFile(f"{path} cannot be read: {error.strerror}") from error
    except Refusal as refusal:
        raise WrongFile(f"{path}: {refusal}") from refusal
    if not isinstance(document, dict) or not document:
        raise WrongFile(f"{path}: an object is wanted, with an action under each name")
    table = []
    for name, given in document.items():
        try:
            check_name(name)
            table.append(checked(ActionIn, given).named(name))
        except Refusal as refusal:
            raise WrongFile(f"{path}: {name}: {refusal}") from refusal
    return table


def _moment(text: str | None, option: str) -> Instant | None:
    try:
        return None if text is None else parse_instant(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


async def _show(
    url: str,
    table: Sequence[Action],
    partners: Sequence[Listed],
    environment: Environment | None,
    period: tuple[Instant | None, Instant | None],
    *,
    json: bool,
) -> None:
    counts = {action.name: Count() for action in table}
    async with reading(url) as fetch:
        judged = _judge(fetch, table, partners, environment, period)
        await (_print if json else _draw)(_counted(judged, counts))
    if json:
        shown = msgspec.json.encode([_count_out(*one) for one in counts.items()]).decode()
        typer.echo(f'],"actions":{shown}}}')
    else:
        _console().print(_summary(counts))


async def _judge(
    fetch: Fetch,
    table: Sequence[Action],
    partners: Iterable[Listed],
    environment: Environment | None,
    period: tuple[Instant | None, Instant | None],
) -> AsyncIterator[Judgement]:
    since, until = period
    for one in partners:
        for where in one.partner.environments:
            if environment not in (None, where):
                continue
            tenant = tenant_of(where, one.partner_id)
            for action in table:
                async for run in dry_runs(fetch, tenant, action, since=since, until=until):
                    yield Judgement(one, where, action.name, run)


async def _counted(
    judged: AsyncIterator[Judgement], counts: dict[str, Count]
) -> AsyncIterator[Judgement]:
    async for one in judged:
        counts[one.action].add(one.run)
        yield one


async def _print(judged: AsyncIterator[Judgement]) -> None:
    # Written as it is read: there may be more flips than what should be in memory at once.
    before = '{"flips":['
    async for one in judged:
        for flip in one.run.flips:
            shown = msgspec.json.encode(_flip_out(one, flip)).decode()
            typer.echo(before + shown, nl=False)
            before = ","
    if before != ",":
        typer.echo(before, nl=False)


def _flip_out(judged: Judgement, flip: Flip) -> dict[str, object]:
    return {
        "decision_correlation_id": flip.id,
        "partnerId": judged.partner.partner_id,
        "environment": judged.environment,
        "action": judged.action,
        "evaluatedAt": flip.decided_at,
        "recorded": flip.recorded,
        "wouldBe": flip.would_be,
    }


def _count_out(name: str, count: Count) -> dict[str, object]:
    return {
        "action": name,
        "checked": count.checked,
        "flipped": count.flips.total(),
        "flips": [
            {"recorded": recorded, "wouldBe": would_be, "count": number}
            for (recorded, would_be), number in count.flips.most_common()
        ],
    }


async def _draw(judged: AsyncIterator[Judgement]) -> None:
    console, heading, done = _console(), "", 0
    columns = (TextColumn("{task.completed:,} decisions judged"), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task("", total=None)
        async for one in judged:
            done += one.run.checked
            progress.update(task, completed=done)
            if not one.run.flips:
                continue
            title = f"{one.partner.partner.name} ({one.environment}): {one.action}"
            console.print(_flips_of(one.run, "" if title == heading else title, console.width))
            heading = title


def _flips_of(run: DryRun, title: str, width: int) -> Table:
    """The flips of a slice; the tables of one list are printed one after the other."""
    table = Table(show_header=bool(title), box=None, pad_edge=False)
    if title:
        # A text, because a partner's name may look like markup.
        table.title, table.title_justify = Text(title), "left"
    rest = (width - TIME - SHORT_ID - 3 * BETWEEN) // 2
    for name, columns in (
        ("Decided at", TIME),
        ("Decision", SHORT_ID),
        ("Recorded", rest),
        ("Would be", rest),
    ):
        table.add_column(name, width=columns, overflow="fold")
    for flip in run.flips:
        table.add_row(
            flip.decided_at, flip.id[:SHORT_ID], _written(flip.recorded), _written(flip.would_be)
        )
    return table


def _written(judged: Judged) -> str:
    return f"{judged.decision} ({', '.join(judged.reasons)})"


def _summary(counts: dict[str, Count]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("Action", "Decisions", "Flips", "Of which"):
        table.add_column(name, justify="right" if name in ("Decisions", "Flips") else "left")
    for name, count in counts.items():
        of_which = [f"{old} → {new} {number:,}" for (old, new), number in count.flips.most_common()]
        table.add_row(name, f"{count.checked:,}", f"{count.flips.total():,}", ", ".join(of_which))
    return table


def _console() -> Console:
    """Where it is told: as wide as the terminal, or as the columns need."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE, highlight=False)
