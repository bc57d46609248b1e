"""Webhooks: under which addresses members and agents are told of what happens."""

from typing import Annotated, get_args

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypedDict

from application.guarded_fetch import URL_LENGTH_AT_MOST, read_page
from application.ids import new_id
from application.webhooks.signing import secret_text
from domain.listing import AskListing, Listing
from domain.refusals import (
    InvalidCursor,
    InvalidUrl,
    InvalidValue,
    NotFound,
    TooManyWebhooks,
)
from domain.webhook import (
    AddWebhook,
    AskWebhook,
    DeleteWebhook,
    RotateSecret,
    ShownWebhook,
    Topic,
)
from interfaces.api.call import Answered, Call
from interfaces.api.map.route import MapRoute, member_id, member_or_agent
from interfaces.api.map.wire import MapPage, MapWire
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.wire import Id, Moment, Pagination
from projections.webhooks import list_webhooks

router = APIRouter(route_class=MapRoute, tags=["Marketplace: webhooks"])

EVERY_TOPIC: tuple[Topic, ...] = get_args(Topic)


class WebhookIn(MapWire):
    """Where to tell of what."""

    url: Annotated[
        str,
        Field(
            description="Its host must be public, and is asked on the default port.",
            examples=["https://acme.example/hooks"],
            json_schema_extra={"maxLength": URL_LENGTH_AT_MOST, "format": "uri"},
        ),
    ]
    topics: list[Topic] | None = Field(
        None, min_length=1, description="Absent: all of them, as far as they concern you."
    )
    agent_id: Id | None = Field(
        None, description="An agent of yours that is to be told. Absent: you, or the agent you are."
    )


class WebhookOut(TypedDict):
    """A webhook. ``agent_id`` is the agent that is told, null when its owner is; one that is
    disabled is sent nothing more.
    """

    webhook_id: Id
    url: str
    topics: list[Topic]
    user_id: Id
    agent_id: Id | None
    added_at: Moment
    rotated_at: Moment | None
    disabled_at: Moment | None


class WebhookWithSecretOut(WebhookOut):
    """A webhook and its secret, shown this once; a replay has null there."""

    secret: str | None


class WebhooksOut(TypedDict):
    """Some webhooks, newest first."""

    data: list[WebhookOut]
    pagination: Pagination


class DeletedWebhookOut(TypedDict):
    """A webhook that is sent nothing more."""

    webhook_id: Id
    deleted_at: Moment


def webhook_out(shown: ShownWebhook) -> WebhookOut:
    """What is shown of a webhook, everywhere the same."""
    webhook = shown.webhook
    return {
        "webhook_id": shown.webhook_id,
        "url": shown.url,
        "topics": list(webhook.topics),
        "user_id": webhook.owner_id,
        "agent_id": webhook.agent_id,
        "added_at": webhook.added_at,
        "rotated_at": webhook.rotated_at,
        "disabled_at": webhook.disabled_at,
    }


def webhook_with_secret_out(shown: ShownWebhook) -> WebhookWithSecretOut:
    """What is shown of a webhook that was given a secret, and kept."""
    return {**webhook_out(shown), "secret": None}


@router.post(
    "/webhooks",
    status_code=201,
    response_model=WebhookWithSecretOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=IDEMPOTENT,
    summary="Add a webhook",
)
@refuses(InvalidValue, NotFound, TooManyWebhooks)
async def add_webhook(call: Call, form: WebhookIn) -> Answered:
    """Be told of what happens by POST requests, as Standard Webhooks has them. The secret under
    which they are signed is shown this once.
    """
    must_be_public(call, form.url, "url")
    owner_id, agent_id = await whose(call, form.agent_id)
    command = AddWebhook(
        id=new_id(),
        tenant=call.principal.tenant,
        owner_id=owner_id,
        agent_id=agent_id,
        topics=EVERY_TOPIC if form.topics is None else tuple(dict.fromkeys(form.topics)),
        url=form.url,
    )
    return await call.commit(
        command,
        webhook_with_secret_out,
        status=201,
        repeat=call.repeat(),
        once=lambda shown: {"secret": secret_of(call, shown.webhook_id, shown.webhook.generation)},
    )


