"""Which claims are there: that a partner filed, or against a person, by whomever?"""

from pathlib import Path

import msgspec

from domain.claim import CLAIM, STATUSES, Claim, Status, may_see
from domain.command import Outcome
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.link import group_of
from domain.partner import partner_name
from domain.ports import Fetch
from domain.refusals import NotFound
from projections.cursors import read_cursor, write_cursor
from projections.engine.replay import rows_about

STATEMENT = Path(__file__).with_name("claims.sql").read_bytes()
NEWEST = ("9999", "~")


class ShownClaim(msgspec.Struct, frozen=True):
    """A claim as a partner sees it: with the issuer's name, None for the partner's own."""

    claim_id: str
    claim: Claim
    issuer: str | None


class ClaimsPage(msgspec.Struct, frozen=True):
    """Some claims, newest first, and the cursor to the older ones, None on the last page."""

    claims: list[ShownClaim]
    cursor: str | None


class AskClaim(msgspec.Struct, frozen=True):
    """The question for one claim. Raises NotFound for one that the tenant may not see."""

    claim_id: str
    tenant: str
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((CLAIM.name, self.claim_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ShownClaim]:
        claim = known.get(CLAIM, self.claim_id)
        if claim is None or not may_see(claim, self.tenant, known):
            raise NotFound
        own = claim.tenant == self.tenant
        issuer = None if own else partner_name(claim.tenant, known)
        return Outcome(ShownClaim(self.claim_id, claim, issuer))


class Issuers(msgspec.Struct, frozen=True):
    """The reply: who files claims against each entity that a person is, as of a position: the
    partner's name, None for the partner that asks.
    """

    names: dict[str, str | None]
    position: int


class AskIssuers(msgspec.Struct, frozen=True):
    """The question who files claims against a person: whoever asks, and linked partners."""

    lookup: str
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[Issuers]:
        entity_id = known.entity(self.lookup)
        names: dict[str, str | None] = {}
        if entity_id is not None:
            names[entity_id] = None
            for other, tenant in group_of(entity_id, known).items():
                names[other] = partner_name(tenant, known)
        return Outcome(Issuers(names, known.position))


async def list_claims(
    fetch: Fetch,
    tenant: str,
    *,
    lookup: str | None = None,
    status: Status | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> ClaimsPage:
    """One page of the claims that a tenant filed, of one status if wanted; with a person's lookup,
    of those against the person, linked partners' too.

    ``fetch`` must see the rows of every tenant. Raises InvalidCursor.
    """
    filed_at, key = _place_of(cursor)
    rows = await fetch(
        STATEMENT,
        {
            "tenant": tenant,
            "lookup": lookup,
            "statuses": [status] if status else list(STATUSES),
            "filed_at": filed_at,
            "key": key,
            "limit": str(limit + 1),
        },
    )
    found = []
    for claim_id, row, name in rows:
        claim = CLAIM.decode(row)
        own = claim.tenant == tenant
        found.append(ShownClaim(claim_id, claim, None if own else name or ""))
    return _page(found, limit)


async def claims_then(
    fetch: Fetch,
    issuers: Issuers,
    *,
    status: Status | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> ClaimsPage:
    """One page of the claims against a person, as the log stood at the position of the issuers.

    Reads every entry about them up to there. Raises InvalidCursor.
    """
    before = _place_of(cursor)
    found = []
    for entity_id, name in issuers.names.items():
        claims = await rows_about(CLAIM, entity_id, issuers.position, fetch)
        found += [ShownClaim(claim_id, claim, name) for claim_id, claim in claims.items()]
    wanted = [
        shown
        for shown in sorted(found, key=_place, reverse=True)
        if status in (None, shown.claim.status) and _place(shown) < before
    ]
    return _page(wanted, limit)


def _place_of(cursor: str | None) -> tuple[str, str]:
    """The place in a list of claims that a cursor stands for. Raises InvalidCursor."""
    if cursor is None:
        return NEWEST
    filed_at, key = read_cursor(cursor, parts=2)
    return filed_at, key


def _place(shown: ShownClaim) -> tuple[str, str]:
    return shown.claim.filed_at, shown.claim_id


def _page(found: list[ShownClaim], limit: int) -> ClaimsPage:
    page = found[:limit]
    return ClaimsPage(page, write_cursor(*_place(page[-1])) if len(found) > limit else None)
