"""Builders: the things that tests speak of, ordinary unless a test says otherwise.

``History`` is the log in memory: a fake that does what commands decide, and keeps every row.
"""

from collections.abc import Sequence
from hashlib import sha256
from itertools import count
from typing import Any, Protocol, TypeVar
from uuid import UUID

import msgspec

from domain.action import Action, SetAction
from domain.admission import (
    ApprovePartner,
    PromotePartner,
    ReactivatePartner,
    RegisterPartner,
    SuspendPartner,
)
from domain.auditor import CreateAuditor, RevokeAuditor, RotateAuditorKey
from domain.claim import ContestClaim, ContestReason, FileClaim, SettleClaim, Verdict
from domain.command import Command, Outcome
from domain.entity import ActorType, Entity, RecordParticipation
from domain.erasure import EraseEntity
from domain.events import Entry, Event
from domain.fold import AnyFold, folds_by_type
from domain.instants import Instant, shifted
from domain.known import DOCUMENT, NO_ROW, SUBJECT, Key, Known, Row
from domain.link import LeaveLink, OfferLink, RedeemLink
from domain.partner import Environment, IssuedKey, tenant_of
from domain.partner_keys import AddKey, DeleteKey
from domain.policy import ActorKind, Evaluate, EvaluateMany
from domain.principal import OPERATOR, Principal
from domain.refusals import Refusal
from domain.registry import RegisterAgent, RotateKey, SetRights, ShownAgent
from domain.rights import PARTNER_PERMISSIONS, AgentType, Permissions, Preset, Rights
from domain.spawning import RevokeDescendants, SetSpawnPolicy, Spawn, SpawnPolicy
from domain.webhook import AddWebhook, OfWebhook, Topic
from projections.catalogue import INLINE

NOW: Instant = "2026-11-22T08:00:00.000Z"
TENANT = "sandbox/acme"

R = TypeVar("R")
W = TypeVar("W", bound=OfWebhook)
_numbers = count(1)
_tenants: dict[str, str] = {}


def an_id() -> str:
    """A UUID that no other test has."""
    return str(UUID(int=next(_numbers), version=4))


def days_ago(days: int, *, minutes: int = 0) -> Instant:
    """The instant so many days and minutes before NOW."""
    return shifted(NOW, days=-days, minutes=-minutes)


def a_hash_of(text: str) -> str:
    """64 hexadecimal digits, in place of a keyed hash."""
    return sha256(text.encode()).hexdigest()


def a_lookup(person: str = "alice", tenant: str = TENANT) -> str:
    """The lookup of a person, as a tenant names them."""
    lookup = a_hash_of(f"{tenant} {person}")
    _tenants[lookup] = tenant
    return lookup


# Commands


def a_participation(
    person: str = "alice",
    *,
    tenant: str = TENANT,
    kind: str = "transaction.completed",
    occurred_at: Instant | None = None,
    weight: int | float = 1,
    actor_type: ActorType = "UNKNOWN",
    backfill: bool = False,
) -> RecordParticipation:
    """The command to record that somebody did something."""
    return RecordParticipation(
        id=an_id(),
        lookup=a_lookup(person, tenant),
        kind=kind,
        occurred_at=occurred_at,
        weight=weight,
        actor_type=actor_type,
        backfill=backfill,
    )


def an_erasure(person: str = "alice", *, tenant: str = TENANT) -> EraseEntity:
    """The command to make somebody unidentifiable."""
    return EraseEntity(id=an_id(), lookup=a_lookup(person, tenant))


def an_evaluation(
    person: str = "alice",
    *,
    tenant: str = TENANT,
    action: str = "data.export_pii",
    actor_type: ActorKind = "human",
    records: bool = True,
) -> Evaluate:
    """The command to judge an action of somebody; a service may be an agent."""
    return Evaluate(
        id=an_id(),
        tenant=tenant,
        actor_type=actor_type,
        lookup=a_lookup(person, tenant),
        agent_id=person if actor_type == "service" else None,
        action=action,
        records=records,
    )


