"""The keys of a partner: several in each environment, so that a lost one locks nobody out."""

import msgspec

from domain.command import Change, Outcome
from domain.instants import Instant
from domain.known import Key, Known
from domain.partner import (
    CATEGORY,
    PARTNER,
    Environment,
    HeldKey,
    IssuedKey,
    KeyAdded,
    KeyDeleted,
    tenant_of,
)
from domain.refusals import LastKey, NotFound, TooManyKeys

KEYS_AT_MOST = 20


class AddKey(msgspec.Struct, frozen=True, kw_only=True):
    """Give a tenant one more key; the operator lets a partner into another environment by it.

    Raises NotFound, TooManyKeys.
    """

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
                    tenant=tenant_of(self.environment, self.partner_id),
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
