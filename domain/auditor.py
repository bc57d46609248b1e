"""An auditor: somebody who reads the log and writes nothing. Stream ``auditor-{id}``.

One of a tenant reads what its row-level security shows of the log; one of no tenant, all of it.
"""

import msgspec

from domain.command import Change, Outcome
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.known import Key, Known
from domain.names import check_name
from domain.partner import PARTNER, IssuedKey, parts_of_tenant
from domain.refusals import AuditorRevoked, NotFound

CATEGORY = "auditor"


# Events


@stored("auditor.created.v1")
class Created(Event, frozen=True, kw_only=True):
    """Somebody may read the log: a tenant's, if the entry has a tenant, else all of it."""

    name: str
    key: IssuedKey


@stored("auditor.key_rotated.v1")
class KeyRotated(Event, frozen=True, kw_only=True):
    """Another key is the auditor's; the one before opens nothing any more."""

    changes_authority = True

    key: IssuedKey
    replaced: IssuedKey


@stored("auditor.revoked.v1")
class Revoked(Event, frozen=True, kw_only=True):
    """The auditor reads nothing any more, for good."""

    changes_authority = True

    key: IssuedKey


# State


class Auditor(msgspec.Struct, frozen=True, kw_only=True):
    """An auditor and its key, None once it is revoked. ``tenant`` is None for one who reads all."""

    name: str
    tenant: str | None
    created_at: Instant
    key: IssuedKey | None


def evolve(auditor: Auditor | None, entry: Entry) -> Auditor | None:
    """The auditor after one more entry of its stream."""
    match entry.data:
        case Created(name=name, key=key):
            return Auditor(name=name, tenant=entry.tenant, created_at=entry.recorded_at, key=key)
        case KeyRotated(key=key) if auditor:
            return msgspec.structs.replace(auditor, key=key)
        case Revoked() if auditor:
            return msgspec.structs.replace(auditor, key=None)
    return auditor


AUDITOR = Fold(
    name="auditor",
    state=Auditor,
    events=(Created, KeyRotated, Revoked),
    evolve=evolve,
    category=CATEGORY,
)


# Commands


class CreateAuditor(msgspec.Struct, frozen=True, kw_only=True):
    """Let somebody read a tenant's log, or all of it when that is None.

    An auditor takes the id of the entry that begins it, which is the command's ``id``. Raises
    InvalidName, and NotFound for a partner that is not there.
    """

    id: str
    name: str
    tenant: str | None
    key: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return () if self.tenant is None else ((PARTNER.name, parts_of_tenant(self.tenant)[1]),)

    def decide(self, known: Known, now: Instant) -> Outcome[Auditor]:
        check_name(self.name)
        if self.tenant is not None:
            environment, partner_id = parts_of_tenant(self.tenant)
            partner = known.get(PARTNER, partner_id)
            if partner is None or environment not in partner.environments:
                raise NotFound
        created = Created(name=self.name, key=self.key)
        return Outcome(
            Auditor(name=self.name, tenant=self.tenant, created_at=now, key=self.key),
            (Change(f"{CATEGORY}-{self.id}", created, begins=True, tenant=self.tenant),),
        )


class RotateAuditorKey(msgspec.Struct, frozen=True, kw_only=True):
    """Give an auditor another key; the one before is dead at once and everywhere.

    Raises NotFound, AuditorRevoked.
    """

    id: str
    auditor_id: str
    key: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AUDITOR.name, self.auditor_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Auditor]:
        auditor, replaced = _living(self.auditor_id, known)
        rotated = KeyRotated(key=self.key, replaced=replaced)
        change = Change(f"{CATEGORY}-{self.auditor_id}", rotated, tenant=auditor.tenant)
        return Outcome(msgspec.structs.replace(auditor, key=self.key), (change,))


class RevokeAuditor(msgspec.Struct, frozen=True, kw_only=True):
    """End an auditor, at once and everywhere. Raises NotFound, AuditorRevoked."""

    id: str
    auditor_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((AUDITOR.name, self.auditor_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Auditor]:
        auditor, key = _living(self.auditor_id, known)
        change = Change(f"{CATEGORY}-{self.auditor_id}", Revoked(key=key), tenant=auditor.tenant)
        return Outcome(msgspec.structs.replace(auditor, key=None), (change,))


def _living(auditor_id: str, known: Known) -> tuple[Auditor, IssuedKey]:
    auditor = known.get(AUDITOR, auditor_id)
    if auditor is None:
        raise NotFound
    if auditor.key is None:
        raise AuditorRevoked
    return auditor, auditor.key