def a_bulk_evaluation(*evaluations: Evaluate) -> EvaluateMany:
    """The command to judge several actions on one state."""
    return EvaluateMany(id=an_id(), evaluations=evaluations)


def an_issued_key(key: str = "a key") -> IssuedKey:
    """What the log knows of a key; the same for the same text."""
    digest = a_hash_of(key)
    return IssuedKey(key_id=f"key-{digest[:12]}", lookup=digest, prefix="mir_sandbox_abc123")


def an_approval(
    partner_id: str = "acme",
    *,
    name: str = "Acme",
    slug: str | None = None,
    environment: Environment = "sandbox",
    key: IssuedKey | None = None,
    public: bool = False,
) -> ApprovePartner:
    """The command to let a partner in."""
    return ApprovePartner(
        id=an_id(),
        partner_id=partner_id,
        name=name,
        slug=partner_id if slug is None else slug,
        environment=environment,
        key=key or an_issued_key(f"first key of {partner_id}"),
        public=public,
    )


def a_key_added(
    key: IssuedKey, partner_id: str = "acme", environment: Environment = "sandbox"
) -> AddKey:
    """The command to give a partner one more key."""
    return AddKey(id=an_id(), partner_id=partner_id, environment=environment, key=key)


def a_key_deleted(
    key: IssuedKey, partner_id: str = "acme", environment: Environment = "sandbox"
) -> DeleteKey:
    """The command to take a key away from a partner."""
    return DeleteKey(id=an_id(), partner_id=partner_id, environment=environment, key_id=key.key_id)


def an_auditor(
    auditor_id: str | None = None,
    *,
    tenant: str | None = None,
    name: str = "Ann",
    key: IssuedKey | None = None,
) -> CreateAuditor:
    """The command to let somebody read the log."""
    auditor_id = auditor_id or an_id()
    return CreateAuditor(
        id=auditor_id,
        name=name,
        tenant=tenant,
        key=key or an_issued_key(f"first key of {auditor_id}"),
    )


def an_auditors_rotation(auditor_id: str, key: IssuedKey) -> RotateAuditorKey:
    """The command to give an auditor another key."""
    return RotateAuditorKey(id=an_id(), auditor_id=auditor_id, key=key)


def an_auditors_end(auditor_id: str) -> RevokeAuditor:
    """The command to end an auditor."""
    return RevokeAuditor(id=an_id(), auditor_id=auditor_id)


def an_action_set(
    name: str = "data.export_pii", *, tenant: str = TENANT, action: Action | None = None
) -> SetAction:
    """The command to override an action for a tenant."""
    return SetAction(id=an_id(), tenant=tenant, action=action or Action(name, 1, "LOW", {"max": 1}))


def a_registration(
    partner_id: str = "acme",
    *,
    slug: str | None = None,
    token: str = "a token",
    contact: dict[str, str] | None = None,
) -> RegisterPartner:
    """The command by which somebody lets themselves in."""
    return RegisterPartner(
        id=an_id(),
        partner_id=partner_id,
        name="Acme",
        slug=partner_id if slug is None else slug,
        key=an_issued_key(f"first key of {partner_id}"),
        token_lookup=a_hash_of(token),
        contact=contact or {},
    )


def a_promotion(
    partner_id: str = "acme",
    *,
    domain: str = "acme.example",
    token: str | None = "a token",
    key: IssuedKey | None = None,
) -> PromotePartner:
    """The command to let a partner into production, with what its domain showed."""
    return PromotePartner(
        id=an_id(),
        partner_id=partner_id,
        domain=domain,
        shown=None if token is None else a_hash_of(token),
        key=key or an_issued_key(f"production key of {partner_id}"),
    )


def a_suspension(partner_id: str = "acme") -> SuspendPartner:
    """The command to stop all keys of a partner."""
    return SuspendPartner(id=an_id(), partner_id=partner_id)


