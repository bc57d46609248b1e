"""What a command works on that needs the database."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg

from application.log.connections import options
from domain.ports import Fetch
from interfaces.cli.options import Data
from interfaces.installation import check_secrets, keep_secrets
from interfaces.postgres import database
from interfaces.settings import Settings
from interfaces.wiring import prepare


@contextmanager
def prepared(data: Data, *, begins: bool = False) -> Iterator[tuple[Settings, str]]:
    """The settings, and the URL of a database that is ready for them."""
    settings = Settings.load(data)
    with database(settings, begins=begins) as url:
        check_secrets(settings, url)
        prepare(url)
        keep_secrets(settings, url)
        yield settings, url


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[Fetch]:
    """Statements that see what is of all partners."""
    async with await psycopg.AsyncConnection.connect(
        url, options=options("tenure_writer"), autocommit=True
    ) as connection:

        async def fetch(statement: bytes, parameters: Mapping[str, Any]) -> Sequence[Any]:
            rows = await connection.execute(statement, parameters)
            return await rows.fetchall()

        yield fetch
