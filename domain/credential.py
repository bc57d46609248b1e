"""Credentials: what each living key opens, whoever holds it."""

import msgspec

from domain import auditor
from domain.agent import Ended, KeyRotated, Made, Registered, Rejected, Revoked, Spawned
from domain.events import Entry
from domain.fold import Fold
from domain.member import MemberMade, UidRotated
from domain.partner import Environment, KeyAdded, KeyDeleted, parts_of_tenant


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a key opens: a tenant of a partner; an agent's or a member's, only for them; an
    auditor's, only its log, and of no partner the whole log.

    ``path`` are the agent's ancestors. The row's key is the key's lookup; no row, no entry.
    """

    partner_id: str
    environment: Environment
    key_id: str
    agent_id: str | None = None
    auditor_id: str | None = None
    path: tuple[str, ...] = ()
    member_id: str | None = None


def evolve(credential: Credential | None, entry: Entry) -> Credential | None:
    """What a key opens after it was handed out, or another, or was taken away."""
    match entry.data:
        case KeyAdded(environment=environment, key=key):
            return Credential(
                partner_id=entry.aggregate_id, environment=environment, key_id=key.key_id
            )
        case Made(key=key, path=path) | KeyRotated(key=key, path=path) if credential is None:
            environment, partner_id = parts_of_tenant(entry.tenant or "")
            return Credential(
                partner_id=partner_id,
                environment=environment,
                key_id=key.key_id,
                agent_id=entry.aggregate_id,
                path=path,
            )
        case auditor.Created(key=key) | auditor.KeyRotated(key=key) if credential is None:
            environment, partner_id = parts_of_tenant(entry.tenant or "")
            return Credential(
                partner_id=partner_id,
                environment=environment,
                key_id=key.key_id,
                auditor_id=entry.aggregate_id,
            )
        case MemberMade(uid=uid) | UidRotated(uid=uid) if credential is None:
            environment, partner_id = parts_of_tenant(entry.tenant or "")
            return Credential(
                partner_id=partner_id,
                environment=environment,
                key_id=uid.key_id,
                member_id=entry.aggregate_id,
            )
    return None


def keys_of(entry: Entry) -> tuple[str, ...]:
    """The lookups of the keys that an entry hands out or takes away."""
    match entry.data:
        case KeyRotated() | auditor.KeyRotated() as rotated:
            return (rotated.key.lookup, rotated.replaced.lookup)
        case UidRotated(uid=uid, replaced=replaced):
            return (uid.lookup, replaced.lookup)
        case MemberMade(uid=uid):
            return (uid.lookup,)
        case KeyAdded(key=key) | KeyDeleted(key=key) | Made(key=key) | Ended(key=key):
            return (key.lookup,)
        case auditor.Created(key=key) | auditor.Revoked(key=key):
            return (key.lookup,)
    return ()


CREDENTIAL = Fold(
    name="credential",
    state=Credential,
    events=(
        KeyAdded,
        KeyDeleted,
        Registered,
        Spawned,
        KeyRotated,
        Rejected,
        Revoked,
        auditor.Created,
        auditor.KeyRotated,
        auditor.Revoked,
        MemberMade,
        UidRotated,
    ),
    evolve=evolve,
    keys=keys_of,
    by_lookup=True,
    ends=(KeyDeleted, Rejected, Revoked, auditor.Revoked),
)
