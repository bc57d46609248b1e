"""A partner: an organisation that reports participation and asks for decisions.
Stream ``partner-{id}``.

A partner's data in one environment is a *tenant*; a key opens exactly one tenant.
"""

import re
from typing import Any, Literal

import msgspec

from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.known import Known

CATEGORY = "partner"
PUBLIC_SLUG = "public-sandbox"
"""The slug of the one public partner; no other may have it."""

SLUG_FORM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
SLUG_LENGTH_AT_MOST = 63

Environment = Literal["sandbox", "production"]
Status = Literal["ACTIVE", "SUSPENDED"]


def tenant_of(environment: str, partner_id: str) -> str:
    """The name of a partner's data in one environment."""
    return f"{environment}/{partner_id}"


def parts_of_tenant(tenant: str) -> tuple[Environment, str]:
    """The environment, and the id of the partner, whose data a tenant is."""
    environment, _, partner_id = tenant.partition("/")
    return "production" if environment == "production" else "sandbox", partner_id


class IssuedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as the log knows it: ``lookup`` is its keyed hash, ``prefix`` what may be shown."""

    key_id: str
    lookup: str
    prefix: str


# Events


@stored("partner.approved.v1")
class Approved(Event, frozen=True, kw_only=True):
    """The partner may use one environment. A ``public`` one is anybody's, for trying things out."""

    name: str
    slug: str
    environment: Environment
    public: bool = False


@stored("partner.challenged.v1")
class Challenged(Event, frozen=True, kw_only=True):
    """The partner may prove a domain by serving a token there, of which this is the hash."""

    token_lookup: str


@stored("partner.promoted.v1")
class Promoted(Event, frozen=True, kw_only=True):
    """The partner served its token under a domain, and may use production."""

    domain: str


@stored("partner.suspended.v1")
class Suspended(Event, frozen=True, kw_only=True):
    """No key of the partner opens anything, until it is reactivated."""

    changes_authority = True


@stored("partner.reactivated.v1")
class Reactivated(Event, frozen=True, kw_only=True):
    """The partner's keys open again what they opened."""

    changes_authority = True


@stored("partner.key_added.v1")
class KeyAdded(Event, frozen=True, kw_only=True):
    """A key opens the tenant from now on, and lets the partner into its environment."""

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
    """A partner, its environments and its living keys, oldest first.

    ``token_lookup`` is the hash of the token that proves a domain, ``domain`` the one it proved.
    """

    name: str
    slug: str
    environments: tuple[Environment, ...]
    keys: tuple[HeldKey, ...] = ()
    approved_at: Instant
    status: Status = "ACTIVE"
    token_lookup: str | None = None
    domain: str | None = None
    public: bool = False

    def keys_of(self, environment: Environment) -> tuple[HeldKey, ...]:
        """The living keys of one tenant."""
        return tuple(held for held in self.keys if held.environment == environment)


def evolve(partner: Partner | None, entry: Entry) -> Partner | None:
    """The partner after one more entry of its stream."""
    changed: dict[str, Any] = {}
    match entry.data:
        case Approved(name=name, slug=slug, environment=environment, public=public):
            return Partner(
                name=name,
                slug=slug,
                environments=(environment,),
                approved_at=entry.recorded_at,
                public=public,
            )
        case Challenged(token_lookup=token_lookup):
            changed["token_lookup"] = token_lookup
        case Promoted(domain=domain) if partner:
            changed["domain"] = domain
            changed["environments"] = (*partner.environments, "production")
        case Suspended():
            changed["status"] = "SUSPENDED"
        case Reactivated():
            changed["status"] = "ACTIVE"
        case KeyAdded(environment=environment, key=key) if partner:
            held = HeldKey(environment=environment, key=key, made_at=entry.recorded_at)
            changed["keys"] = (*partner.keys, held)
            if environment not in partner.environments:
                changed["environments"] = (*partner.environments, environment)
        case KeyDeleted(key=key) if partner:
            left = tuple(held for held in partner.keys if held.key.key_id != key.key_id)
            changed["keys"] = left
    return None if partner is None else msgspec.structs.replace(partner, **changed)


PARTNER = Fold(
    name="partner",
    state=Partner,
    events=(Approved, Challenged, Promoted, Suspended, Reactivated, KeyAdded, KeyDeleted),
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
    name="slug",
    state=SlugOwner,
    events=(Approved,),
    evolve=lambda owner, entry: owner or SlugOwner(entry.aggregate_id),
    keys=lambda entry: (entry.data.slug,) if isinstance(entry.data, Approved) else (),
)


def slug_from(name: str) -> str:
    """A slug made of a name: lower case, everything but letters and digits a hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:SLUG_LENGTH_AT_MOST].strip("-")
