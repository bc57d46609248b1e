"""A claim: something that a partner holds against an entity. Stream ``claim-{id}``.

Attributed, never endorsed: it is shown with who filed it, it never changes a tier, and nothing of
it is ever deleted. OPEN → CONTESTED → UPHELD or DISMISSED; all but DISMISSED → WITHDRAWN.
"""

from typing import Literal, get_args

import msgspec

from domain.command import Change, Outcome, Subject
from domain.entity import check_occurred_at
from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.instants import Instant
from domain.known import SUBJECT, Key, Known
from domain.link import group_of
from domain.partner import partner_name
from domain.refusals import InvalidClaimState, InvalidClaimType, NotFound

CATEGORY = "claim"

CLAIM_TYPES = (
    "claim.chargeback",
    "claim.fraud",
    "claim.policy_violation",
    "claim.abuse",
    "claim.suspension",
    "claim.identity_dispute",
)

Status = Literal["OPEN", "CONTESTED", "UPHELD", "DISMISSED", "WITHDRAWN"]
Verdict = Literal["UPHELD", "DISMISSED", "WITHDRAWN"]
ContestReason = Literal["NOT_ME", "INCORRECT", "RESOLVED", "DUPLICATE", "OTHER"]
ClaimStatus = Literal["clean", "flagged", "contested"]

STATUSES: tuple[Status, ...] = get_args(Status)
ACTIVE: frozenset[Status] = frozenset(("OPEN", "CONTESTED", "UPHELD"))

MOVES: dict[Status, frozenset[Status]] = {
    "OPEN": frozenset(("CONTESTED", "WITHDRAWN")),
    "CONTESTED": frozenset(("UPHELD", "DISMISSED", "WITHDRAWN")),
    "UPHELD": frozenset(("WITHDRAWN",)),
    "DISMISSED": frozenset(),
    "WITHDRAWN": frozenset(),
}
"""Where a claim may go from each state."""


# Events


@stored("claim.filed.v1")
class Filed(Event, frozen=True, kw_only=True):
    """A partner holds something against the entity."""

    entity_id: str
    claim_type: str
    occurred_at: Instant
    reference: str | None = None


@stored("claim.contested.v1")
class Contested(Event, frozen=True, kw_only=True):
    """The subject disputes it, by way of a partner."""

    entity_id: str
    reason_code: ContestReason


@stored("claim.settled.v1")
class Settled(Event, frozen=True, kw_only=True):
    """The issuer upholds, dismisses or withdraws it; ``was`` is how it stood before."""

    entity_id: str
    was: Status
    verdict: Verdict


