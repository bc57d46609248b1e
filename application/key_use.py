"""When keys were last used: an operator's convenience, stored now and then, beside the log."""

import asyncio
import logging
from pathlib import Path

import msgspec
import psycopg

from application.access import Access
from application.log.gathering import Connect
from application.sql import named_queries

QUERIES = named_queries(Path(__file__).with_name("key_use.sql"))
STORE_EVERY_SECONDS = 10
logger = logging.getLogger("tenure.access")


async def keep_key_use(access: Access, connect: Connect) -> None:
    """Store the uses that access has noted, until cancelled."""
    while True:
        await asyncio.sleep(STORE_EVERY_SECONDS)
        used, access.used = access.used, {}
        if not used:
            continue
        uses = [{"key_id": key_id, "used_at": used_at} for key_id, used_at in used.items()]
        try:
            async with await connect() as connection:
                await connection.execute(
                    QUERIES["note"], {"uses": msgspec.json.encode(uses).decode()}
                )
        except psycopg.Error as error:
            logger.warning("key use was not stored: %s", error)
