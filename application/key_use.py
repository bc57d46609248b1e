"""When keys were last used: an operator's convenience, stored now and then, beside the log."""

import asyncio
import logging
from pathlib import Path

import psycopg

from application.access import Access
from application.log.connections import options
from application.sql import named_queries

QUERIES = named_queries(Path(__file__).with_name("key_use.sql"))
STORE_EVERY_SECONDS = 10
logger = logging.getLogger("tenure.access")


async def keep_key_use(access: Access, url: str) -> None:
    """Store the uses that access has noted, until cancelled."""
    while True:
        await asyncio.sleep(STORE_EVERY_SECONDS)
        used, access.used = access.used, set()
        if not used:
            continue
        try:
            async with await psycopg.AsyncConnection.connect(
                url, options=options("tenure_writer")
            ) as connection:
                await connection.execute(QUERIES["note"], {"key_ids": list(used)})
        except psycopg.Error as error:
            logger.warning("key use was not stored: %s", error)
