"""A webhook: an address that a member, or an agent, wants to be told under of what happens.
Stream ``webhook-{id}``.

The log holds neither the address, which may open something by itself, nor the secret under which
what is sent is signed: the address stands beside it, and the secret is made anew each time from the
webhook's id and the generation of its secret.
"""

from typing import Any, Literal

import msgspec

from domain.command import Change, Document, Outcome
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant, shifted
from domain.known import DOCUMENT, Key, Known
from domain.refusals import NotFound, TooManyWebhooks, WebhookDisabled

CATEGORY = "webhook"
WEBHOOKS_AT_MOST = 10
OLD_SECRET_DAYS = 1
"""How long what is sent is signed under the secret before the present one too."""

Topic = Literal[
    "job.offer", "job.accepted", "job.delivered", "evaluation.created", "invoice.issued"
]
PING = "webhook.ping"
"""What a webhook is sent when somebody wants to see that it works."""


# Events


@stored("webhook.added.v1")
class Added(Event, frozen=True, kw_only=True):
    """A member, or an agent of the member's, is told of these topics from now on."""

    owner_id: str
    agent_id: str | None = None
    topics: tuple[Topic, ...]

    @property
    def listener(self) -> str:
        """Who is told."""
        return self.agent_id or self.owner_id


@stored("webhook.rotated.v1")
class Rotated(Event, frozen=True, kw_only=True):
    """Another secret is the webhook's; the one before holds for a day beside it."""

    generation: int


@stored("webhook.disabled.v1")
class Disabled(Event, frozen=True, kw_only=True):
    """Its reader said that it is gone for good: nothing more is sent."""


@stored("webhook.deleted.v1")
class Deleted(Event, frozen=True, kw_only=True):
    """Nothing more is sent, and its address is forgotten."""

    listener: str


@stored("webhook.pinged.v1")
class Pinged(Event, frozen=True, kw_only=True):
    """Somebody wants to see that it works."""


@stored("webhook.replayed.v1")
class Replayed(Event, frozen=True, kw_only=True):
    """Something that it was sent, or should have been, is to be sent again."""

    delivery_id: str


# State


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook, and which generation its secret is of. ``agent_id`` is who is told, None when the
    owner is.
    """

    tenant: str
    owner_id: str
    agent_id: str | None
    topics: tuple[Topic, ...]
    added_at: Instant
    generation: int = 1
    rotated_at: Instant | None = None
    disabled_at: Instant | None = None

    @property
    def listener(self) -> str:
        """Who is told."""
        return self.agent_id or self.owner_id

    def generations(self, now: Instant) -> tuple[int, ...]:
        """Of which generations the secrets are that hold, the newest first."""
        if self.rotated_at is None or shifted(self.rotated_at, days=OLD_SECRET_DAYS) <= now:
            return (self.generation,)
        return (self.generation, self.generation - 1)


def evolve(webhook: Webhook | None, entry: Entry) -> Webhook | None:
    """The webhook after one more entry of its stream."""
    changed: dict[str, Any] = {}
    match entry.data:
        case Added(owner_id=owner_id, agent_id=agent_id, topics=topics):
            return Webhook(
                tenant=entry.tenant or "",
                owner_id=owner_id,
                agent_id=agent_id,
                topics=topics,
                added_at=entry.recorded_at,
            )
        case Rotated(generation=generation):
            changed = {"generation": generation, "rotated_at": entry.recorded_at}
        case Disabled():
            changed = {"disabled_at": entry.recorded_at}
        case Deleted():
            return None
    return None if webhook is None else msgspec.structs.replace(webhook, **changed)


WEBHOOK = Fold(
    name="webhook",
    state=Webhook,
    events=(Added, Rotated, Disabled, Deleted, Pinged, Replayed),
    evolve=evolve,
    category=CATEGORY,
    ends=(Deleted,),
)


class WebhooksOfListener(msgspec.Struct, frozen=True):
    """The ids of the webhooks under which one listener is told, oldest first."""

    ids: tuple[str, ...]


def evolve_listening(
    listening: WebhooksOfListener | None, entry: Entry
) -> WebhooksOfListener | None:
    """The webhooks of a listener after one came or went."""
    known = listening.ids if listening else ()
    others = tuple(one for one in known if one != entry.aggregate_id)
    ids = (*others, entry.aggregate_id) if isinstance(entry.data, Added) else others
    return WebhooksOfListener(ids) if ids else None


WEBHOOKS_OF_LISTENER = Fold(
    name="webhooks_of_listener",
    state=WebhooksOfListener,
    events=(Added, Deleted),
    evolve=evolve_listening,
    keys=lambda entry: (entry.data.listener,) if isinstance(entry.data, Added | Deleted) else (),
)


def document_name(webhook_id: str) -> str:
    """Under which name its address stands beside the log."""
    return f"{CATEGORY}-{webhook_id}"


# Commands


class ShownWebhook(msgspec.Struct, frozen=True):
    """The reply: a webhook as it now stands, and its address."""

    webhook_id: str
    webhook: Webhook
    url: str


class AddWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """Have a member, or an agent of the member's, told under an address. The webhook takes the
    command's ``id``.

    Raises TooManyWebhooks.
    """

    id: str
    tenant: str
    owner_id: str
    agent_id: str | None = None
    topics: tuple[Topic, ...]
    url: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((WEBHOOKS_OF_LISTENER.name, self.agent_id or self.owner_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownWebhook]:
        added = Added(owner_id=self.owner_id, agent_id=self.agent_id, topics=self.topics)
        listening = known.get(WEBHOOKS_OF_LISTENER, added.listener)
        if listening is not None and len(listening.ids) >= WEBHOOKS_AT_MOST:
            raise TooManyWebhooks(limit=WEBHOOKS_AT_MOST)
        webhook = Webhook(
            tenant=self.tenant,
            owner_id=self.owner_id,
            agent_id=self.agent_id,
            topics=self.topics,
            added_at=now,
        )
        return Outcome(
            ShownWebhook(self.id, webhook, self.url),
            (Change(f"{CATEGORY}-{self.id}", added, begins=True),),
            documents=(Document(document_name(self.id), {"url": self.url}),),
        )


class OfWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of one webhook by its owner, or by the agent that it tells. Raises NotFound for
    anybody else's.
    """

    id: str
    tenant: str
    owner_id: str
    agent_id: str | None = None
    webhook_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((WEBHOOK.name, self.webhook_id), (DOCUMENT, document_name(self.webhook_id)))

    def _found(self, known: Known) -> ShownWebhook:
        webhook = known.get(WEBHOOK, self.webhook_id)
        if (
            webhook is None
            or (webhook.tenant, webhook.owner_id) != (self.tenant, self.owner_id)
            or self.agent_id not in (None, webhook.agent_id)
        ):
            raise NotFound
        address = known.document(document_name(self.webhook_id)) or {"url": ""}
        return ShownWebhook(self.webhook_id, webhook, address["url"])

    def _in_use(self, known: Known) -> ShownWebhook:
        shown = self._found(known)
        if shown.webhook.disabled_at is not None:
            raise WebhookDisabled
        return shown

    def _change(self, event: Event) -> tuple[Change]:
        return (Change(f"{CATEGORY}-{self.webhook_id}", event),)


