"""What webhooks were sent: how each attempt went, and how to have something sent again."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as FromQuery
from typing_extensions import TypedDict

from application.ids import new_id
from domain.refusals import InvalidCursor, NotFound, WebhookDisabled
from domain.webhook import PingWebhook, ReplayDelivery
from interfaces.api.call import Answered, Call
from interfaces.api.map.route import MapRoute, member_or_agent
from interfaces.api.map.webhooks import found_webhook, of_whom
from interfaces.api.map.wire import MapPage
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.wire import Id, Moment, Pagination
from projections.webhooks import Attempt, DeliveryStatus, has_delivery, list_attempts

router = APIRouter(route_class=MapRoute, tags=["Marketplace: webhooks"])


class PingedWebhookOut(TypedDict):
    """A webhook that will soon be sent something."""

    webhook_id: Id


class ReplayedDeliveryOut(TypedDict):
    """A delivery that will soon be sent again."""

    webhook_id: Id
    delivery_id: str


class AttemptOut(TypedDict):
    """One time that a delivery was sent: the status that was answered, or the error for which there
    is none. ``delivery_status`` is how the delivery stands by now, ``next_attempt_at`` when it is
    tried again.
    """

    delivery_id: str
    topic: str
    number: int
    at: Moment
    milliseconds: int
    status: int | None
    error: str | None
    delivery_status: DeliveryStatus
    next_attempt_at: Moment | None


class AttemptsOut(TypedDict):
    """Some attempts, newest first."""

    data: list[AttemptOut]
    pagination: Pagination


def attempt_out(attempt: Attempt) -> AttemptOut:
    """What is shown of an attempt."""
    return {
        "delivery_id": attempt.delivery_id,
        "topic": attempt.topic,
        "number": attempt.number,
        "at": attempt.at,
        "milliseconds": attempt.milliseconds,
        "status": attempt.status,
        "error": attempt.error,
        "delivery_status": attempt.delivery_status,
        "next_attempt_at": attempt.next_attempt_at,
    }


@router.post(
    "/webhooks/{webhook_id}/ping",
    status_code=202,
    response_model=PingedWebhookOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=IDEMPOTENT,
    summary="Ping a webhook",
)
@refuses(NotFound, WebhookDisabled)
async def ping_webhook(call: Call, webhook_id: str) -> Answered:
    """Be sent a `webhook.ping`, to see that it arrives."""
    return await call.commit(
        PingWebhook(id=new_id(), **await of_whom(call, webhook_id)),
        lambda shown: PingedWebhookOut(webhook_id=webhook_id),
        status=202,
        repeat=call.repeat(),
    )


@router.get(
    "/webhooks/{webhook_id}/attempts",
    response_model=AttemptsOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=READ,
    summary="List attempts",
)
@refuses(NotFound, InvalidCursor)
async def get_attempts(
    call: Call, webhook_id: str, page: Annotated[MapPage, FromQuery()]
) -> Answered:
    """Each time that something was sent, and how that went; for a month."""
    await found_webhook(call, webhook_id)
    found = await list_attempts(call.across, webhook_id, cursor=page.cursor, limit=page.limit)
    return call.show(
        AttemptsOut(
            data=[attempt_out(one) for one in found.attempts],
            pagination={"cursor": found.cursor, "hasMore": found.cursor is not None},
        )
    )


@router.post(
    "/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    response_model=ReplayedDeliveryOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=IDEMPOTENT,
    summary="Replay a delivery",
)
@refuses(NotFound, WebhookDisabled)
async def replay_delivery(call: Call, webhook_id: str, delivery_id: str) -> Answered:
    """Be sent something again, under the same id, whether it arrived or was given up."""
    about = await of_whom(call, webhook_id)
    if not await has_delivery(call.across, webhook_id, delivery_id):
        raise NotFound
    return await call.commit(
        ReplayDelivery(id=new_id(), delivery_id=delivery_id, **about),
        lambda shown: ReplayedDeliveryOut(webhook_id=webhook_id, delivery_id=delivery_id),
        status=202,
        repeat=call.repeat(),
    )
