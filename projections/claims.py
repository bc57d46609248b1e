"""Which claims are there: that a partner filed, or against a person, by whomever?"""

from pathlib import Path

import msgspec
from msgspec import json

from domain.claim import CLAIM, STATUSES, Claim, Status, may_see
from domain.command import Outcome
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.link import group_of
from domain.partner import partner_name
from domain.ports import Fetch
from domain.refusals import NotFound
from projections.cursors import read_cursor, write_cursor
from projections.engine.pages import Place, newest, page_of
from projections.engine.replay import Past

STATEMENT = Path(__file__).with_name("claims.sql").read_bytes()


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
    past: Past | None = None,
) -> ClaimsPage:
    """One page of the claims that a tenant filed, of one status if wanted; with a person's lookup,
    of those against the person, linked partners' too. As they are, or were.

    ``fetch`` must see the rows of every tenant. Raises InvalidCursor.
    """
    then: Issuers | None = None
    if past is not None and lookup is not None:
        then = await past.ask(AskIssuers(lookup))

    async def look(after: Place | None, count: int) -> list[tuple[Place, ShownClaim | None]]:
        filed_at, key = after or newest(past)
        rows = await fetch(
            STATEMENT,
            {
                "tenant": tenant,
                "lookup": None if then else lookup,
                "entities": json.encode(list(then.names)).decode() if then else None,
                "statuses": [status] if status and past is None else list(STATUSES),
                "filed_at": filed_at,
                "key": key,
                "limit": str(count),
            },
        )
        claims = {claim_id: CLAIM.decode(row) for claim_id, row, _ in rows}
        names = {claim_id: name for claim_id, _, name in rows}
        places = [((claim.filed_at, claim_id), claim_id) for claim_id, claim in claims.items()]
        if past is not None:
            claims = await past.states(CLAIM, claims)

        def shown(claim_id: str, claim: Claim) -> ShownClaim:
            if claim.tenant == tenant:
                return ShownClaim(claim_id, claim, None)
            name = then.names[claim.entity_id] if then else names[claim_id]
            return ShownClaim(claim_id, claim, name or "")

        return [
            (place, shown(claim_id, claims[claim_id]) if claim_id in claims else None)
            for place, claim_id in places
        ]

    after = None if cursor is None else read_cursor(cursor, parts=2)
    claims, end = await page_of(
        look, after, limit, lambda shown: status in (None, shown.claim.status)
    )
    return ClaimsPage(claims, None if end is None else write_cursor(*end))