class AskWebhook(OfWebhook, frozen=True, kw_only=True):
    """The question for a webhook. Raises NotFound."""

    id: str = ""

    def decide(self, known: Known, now: Instant) -> Outcome[ShownWebhook]:
        return Outcome(self._found(known))


class RotateSecret(OfWebhook, frozen=True, kw_only=True):
    """Give a webhook another secret. Raises NotFound."""

    def decide(self, known: Known, now: Instant) -> Outcome[ShownWebhook]:
        shown = self._found(known)
        generation = shown.webhook.generation + 1
        after = msgspec.structs.replace(shown.webhook, generation=generation, rotated_at=now)
        return Outcome(
            msgspec.structs.replace(shown, webhook=after),
            self._change(Rotated(generation=generation)),
        )


class DeleteWebhook(OfWebhook, frozen=True, kw_only=True):
    """Have nothing more sent to a webhook. Raises NotFound."""

    def decide(self, known: Known, now: Instant) -> Outcome[Instant]:
        deleted = Deleted(listener=self._found(known).webhook.listener)
        return Outcome(now, self._change(deleted))


class PingWebhook(OfWebhook, frozen=True, kw_only=True):
    """Have something sent to a webhook, to see that it works. Raises NotFound, WebhookDisabled."""

    def decide(self, known: Known, now: Instant) -> Outcome[ShownWebhook]:
        return Outcome(self._in_use(known), self._change(Pinged()))


class ReplayDelivery(OfWebhook, frozen=True, kw_only=True):
    """Have something sent to a webhook again. Raises NotFound, WebhookDisabled."""

    delivery_id: str

    def decide(self, known: Known, now: Instant) -> Outcome[ShownWebhook]:
        replayed = Replayed(delivery_id=self.delivery_id)
        return Outcome(self._in_use(known), self._change(replayed))


class DisableWebhook(msgspec.Struct, frozen=True, kw_only=True):
    """Send nothing more to a webhook whose reader is gone. One that is, changes nothing."""

    id: str
    webhook_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((WEBHOOK.name, self.webhook_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[None]:
        webhook = known.get(WEBHOOK, self.webhook_id)
        if webhook is None or webhook.disabled_at is not None:
            return Outcome(None)
        change = Change(f"{CATEGORY}-{self.webhook_id}", Disabled(), tenant=webhook.tenant)
        return Outcome(None, (change,))