@router.get(
    "/webhooks",
    response_model=WebhooksOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=READ,
    summary="List webhooks",
)
@refuses(InvalidCursor)
async def get_webhooks(call: Call, page: Annotated[MapPage, FromQuery()]) -> Answered:
    """Yours, with those of your agents; an agent sees its own."""
    owner_id, agent_id = await whose(call)
    found = await list_webhooks(
        call.across,
        call.principal.tenant,
        owner_id,
        agent_id,
        cursor=page.cursor,
        limit=page.limit,
    )
    return call.show(
        WebhooksOut(
            data=[webhook_out(one) for one in found.webhooks],
            pagination={"cursor": found.cursor, "hasMore": found.cursor is not None},
        )
    )


@router.get(
    "/webhooks/{webhook_id}",
    response_model=WebhookOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=READ,
    summary="Show a webhook",
)
@refuses(NotFound)
async def get_webhook(call: Call, webhook_id: str) -> Answered:
    """One of yours."""
    return call.show(webhook_out(await found_webhook(call, webhook_id)))


@router.delete(
    "/webhooks/{webhook_id}",
    response_model=DeletedWebhookOut,
    dependencies=member_or_agent("market:read"),
    summary="Delete a webhook",
)
@refuses(NotFound)
async def delete_webhook(call: Call, webhook_id: str) -> Answered:
    """Be sent nothing more; its address and all attempts are forgotten."""
    return await call.commit(
        DeleteWebhook(id=new_id(), **await of_whom(call, webhook_id)),
        lambda deleted_at: DeletedWebhookOut(webhook_id=webhook_id, deleted_at=deleted_at),
    )


@router.post(
    "/webhooks/{webhook_id}/rotate",
    response_model=WebhookWithSecretOut,
    dependencies=member_or_agent("market:read"),
    openapi_extra=IDEMPOTENT,
    summary="Rotate a webhook's secret",
)
@refuses(NotFound)
async def rotate_secret(call: Call, webhook_id: str) -> Answered:
    """Get another secret, shown this once. For 24 hours what you are sent is signed under the one
    before as well.
    """
    return await call.commit(
        RotateSecret(id=new_id(), **await of_whom(call, webhook_id)),
        webhook_with_secret_out,
        repeat=call.repeat(),
        once=lambda shown: {"secret": secret_of(call, shown.webhook_id, shown.webhook.generation)},
    )


class OfWhom(TypedDict):
    """A webhook, and on whose behalf it is asked about."""

    tenant: str
    owner_id: str
    agent_id: str | None
    webhook_id: str


async def of_whom(call: Call, webhook_id: str) -> OfWhom:
    """A webhook, asked about by whoever calls."""
    owner_id, agent_id = await whose(call)
    return {
        "tenant": call.principal.tenant,
        "owner_id": owner_id,
        "agent_id": agent_id,
        "webhook_id": webhook_id,
    }


async def found_webhook(call: Call, webhook_id: str) -> ShownWebhook:
    """A webhook of whoever calls. Raises NotFound."""
    shown: ShownWebhook = (await call.ask(AskWebhook(**await of_whom(call, webhook_id)))).value
    return shown


async def whose(call: Call, agent_id: str | None = None) -> tuple[str, str | None]:
    """The member on whose behalf somebody calls, and the agent that calls or is meant, if any.

    Raises NotFound for an agent of somebody else's.
    """
    acting = call.principal.agent
    if acting is not None:
        if agent_id not in (None, acting.agent_id):
            raise NotFound
        return (await listing_of(call, acting.agent_id)).owner_id, acting.agent_id
    owner_id = member_id(call)
    if agent_id is not None and (await listing_of(call, agent_id)).owner_id != owner_id:
        raise NotFound
    return owner_id, agent_id


async def listing_of(call: Call, agent_id: str) -> Listing:
    """An agent's listing. Raises NotFound."""
    question = AskListing(tenant=call.principal.tenant, agent_id=agent_id)
    listing: Listing = (await call.ask(question)).value
    return listing


def secret_of(call: Call, webhook_id: str, generation: int = 1) -> str:
    """The secret under which what a webhook is sent is signed."""
    return secret_text(call.services.hashes.webhook_secret(webhook_id, generation))


def must_be_public(call: Call, url: str, field: str) -> None:
    """Raise InvalidValue for an address that nothing may be sent to, by its form."""
    try:
        read_page(url, loopback=call.services.settings.promote_loopback)
    except InvalidUrl as refusal:
        raise InvalidValue(
            field=field, reason=f"cannot be used: {refusal.facts['reason']}"
        ) from None