# State


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A claim and where it stands."""

    tenant: str
    entity_id: str
    claim_type: str
    status: Status
    occurred_at: Instant
    filed_at: Instant
    changed_at: Instant
    reference: str | None = None
    reason_code: ContestReason | None = None


def evolve(claim: Claim | None, entry: Entry) -> Claim | None:
    """The claim after one more entry of its stream."""
    match entry.data:
        case Filed() as filed:
            return Claim(
                tenant=entry.tenant or "",
                entity_id=filed.entity_id,
                claim_type=filed.claim_type,
                status="OPEN",
                occurred_at=filed.occurred_at,
                filed_at=entry.recorded_at,
                changed_at=entry.recorded_at,
                reference=filed.reference,
            )
        case Contested(reason_code=reason_code) if claim:
            return msgspec.structs.replace(
                claim, status="CONTESTED", reason_code=reason_code, changed_at=entry.recorded_at
            )
        case Settled(verdict=verdict) if claim:
            return msgspec.structs.replace(claim, status=verdict, changed_at=entry.recorded_at)
    return claim


CLAIM = Fold(
    name="claim",
    state=Claim,
    events=(Filed, Contested, Settled),
    evolve=evolve,
    category=CATEGORY,
)


class ClaimsOfEntity(msgspec.Struct, frozen=True):
    """How many claims one partner has against an entity, by their present status."""

    counts: dict[Status, int] = msgspec.field(default_factory=lambda: dict.fromkeys(STATUSES, 0))

    @property
    def recorded(self) -> int:
        """How many there are, whatever became of them."""
        return sum(self.counts.values())

    @property
    def active(self) -> int:
        """How many nobody took back."""
        return sum(self.counts[status] for status in ACTIVE)


def evolve_claims(claims: ClaimsOfEntity | None, entry: Entry) -> ClaimsOfEntity:
    """The claims of an entity after one of them was filed or moved."""
    counts = dict((claims or ClaimsOfEntity()).counts)
    match entry.data:
        case Filed():
            counts["OPEN"] += 1
        case Contested():
            counts["OPEN"] -= 1
            counts["CONTESTED"] += 1
        case Settled(was=was, verdict=verdict):
            counts[was] -= 1
            counts[verdict] += 1
    return ClaimsOfEntity(counts)


CLAIMS_OF_ENTITY = Fold(
    name="claims_of_entity",
    state=ClaimsOfEntity,
    events=(Filed, Contested, Settled),
    evolve=evolve_claims,
    keys=lambda entry: (entry.data.entity_id,) if hasattr(entry.data, "entity_id") else (),
    about=True,
)


def claim_status(active: int, contested: int) -> ClaimStatus:
    """What so many active claims amount to, so many of them contested."""
    if active == 0:
        return "clean"
    return "contested" if contested == active else "flagged"


# Commands


class ClaimMoved(msgspec.Struct, frozen=True):
    """The reply: a claim as it now stands; ``issuer`` names another's, None for the caller's."""

    claim_id: str
    claim: Claim
    issuer: str | None


class FileClaim(msgspec.Struct, frozen=True, kw_only=True):
    """Hold something against a person; one who is unknown becomes known by it.

    Raises InvalidClaimType, InvalidOccurredAt.
    """

    id: str
    tenant: str
    lookup: str
    claim_type: str
    occurred_at: Instant | None = None
    reference: str | None = None

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SUBJECT, self.lookup),)

    def decide(self, known: Known, now: Instant) -> Outcome[ClaimMoved]:
        claim_type = full_claim_type(self.claim_type)
        if claim_type not in CLAIM_TYPES:
            raise InvalidClaimType(claim_type=self.claim_type, types=", ".join(CLAIM_TYPES))
        occurred_at = self.occurred_at or now
        check_occurred_at(occurred_at, now, backfill=True)
        entity_id = known.entity(self.lookup)
        met = () if entity_id else (Subject(self.lookup, self.id),)
        claim = Claim(
            tenant=self.tenant,
            entity_id=entity_id or self.id,
            claim_type=claim_type,
            status="OPEN",
            occurred_at=occurred_at,
            filed_at=now,
            changed_at=now,
            reference=self.reference,
        )
        filed = Filed(
            entity_id=claim.entity_id,
            claim_type=claim_type,
            occurred_at=occurred_at,
            reference=self.reference,
        )
        return Outcome(
            ClaimMoved(self.id, claim, None),
            (Change(f"{CATEGORY}-{self.id}", filed, begins=True),),
            subjects=met,
        )


class ContestClaim(msgspec.Struct, frozen=True, kw_only=True):
    """Dispute a claim on behalf of its subject.

    For a partner whose entity it is about, or is linked to. Raises NotFound, InvalidClaimState.
    """

    id: str
    tenant: str
    claim_id: str
    reason_code: ContestReason

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((CLAIM.name, self.claim_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ClaimMoved]:
        claim = known.get(CLAIM, self.claim_id)
        if claim is None or not may_see(claim, self.tenant, known):
            raise NotFound
        moved = msgspec.structs.replace(
            move(claim, "CONTESTED"), reason_code=self.reason_code, changed_at=now
        )
        issuer = None if claim.tenant == self.tenant else partner_name(claim.tenant, known)
        contested = Contested(entity_id=claim.entity_id, reason_code=self.reason_code)
        return Outcome(
            ClaimMoved(self.claim_id, moved, issuer),
            (Change(f"{CATEGORY}-{self.claim_id}", contested),),
        )


class SettleClaim(msgspec.Struct, frozen=True, kw_only=True):
    """Uphold, dismiss or withdraw a claim, by who filed it. Raises NotFound, InvalidClaimState."""

    id: str
    tenant: str
    claim_id: str
    verdict: Verdict

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((CLAIM.name, self.claim_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[ClaimMoved]:
        claim = known.get(CLAIM, self.claim_id)
        if claim is None or claim.tenant != self.tenant:
            raise NotFound
        moved = msgspec.structs.replace(move(claim, self.verdict), changed_at=now)
        settled = Settled(entity_id=claim.entity_id, was=claim.status, verdict=self.verdict)
        return Outcome(
            ClaimMoved(self.claim_id, moved, None),
            (Change(f"{CATEGORY}-{self.claim_id}", settled),),
        )


def full_claim_type(name: str) -> str:
    """The name of a kind of claim in full; the bare word is taken too."""
    return name if name.startswith("claim.") else f"claim.{name}"


def may_see(claim: Claim, tenant: str, known: Known) -> bool:
    """Whether a tenant may see a claim: its own, or against somebody linked with one of its own."""
    return claim.tenant == tenant or tenant in group_of(claim.entity_id, known).values()


def move(claim: Claim, status: Status) -> Claim:
    """The claim in another state. Raises InvalidClaimState when it cannot go there."""
    if status not in MOVES[claim.status]:
        raise InvalidClaimState(status=claim.status, wanted=status)
    return msgspec.structs.replace(claim, status=status)
