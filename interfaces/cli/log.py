"""`tenure log`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from application.log.tail import Tail
from domain.events import read_stored
from domain.ports import Fetch
from domain.refusals import UnknownStoredName
from interfaces.cli.options import Data, Json
from interfaces.cli.prepared import prepared, reading
from interfaces.cli.progress import progress
from interfaces.export.formats import FormatName
from interfaces.export.segments import Export
from interfaces.telling import in_words, whole
from projections.log import (
    Logged,
    Page,
    logged,
    one_entry,
    read_log,
    read_stream,
    stored_names_of,
)

app = typer.Typer(no_args_is_help=True, help="The log: show it, export it.")

AT_A_TIME = 500


@app.command()
def show(
    position: Annotated[
        str | None, typer.Argument(metavar="[POSITION]", help="Show this entry alone, whole.")
    ] = None,
    *,
    after: Annotated[int, typer.Option(help="Only entries after this position.", min=0)] = 0,
    limit: Annotated[int | None, typer.Option(help="How many at most.", min=1)] = None,
    types: Annotated[
        str | None,
        typer.Option(help="Only these stored names, or beginnings of them: entity.*,claim.*"),
    ] = None,
    stream: Annotated[str | None, typer.Option(help="Only the entries of this stream.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as entries are written.")] = False,
    data: Data = None,
    json: Json = False,
) -> None:
    """Show the log in words, beside a running server too."""
    try:
        names = None if types is None else stored_names_of(types)
    except UnknownStoredName as unknown:
        raise typer.BadParameter(f"{unknown} {unknown.hint}", param_hint="--types") from None
    with prepared(data) as (_, url):
        if position is not None:
            asyncio.run(_show_one(url, position, json=json))
            return
        wanted = _Wanted(after=after, limit=limit, types=names, stream=stream, follow=follow)
        asyncio.run(_show(url, wanted, json=json))


@app.command()
def export(
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder.", file_okay=False)],
    format_: Annotated[
        FormatName,
        typer.Option("--format", help="ndjson has the exact entries, parquet typed columns."),
    ] = "ndjson",
    until: Annotated[
        int | None, typer.Option(help="No further than this position (default: all).", min=1)
    ] = None,
    data: Data = None,
    json: Json = False,  # noqa: FBT002 - Typer calls it with the value
) -> None:
    """Export the log to files of 100,000 positions; run it again to go on from where it is."""
    with prepared(data) as (_, url):
        export = Export(url, to, format_, until)
        missing = list(export.missing())
        total = sum(last - first + 1 for first, last in missing)
        with progress("Exporting", total) as tell:
            export.run(tell)
    manifest = export.manifest
    if json:
        typer.echo(msgspec.json.encode(manifest).decode())
        return
    files = f"{len(manifest.files):,} file{'' if len(manifest.files) == 1 else 's'}"
    typer.echo(
        f"{manifest.position:,} entries as {manifest.format} in {files} under {to}, "
        f"{len(missing):,} written now."
    )


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    after: int
    limit: int | None
    types: Sequence[str] | None
    stream: str | None
    follow: bool


async def _show_one(url: str, position: str, *, json: bool) -> None:
    async with reading(url) as fetch:
        text = await one_entry(fetch, position)
    typer.echo(text if json else whole(logged(int(position), read_stored(text))))


async def _show(url: str, wanted: _Wanted, *, json: bool) -> None:
    left = wanted.limit
    async for entry in _entries(url, wanted):
        typer.echo(msgspec.json.encode(entry).decode() if json else in_words(entry))
        if left is not None:
            left -= 1
            if left == 0:
                return


async def _entries(url: str, wanted: _Wanted) -> AsyncIterator[Logged]:
    after, tail = wanted.after, Tail()
    listening = asyncio.create_task(tail.run(url))
    try:
        async with reading(url) as fetch:
            while True:
                word = tail.next_word() if wanted.follow else None
                page = await _page(fetch, wanted, after)
                for entry in page.entries:
                    yield entry
                after = page.position
                if page.has_more:
                    continue
                if word is None:
                    return
                sys.stdout.flush()
                await tail.heard(word)
    finally:
        listening.cancel()


async def _page(fetch: Fetch, wanted: _Wanted, after: int) -> Page:
    if wanted.stream is not None:
        return await read_stream(
            fetch, wanted.stream, after=after, limit=AT_A_TIME, types=wanted.types
        )
    return await read_log(fetch, None, after=after, limit=AT_A_TIME, types=wanted.types)
