"""Admission: how a partner comes in, rises to production, and is stopped and let go on."""

import msgspec

from domain.command import Change, Document, Outcome
from domain.events import Event
from domain.instants import Instant
from domain.known import Key, Known
from domain.names import check_name
from domain.partner import (
    CATEGORY,
    PARTNER,
    PUBLIC_SLUG,
    SLUG,
    SLUG_FORM,
    SLUG_LENGTH_AT_MOST,
    Approved,
    Challenged,
    Environment,
    IssuedKey,
    KeyAdded,
    Promoted,
    Reactivated,
    Status,
    Suspended,
    tenant_of,
)
from domain.refusals import AlreadyPromoted, ChallengeFailed, InvalidName, NotFound, SlugTaken


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
    public: bool = False

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SLUG.name, self.slug),)

    def decide(self, known: Known, now: Instant) -> Outcome[Approval]:
        approved = Approved(
            name=self.name, slug=self.slug, environment=self.environment, public=self.public
        )
        return Outcome(
            Approval(self.partner_id, self.slug, self.environment),
            admitted(self.partner_id, approved, self.key, known),
        )


class RegisterPartner(msgspec.Struct, frozen=True, kw_only=True):
    """Let somebody in by themselves: a sandbox, a first key, and a token to prove a domain with.

    ``contact`` is how they may be reached, kept beside the log. Raises SlugTaken, InvalidName.
    """

    id: str
    partner_id: str
    name: str
    slug: str
    key: IssuedKey
    token_lookup: str
    contact: dict[str, str]

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((SLUG.name, self.slug),)

    def decide(self, known: Known, now: Instant) -> Outcome[Approval]:
        approved = Approved(name=self.name, slug=self.slug, environment="sandbox")
        changes = admitted(self.partner_id, approved, self.key, known)
        challenged = Challenged(token_lookup=self.token_lookup)
        challenge = msgspec.structs.replace(changes[-1], event=challenged)
        contact = Document(f"contact-{self.partner_id}", self.contact)
        return Outcome(
            Approval(self.partner_id, self.slug, "sandbox"),
            (*changes, challenge),
            documents=(contact,) if self.contact else (),
        )


def admitted(
    partner_id: str, approved: Approved, key: IssuedKey, known: Known
) -> tuple[Change, ...]:
    """How a partner begins. Raises SlugTaken, InvalidName."""
    slug, environment = approved.slug, approved.environment
    check_name(approved.name)
    if SLUG_FORM.fullmatch(slug) is None or len(slug) > SLUG_LENGTH_AT_MOST:
        raise InvalidName(
            what="slug",
            reason=f"1 to {SLUG_LENGTH_AT_MOST} of a-z, 0-9 and single hyphens between; give one "
            "if the name makes none",
        )
    if known.get(SLUG, slug) is not None or (slug == PUBLIC_SLUG and not approved.public):
        raise SlugTaken(slug=slug)
    stream, tenant = f"{CATEGORY}-{partner_id}", tenant_of(environment, partner_id)
    return (
        Change(stream, approved, begins=True, tenant=tenant),
        Change(stream, KeyAdded(environment=environment, key=key), tenant=tenant),
    )


class Promotion(msgspec.Struct, frozen=True):
    """The reply to a promotion; ``already`` when the partner had proved the domain before."""

    domain: str
    status: Status
    already: bool


class PromotePartner(msgspec.Struct, frozen=True, kw_only=True):
    """Let a partner use production, with a first key there, when its token is under a domain.

    ``shown`` is the hash of what was found under the domain; None, and ``fault``, when nothing was.
    Raises NotFound, AlreadyPromoted, ChallengeFailed.
    """

    id: str
    partner_id: str
    domain: str
    shown: str | None = None
    fault: str = "what is served there is not the token"
    key: IssuedKey

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((PARTNER.name, self.partner_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Promotion]:
        partner = known.get(PARTNER, self.partner_id)
        if partner is None:
            raise NotFound
        if "production" in partner.environments:
            if partner.domain != self.domain:
                raise AlreadyPromoted
            return Outcome(Promotion(self.domain, partner.status, already=True))
        if partner.token_lookup is None:
            raise ChallengeFailed(reason="this partner was given no token")
        if self.shown != partner.token_lookup:
            raise ChallengeFailed(reason=self.fault)
        stream = f"{CATEGORY}-{self.partner_id}"
        tenant = tenant_of("production", self.partner_id)
        added = KeyAdded(environment="production", key=self.key)
        return Outcome(
            Promotion(self.domain, partner.status, already=False),
            (
                Change(stream, Promoted(domain=self.domain), tenant=tenant),
                Change(stream, added, tenant=tenant),
            ),
        )


class SuspendPartner(msgspec.Struct, frozen=True, kw_only=True):
    """Stop all keys of a partner, at once and everywhere. Raises NotFound."""

    id: str
    partner_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((PARTNER.name, self.partner_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Status]:
        return turned(self.partner_id, "SUSPENDED", Suspended(), known)


class ReactivatePartner(msgspec.Struct, frozen=True, kw_only=True):
    """Let a suspended partner's keys work again. Raises NotFound."""

    id: str
    partner_id: str

    @property
    def asks(self) -> tuple[Key, ...]:
        return ((PARTNER.name, self.partner_id),)

    def decide(self, known: Known, now: Instant) -> Outcome[Status]:
        return turned(self.partner_id, "ACTIVE", Reactivated(), known)


def turned(partner_id: str, status: Status, event: Event, known: Known) -> Outcome[Status]:
    """A partner brought to a status; nothing happens when it has it already. Raises NotFound."""
    partner = known.get(PARTNER, partner_id)
    if partner is None:
        raise NotFound
    changes = (Change(f"{CATEGORY}-{partner_id}", event),)
    return Outcome(status, () if partner.status == status else changes)