def a_reactivation(partner_id: str = "acme") -> ReactivatePartner:
    """The command to let a partner's keys work again."""
    return ReactivatePartner(id=an_id(), partner_id=partner_id)


def a_claim(
    person: str = "alice",
    *,
    tenant: str = TENANT,
    claim_type: str = "claim.fraud",
    occurred_at: Instant | None = None,
    reference: str | None = None,
    claim_id: str | None = None,
) -> FileClaim:
    """The command to hold something against somebody."""
    return FileClaim(
        id=claim_id or an_id(),
        tenant=tenant,
        lookup=a_lookup(person, tenant),
        claim_type=claim_type,
        occurred_at=occurred_at,
        reference=reference,
    )


def a_contest(
    claim_id: str, *, tenant: str = TENANT, reason_code: ContestReason = "NOT_ME"
) -> ContestClaim:
    """The command to dispute a claim."""
    return ContestClaim(id=an_id(), tenant=tenant, claim_id=claim_id, reason_code=reason_code)


def a_settlement(
    claim_id: str, verdict: Verdict = "WITHDRAWN", *, tenant: str = TENANT
) -> SettleClaim:
    """The command to uphold, dismiss or withdraw a claim."""
    return SettleClaim(id=an_id(), tenant=tenant, claim_id=claim_id, verdict=verdict)


def an_offer(person: str = "alice", *, tenant: str = TENANT, code: str = "a code") -> OfferLink:
    """The command to offer a link under a code."""
    return OfferLink(
        id=an_id(),
        tenant=tenant,
        lookup=a_lookup(person, tenant),
        agent_id=person,
        code_lookup=a_hash_of(code),
    )


def a_redemption(
    person: str = "alice", *, tenant: str = "sandbox/bolt", code: str = "a code"
) -> RedeemLink:
    """The command to join somebody to whoever a code was offered for."""
    return RedeemLink(
        id=an_id(),
        tenant=tenant,
        lookup=a_lookup(person, tenant),
        agent_id=person,
        code_lookup=a_hash_of(code),
    )


def a_leave(person: str = "alice", *, tenant: str = TENANT) -> LeaveLink:
    """The command to take somebody out of their group."""
    return LeaveLink(id=an_id(), lookup=a_lookup(person, tenant))


# Commands of agents

FREE = Rights(preset="admin")
"""All that an agent may ever do."""
WORKING = Rights(preset="operator", allowed_event_types=("gig.started", "gig.completed"))
"""What an ordinary agent may do."""


class Turn(Protocol):
    """A command that takes nothing but the agent that it is about."""

    def __call__(self, *, id: str, tenant: str, agent_id: str) -> Command[ShownAgent]: ...  # noqa: A002


def an_agent(
    name: str = "Scout",
    *,
    agent_id: str | None = None,
    tenant: str = TENANT,
    agent_type: AgentType = "AI_AGENT",
    rights: Rights = WORKING,
    require_idempotency: bool | None = None,
    human: str | None = None,
    key: IssuedKey | None = None,
) -> RegisterAgent:
    """The command to make an agent, for which a person answers, or the partner."""
    agent_id = agent_id or an_id()
    return RegisterAgent(
        id=agent_id,
        tenant=tenant,
        created_by="operator",
        name=name,
        type=agent_type,
        rights=rights,
        require_idempotency=require_idempotency,
        human=None if human is None else a_lookup(human, tenant),
        human_id=an_id(),
        key=key or an_agents_key(agent_id),
    )


def a_spawn(
    parent_id: str,
    name: str = "Scout's child",
    *,
    agent_id: str | None = None,
    tenant: str = TENANT,
    agent_type: AgentType | None = None,
    preset: Preset | None = None,
    allowed: tuple[str, ...] | None = None,
    rate: int | None = None,
    require_idempotency: bool | None = None,
    key: IssuedKey | None = None,
) -> Spawn:
    """The command to make an agent that comes from another, like it in all that is not said."""
    agent_id = agent_id or an_id()
    return Spawn(
        id=agent_id,
        tenant=tenant,
        created_by="operator",
        parent_id=parent_id,
        name=name,
        type=agent_type,
        preset=preset,
        allowed_event_types=allowed,
        rate_limit_per_minute=rate,
        require_idempotency=require_idempotency,
        key=key or an_agents_key(agent_id),
    )


