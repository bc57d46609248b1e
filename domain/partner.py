"""A partner: an organisation that reports participation and asks for decisions.
Stream ``partner-{id}``.

A partner's data in one environment is a *tenant*; a key opens exactly one tenant.
"""

import re
from typing import Literal

import msgspec

from domain.command import Change, Outcome
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.known import Key, Known
from domain.refusals import InvalidName, LastKey, NotFound, SlugTaken, TooManyKeys

CATEGORY = "partner"
KEYS_AT_MOST = 20
NAME_LENGTH_AT_MOST = 200

Environment = Literal["sandbox", "production"]


def tenant_of(environment: str, partner_id: str) -> str:
    """The name of a partner's data in one environment."""
    return f"{environment}/{partner_id}"


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the log knows it: ``lookup`` is its keyed hash, ``prefix`` what may be shown."""

    key_id: str
    lookup: str
    prefix: str


# Events


@stored("partner.approved.v1")
class Approved(Event, frozen=True, kw_only=True):
    """The partner may use one environment."""

    name: str
    slug: str
    environment: Environment


@stored("partner.key_added.v1")
class KeyAdded(Event, frozen=True, kw_only=True):
    """A key opens the tenant from now on."""

    changes_authority = True

    environment: Environment
    key: IssuedKey


@stored("partner.key_deleted.v1")
class KeyDeleted(Event, frozen=True, kw_only=True):
    """A key opens nothing any more."""

    changes_authority = True

    key: IssuedKey


# State


class HeldKey(msgspec.Struct, frozen=True, kw_only=True):
    """A living key of a partner."""

    environment: Environment
    key: IssuedKey
    made_at: Instant


class Partner(msgspec.Struct, frozen=True, kw_only=True):
    """A partner, its environments and its living keys, oldest first."""

    name: str
    slug: str
    environments: tuple[Environment, ...]
    keys: tuple[HeldKey, ...] = ()
    approved_at: Instant

    def keys_of(self, environment: Environment) -> tuple[HeldKey, ...]:
        """The living keys of one tenant."""
        return tuple(held for held in self.keys if held.environment == environment)


def evolve(partner: Partner | None, entry: Entry) -> Partner | None:
    """The partner after one more entry of its stream."""
    match entry.data:
        case Approved(name=name, slug=slug, environment=environment):
            return Partner(
                name=name, slug=slug, environments=(environment,), approved_at=entry.recorded_at
            )
        case KeyAdded(environment=environment, key=key) if partner:
            held = HeldKey(environment=environment, key=key, made_at=entry.recorded_at)
            return msgspec.structs.replace(partner, keys=(*partner.keys, held))
        case KeyDeleted(key=key) if partner:
            left = tuple(held for held in partner.keys if held.key.key_id != key.key_id)
            return msgspec.structs.replace(partner, keys=left)
    return partner


PARTNER = Fold(
    name="partner_v1",
    state=Partner,
    events=(Approved, KeyAdded, KeyDeleted),
    evolve=evolve,
    category=CATEGORY,
)


def partner_name(tenant: str, known: Known) -> str:
    """The name of the partner whose a tenant is."""
    partner = known.get(PARTNER, tenant.partition("/")[2])
    return "" if partner is None else partner.name


class SlugOwner(msgspec.Struct, frozen=True):
    """Whose a slug is."""

    partner_id: str


SLUG = Fold(
    name="slug_v1",
    state=SlugOwner,
    events=(Approved,),
    evolve=lambda owner, entry: owner or SlugOwner(entry.aggregate_id),
    keys=lambda entry: (entry.data.slug,) if isinstance(entry.data, Approved) else (),
)


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """What a key opens. The row's key is the key's lookup; no row, no entry."""

    partner_id: str
    environment: Environment
    key_id: str


def evolve_credential(credential: Credential | None, entry: Entry) -> Credential | None:
    """The credential after its key was added or deleted."""
    match entry.data:
        case KeyAdded(environment=environment, key=key):
            return Credential(
                partner_id=entry.aggregate_id, environment=environment, key_id=key.key_id
            )
    return None


CREDENTIAL = Fold(
    name="credential_v1",
    state=Credential,
    events=(KeyAdded, KeyDeleted),
    evolve=evolve_credential,
    keys=lambda entry: (
        (entry.data.key.lookup,) if isinstance(entry.data, KeyAdded | KeyDeleted) else ()
    ),
)


# Commands


class Approval(msgspec.Struct, frozen=True):
    """The reply to an approval."""

    partner_id: str
    slug: str
    environment: Environment


class ApprovePartner(msgspec.Struct, frozen=True, kw_only=True):
    """Let a new partner use one environment, with a first key. Raises SlugTaken, InvalidName."""

    id: str
    partner_id: str
    name: str
    slug: str
    environment: Environment
    key: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SLUG.name, self.slug),)

    def decide(self, known: Known, now: Instant) -> Outcome[Approval]:
        if not 1 <= len(self.name) <= NAME_LENGTH_AT_MOST or not self.name.isprintable():
            raise InvalidName(
                what="name", reason=f"1 to {NAME_LENGTH_AT_MOST} printable characters"
            )
        if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.slug) is None or len(self.slug) > 63:
            raise InvalidName(what="slug", reason="1 to 63 of a-z, 0-9 and single hyphens between")
        if known.get(SLUG, self.slug) is not None:
            raise SlugTaken(slug=self.slug)
        stream = f"{CATEGORY}-{self.partner_id}"
        tenant = tenant_of(self.environment, self.partner_id)
        approved = Approved(name=self.name, slug=self.slug, environment=self.environment)
        key_added = KeyAdded(environment=self.environment, key=self.key)
        return Outcome(
            Approval(self.partner_id, self.slug, self.environment),
            (
                Change(stream, approved, begins=True, tenant=tenant),
                Change(stream, key_added, tenant=tenant),
            ),
        )


class AddKey(msgspec.Struct, frozen=True, kw_only=True):
    """Give a tenant one more key. Raises NotFound, TooManyKeys."""

    id: str
    partner_id: str
    environment: Environment
    key: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((PARTNER.name, self.partner_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[HeldKey]:
        partner = known.get(PARTNER, self.partner_id)
        if partner is None:
            raise NotFound
        if len(partner.keys_of(self.environment)) >= KEYS_AT_MOST:
            raise TooManyKeys(limit=KEYS_AT_MOST)
        return Outcome(
            HeldKey(environment=self.environment, key=self.key, made_at=now),
            (
                Change(
                    f"{CATEGORY}-{self.partner_id}",
                    KeyAdded(environment=self.environment, key=self.key),
                ),
            ),
        )


class DeleteKey(msgspec.Struct, frozen=True, kw_only=True):
    """Take a key away, at once and everywhere. Raises NotFound, LastKey."""

    id: str
    partner_id: str
    environment: Environment
    key_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((PARTNER.name, self.partner_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Instant]:
        partner = known.get(PARTNER, self.partner_id)
        held = partner.keys_of(self.environment) if partner else ()
        found = next((one for one in held if one.key.key_id == self.key_id), None)
        if found is None:
            raise NotFound
        if len(held) == 1:
            raise LastKey
        return Outcome(now, (Change(f"{CATEGORY}-{self.partner_id}", KeyDeleted(key=found.key)),))


def slug_from(name: str) -> str:
    """A slug made of a name: lower case, everything but letters and digits a hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-")
