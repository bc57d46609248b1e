"""`tenure agents`."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Annotated

import msgspec
import typer

from domain.agent import Status
from domain.spawning import DEPTH_AT_MOST
from interfaces.cli.options import Data, Json
from interfaces.cli.prepared import prepared, reading
from interfaces.drawing import Drawing, leading_to, node_out
from projections.agents import SeenAgent
from projections.forests import Forest, every_agent, forests

app = typer.Typer(no_args_is_help=True, help="Agents: who comes from whom.")

SHORT_ID = 8
COLOURS: dict[Status, str | None] = {
    "ACTIVE": None,
    "PENDING_APPROVAL": typer.colors.CYAN,
    "SUSPENDED": typer.colors.YELLOW,
    "REVOKED": typer.colors.BRIGHT_BLACK,
}


@app.command()
def tree(
    *,
    root: Annotated[
        str | None, typer.Option(metavar="ID", help="The agent to begin at (default: all).")
    ] = None,
    partner: Annotated[
        str | None, typer.Option(metavar="ID", help="Whose agents (default: all partners').")
    ] = None,
    depth: Annotated[
        int | None, typer.Option(help="So many levels below.", min=0, max=DEPTH_AT_MOST)
    ] = None,
    status: Annotated[
        Status | None, typer.Option(help="Only these, and those whom they come from.")
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Draw who comes from whom, beside a running server too."""
    with prepared(data) as (_, url):
        asyncio.run(_show(url, root, partner, depth, status, json=json))


async def _show(
    url: str,
    root: str | None,
    partner: str | None,
    depth: int | None,
    status: Status | None,
    *,
    json: bool,
) -> None:
    async with reading(url) as fetch:
        found = await forests(fetch, partner_id=partner, root=root)
        if json:
            typer.echo("[", nl=False)
        for number, forest in enumerate(found):
            agents = leading_to(status, every_agent(fetch, forest, root=root, depth=depth))
            if json:
                typer.echo("," if number else "", nl=False)
                await _print(forest, agents)
            else:
                await _draw(forest, agents)
        if json:
            typer.echo("]")


async def _draw(forest: Forest, agents: AsyncIterator[SeenAgent]) -> None:
    drawing, top = Drawing(), None
    async for seen in agents:
        depth = seen.shown.agent.depth
        if top is None:
            # Here, so that a forest of which nothing is shown has no heading either.
            top = depth - 1
            _echo(drawing.add(0, f"{forest.partner} ({forest.environment})"))
        _echo(drawing.add(depth - top, _written(seen)))
    _echo(drawing.end())


def _echo(lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(line)


def _written(seen: SeenAgent) -> str:
    agent = seen.shown.agent
    status = typer.style(agent.status, fg=COLOURS[agent.status])
    return f"{agent.name}  {agent.type}  {status}  {seen.shown.agent_id[:SHORT_ID]}"


async def _print(forest: Forest, agents: AsyncIterator[SeenAgent]) -> None:
    # Written as it is read: a forest may be larger than what should be in memory at once.
    whose = {
        "partnerId": forest.partner_id,
        "partner": forest.partner,
        "environment": forest.environment,
    }
    before = f'{msgspec.json.encode(whose).decode()[:-1]},"nodes":['
    async for seen in agents:
        typer.echo(before + msgspec.json.encode(node_out(seen)).decode(), nl=False)
        before = ","
    typer.echo("]}", nl=False)