def an_agents_key(agent_id: str) -> IssuedKey:
    """The first key of an agent."""
    return an_issued_key(f"first key of {agent_id}")


def a_spawn_policy(tenant: str = TENANT, **bounds: Any) -> SetSpawnPolicy:
    """The command to let a tenant's agents spawn, within some bounds."""
    policy = SpawnPolicy(**{"enabled": True, **bounds})
    return SetSpawnPolicy(id=an_id(), tenant=tenant, policy=policy)


def a_change_of_rights(
    agent_id: str,
    *,
    tenant: str = TENANT,
    preset: Preset | msgspec.UnsetType = msgspec.UNSET,
    allowed: tuple[str, ...] | msgspec.UnsetType | None = msgspec.UNSET,
    rate: int | msgspec.UnsetType | None = msgspec.UNSET,
) -> SetRights:
    """The command to say what an agent may do from now on."""
    return SetRights(
        id=an_id(),
        tenant=tenant,
        agent_id=agent_id,
        preset=preset,
        allowed_event_types=allowed,
        rate_limit_per_minute=rate,
    )


def a_rotation(agent_id: str, key: IssuedKey, *, tenant: str = TENANT) -> RotateKey:
    """The command to give an agent another key."""
    return RotateKey(id=an_id(), tenant=tenant, agent_id=agent_id, key=key)


def a_turn(command: Turn, agent_id: str, *, tenant: str = TENANT) -> Command[ShownAgent]:
    """The command to suspend, reactivate, revoke, approve or reject an agent."""
    return command(id=an_id(), tenant=tenant, agent_id=agent_id)


def a_kill(agent_id: str, *, tenant: str = TENANT, preview: bool = False) -> RevokeDescendants:
    """The command to end an agent and all who come from it."""
    return RevokeDescendants(id=an_id(), tenant=tenant, agent_id=agent_id, preview=preview)


# What commands meet


def a_principal(
    partner_id: str = "acme",
    *,
    environment: Environment = "sandbox",
    key: IssuedKey | None = None,
    permissions: Permissions = PARTNER_PERMISSIONS,
    member_id: str | None = None,
) -> Principal:
    """Somebody of a partner's, or a member of its marketplace; without a key, one who is never
    asked to show it again.
    """
    return Principal(
        id=f"partner:{partner_id}" if member_id is None else f"member:{member_id}",
        tenant=tenant_of(environment, partner_id),
        partner_id=partner_id,
        environment=environment,
        key_id=key.key_id if key else "",
        lookup=key.lookup if key else "",
        permissions=permissions,
        authority=0 if key else 2**62,
    )


def an_entity(
    *,
    event_count: int = 1,
    backfilled_count: int = 0,
    first_at: Instant | None = NOW,
    last_at: Instant | None = NOW,
) -> Entity:
    """What one partner has reported of somebody."""
    return Entity(
        tenant=TENANT,
        event_count=event_count,
        backfilled_count=backfilled_count,
        first_at=first_at,
        last_at=last_at,
    )


def a_webhook(
    url: str = "https://acme.example/hooks",
    *,
    owner_id: str | None = None,
    agent_id: str | None = None,
    topics: tuple[Topic, ...] = ("job.accepted",),
    tenant: str = TENANT,
) -> AddWebhook:
    """The command to have somebody told under an address: a member of the tenant, or whoever."""
    return AddWebhook(
        id=an_id(),
        tenant=tenant,
        owner_id=owner_id or f"a member of {tenant}",
        agent_id=agent_id,
        topics=topics,
        url=url,
    )


