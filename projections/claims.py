"""Which claims are there: that a partner filed, or against a person, by whomever?"""

from pathlib import Path

import msgspec

from domain.claim import CLAIM, CLAIMS_OF_ENTITY, Claim, Status, may_see
from domain.command import Outcome
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.link import group_of
from domain.partner import partner_name
from domain.ports import Fetch
from domain.refusals import NotFound
from projections.cursors import read_cursor, write_cursor

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
        return Outcome(_shown(self.claim_id, claim, self.tenant, known))


class AskClaimsAgainst(msgspec.Struct, frozen=True):
    """The question for a page of the claims against a person, linked partners' too."""

    lookup: str
    tenant: str
    status: Status | None = None
    before: tuple[str, str] = NEWEST
    limit: int = 50
    id: str = ""

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[ClaimsPage]:
        entity_id = known.entity(self.lookup)
        group = () if entity_id is None else (entity_id, *group_of(entity_id, known))
        found = []
        for one in group:
            claims = known.get(CLAIMS_OF_ENTITY, one)
            for claim_id, status in claims.statuses.items() if claims else ():
                claim = known.get(CLAIM, claim_id) if self.status in (None, status) else None
                if claim and (claim.filed_at, claim_id) < self.before:
                    found.append(_shown(claim_id, claim, self.tenant, known))
        found.sort(key=_place, reverse=True)
        return Outcome(_page(found, self.limit))


async def list_claims(
    fetch: Fetch,
    tenant: str,
    *,
    status: Status | None = None,
    before: tuple[str, str] = NEWEST,
    limit: int = 50,
) -> ClaimsPage:
    """One page of the claims that a tenant filed, of one status if wanted."""
    rows = await fetch(
        STATEMENT,
        {
            "tenant": tenant,
            "status": status,
            "filed_at": before[0],
            "key": before[1],
            "limit": str(limit + 1),
        },
    )
    return _page([ShownClaim(key, CLAIM.decode(row), None) for key, row in rows], limit)


def place_of(cursor: str | None) -> tuple[str, str]:
    """The place in a list of claims that a cursor stands for. Raises InvalidCursor."""
    if cursor is None:
        return NEWEST
    filed_at, key = read_cursor(cursor, parts=2)
    return filed_at, key


def _shown(claim_id: str, claim: Claim, tenant: str, known: Known) -> ShownClaim:
    own = claim.tenant == tenant
    return ShownClaim(claim_id, claim, None if own else partner_name(claim.tenant, known))


def _place(shown: ShownClaim) -> tuple[str, str]:
    return shown.claim.filed_at, shown.claim_id


def _page(found: list[ShownClaim], limit: int) -> ClaimsPage:
    page = found[:limit]
    return ClaimsPage(page, write_cursor(*_place(page[-1])) if len(found) > limit else None)
