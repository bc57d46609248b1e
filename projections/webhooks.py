"""Which webhooks has a member or an agent, and how did each attempt to send them something go?"""

from pathlib import Path
from typing import Literal, NamedTuple

from domain.instants import Instant, parse_instant
from domain.ports import Fetch
from domain.refusals import InvalidCursor
from domain.webhook import WEBHOOK, ShownWebhook
from projections.cursors import read_cursor, write_cursor

LIST = Path(__file__).with_name("webhooks.sql").read_bytes()
ATTEMPTS = Path(__file__).with_name("webhook_attempts.sql").read_bytes()
DELIVERY = Path(__file__).with_name("webhook_delivery.sql").read_bytes()
NEWEST = ("9999-12-31T00:00:00.000Z", "~")

DeliveryStatus = Literal["PENDING", "DELIVERED", "GIVEN_UP"]


class WebhooksPage(NamedTuple):
    """Some webhooks, newest first, and the cursor to the older ones, None on the last page."""

    webhooks: list[ShownWebhook]
    cursor: str | None


class Attempt(NamedTuple):
    """One time that a delivery was sent, and how the delivery stands by now."""

    delivery_id: str
    topic: str
    number: int
    at: Instant
    milliseconds: int
    status: int | None
    error: str | None
    delivery_status: DeliveryStatus
    next_attempt_at: Instant | None


class AttemptsPage(NamedTuple):
    """Some attempts, newest first, and the cursor to the older ones, None on the last page."""

    attempts: list[Attempt]
    cursor: str | None


async def list_webhooks(
    fetch: Fetch,
    tenant: str,
    owner_id: str,
    agent_id: str | None,
    *,
    cursor: str | None,
    limit: int,
) -> WebhooksPage:
    """One page of a member's webhooks and those of the member's agents, or of one agent's alone.

    ``fetch`` must see the rows of every tenant. Raises InvalidCursor.
    """
    added_at, key = NEWEST if cursor is None else read_cursor(cursor, parts=2)
    rows = await fetch(
        LIST,
        {
            "tenant": tenant,
            "owner_id": owner_id,
            "agent_id": agent_id,
            "added_at": added_at,
            "key": key,
            "limit": str(limit + 1),
        },
    )
    found = [ShownWebhook(webhook_id, WEBHOOK.decode(row), url) for webhook_id, row, url in rows]
    page, last = found[:limit], found[limit - 1 : limit]
    return WebhooksPage(
        page,
        write_cursor(last[0].webhook.added_at, last[0].webhook_id) if len(found) > limit else None,
    )


async def list_attempts(
    fetch: Fetch, webhook_id: str, *, cursor: str | None, limit: int
) -> AttemptsPage:
    """One page of the attempts to send a webhook anything. Raises InvalidCursor."""
    at, delivery_id = NEWEST if cursor is None else read_cursor(cursor, parts=2)
    try:
        at = parse_instant(at)
    except ValueError as error:
        raise InvalidCursor from error
    rows = await fetch(
        ATTEMPTS,
        {
            "webhook_id": webhook_id,
            "at": at,
            "delivery_id": delivery_id,
            "limit": str(limit + 1),
        },
    )
    found = [Attempt(*row) for row in rows]
    page, last = found[:limit], found[limit - 1 : limit]
    return AttemptsPage(
        page, write_cursor(last[0].at, last[0].delivery_id) if len(found) > limit else None
    )


async def has_delivery(fetch: Fetch, webhook_id: str, delivery_id: str) -> bool:
    """Whether a webhook was to be told something under an id, and that is still known."""
    return bool(await fetch(DELIVERY, {"webhook_id": webhook_id, "delivery_id": delivery_id}))