def of_webhook(
    command: type[W],
    webhook_id: str,
    owner_id: str | None = None,
    *,
    tenant: str = TENANT,
    **more: Any,
) -> W:
    """A command about a webhook of somebody's."""
    owner_id = owner_id or f"a member of {tenant}"
    return command(id=an_id(), tenant=tenant, owner_id=owner_id, webhook_id=webhook_id, **more)


def an_entry(
    event: Event,
    *,
    stream: str = "entity-alice",
    version: int = 1,
    recorded_at: Instant = NOW,
    tenant: str | None = TENANT,
) -> Entry:
    """An event in its envelope."""
    return Entry(
        id=an_id(),
        tenant=tenant,
        stream=stream,
        version=version,
        type=event.stored_name,
        recorded_at=recorded_at,
        principal="partner:acme",
        request_id="a-request",
        data=event,
    )


class History:
    """All that happened, in memory: entries in order, and the rows folded from them."""

    def __init__(self, *given: Command[Any], folds: Sequence[AnyFold] = INLINE) -> None:
        self.entries: list[Entry] = []
        self.rows: dict[Key, Row] = {}
        self._folds = folds_by_type(folds)
        self._versions: dict[str, int] = {}
        for command in given:
            self.do(command)

    def known(self) -> Known:
        """Everything that is known, complete."""
        return Known(len(self.entries), rows=dict(self.rows))

    def decide(self, command: Command[R], at: Instant = NOW) -> Outcome[R]:
        """What a command would do, once it has all rows it asks for. Raises its Refusal."""
        known = self.known()
        while True:
            outcome, refusal = None, None
            try:
                outcome = command.decide(known, at)
            except Refusal as raised:
                refusal = raised
            if not known.missing:
                if outcome is None:
                    raise refusal or AssertionError
                return outcome
            known.rows.update(dict.fromkeys(known.missing, NO_ROW))
            known.missing.clear()

    def do(self, command: Command[R], at: Instant = NOW, principal: Principal = OPERATOR) -> R:
        """Do what a command decides, and give its reply. Raises its Refusal.

        Whoever sent it is of the tenant that names the command's person; an auditor may be of none.
        """
        outcome = self.decide(command, at)
        asking = getattr(command, "tenant", None) or _tenants.get(getattr(command, "lookup", ""))
        for number, change in enumerate(outcome.changes):
            otherwise = None if change.stream.startswith("auditor-") else TENANT
            version = self._versions[change.stream] = self._versions.get(change.stream, 0) + 1
            entry = Entry(
                id=change.id or (command.id if number == 0 else an_id()),
                tenant=change.tenant or principal.tenant or asking or otherwise,
                stream=change.stream,
                version=version,
                type=change.event.stored_name,
                recorded_at=at,
                principal=principal.id,
                request_id="a-request",
                data=change.event,
            )
            self.entries.append(entry)
            self._fold(entry)
        for subject in outcome.subjects:
            self.rows[SUBJECT, subject.lookup] = Row(0, 0, subject.entity_id)
        for document in outcome.documents:
            self.rows[DOCUMENT, document.name] = Row(0, 0, document.content)
        if outcome.forgets is not None:
            del self.rows[SUBJECT, outcome.forgets.lookup]
        if outcome.erases is not None:
            prefix = f"{outcome.erases}/"
            gone = [key for key in self.rows if key[0] == DOCUMENT and key[1].startswith(prefix)]
            for key in gone:
                del self.rows[key]
        return outcome.reply

    def _fold(self, entry: Entry) -> None:
        for fold in self._folds.get(entry.type, ()):
            for key in fold.keys(entry):
                before = self.rows.get((fold.name, key), NO_ROW)
                state = fold.evolve(before.state, entry)
                if state is None:
                    self.rows.pop((fold.name, key), None)
                else:
                    self.rows[fold.name, key] = Row(before.version + 1, len(self.entries), state)
