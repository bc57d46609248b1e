"""Principals: who a credential says is asking, and what they may do."""

from typing import Literal, get_args

import msgspec

from domain.command import Outcome
from domain.instants import Instant
from domain.known import Key, Known
from domain.partner import CREDENTIAL, PARTNER, tenant_of
from domain.refusals import Forbidden, PartnerSuspended, Unauthenticated

Permission = Literal[
    "events:read",
    "events:write",
    "policy:read",
    "policy:evaluate",
    "claims:read",
    "claims:write",
    "claims:contest",
    "claims:settle",
    "links:write",
    "entities:erase",
    "partner:admin",
    "partners:suspend",
]

OPERATOR_PERMISSIONS: frozenset[str] = frozenset({"partners:suspend"})
ALL_PERMISSIONS: frozenset[str] = frozenset(get_args(Permission)) - OPERATOR_PERMISSIONS
"""What a partner's own key may do."""

PUBLIC_PERMISSIONS: frozenset[str] = frozenset(
    {
        "events:read",
        "events:write",
        "policy:read",
        "policy:evaluate",
        "claims:read",
        "claims:write",
    }
)
"""What anybody may do with the public partner's key: read and add, so that nobody can destroy or
change what the others find there.
"""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody authenticated. ``lookup`` is the keyed hash of the credential they showed.

    ``authority`` is the position of the last change of authority that was seen when the principal
    was identified: a later one means that they must be identified again.
    """

    id: str
    tenant: str
    partner_id: str
    environment: Literal["sandbox", "production"]
    key_id: str
    lookup: str
    permissions: frozenset[str]
    authority: int

    def must(self, permission: str | None) -> None:
        """Raise Forbidden unless the principal holds a permission."""
        if permission is not None and permission not in self.permissions:
            raise Forbidden(permission=permission)


def identify(lookup: str, known: Known) -> Principal:
    """Who a credential is, as things stand.

    Raises Unauthenticated when it opens nothing, PartnerSuspended when it opens nothing for now.
    """
    credential = known.get(CREDENTIAL, lookup)
    partner = None if credential is None else known.get(PARTNER, credential.partner_id)
    if credential is None or partner is None:
        raise Unauthenticated
    if partner.status == "SUSPENDED":
        raise PartnerSuspended
    return Principal(
        id=f"partner:{credential.partner_id}",
        tenant=tenant_of(credential.environment, credential.partner_id),
        partner_id=credential.partner_id,
        environment=credential.environment,
        key_id=credential.key_id,
        lookup=lookup,
        permissions=PUBLIC_PERMISSIONS if partner.public else ALL_PERMISSIONS,
        authority=known.authority,
    )


class Identify(msgspec.Struct, frozen=True):
    """The question who a credential is."""

    lookup: str
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((CREDENTIAL.name, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[Principal]:
        return Outcome(identify(self.lookup, known))


OPERATOR = Principal(
    id="operator",
    tenant="",
    partner_id="",
    environment="sandbox",
    key_id="",
    lookup="",
    permissions=OPERATOR_PERMISSIONS,
    authority=0,
)
"""Whoever sits at the server's own command line, or shows its operator's key. Of no tenant."""

NOBODY = msgspec.structs.replace(OPERATOR, id="nobody", permissions=frozenset())
"""Whoever asks without a credential, where none is wanted."""
