"""Partners: how you come in and rise to production, who you are, and your keys."""

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from application.guarded_fetch import FetchFailed, fetch_text, read_origin
from application.ids import new_id
from domain.admission import Approval, PromotePartner, Promotion, RegisterPartner
from domain.partner import Environment, HeldKey, Partner, Status, slug_from
from domain.partner_keys import AddKey, DeleteKey
from domain.refusals import (
    AlreadyPromoted,
    ChallengeFailed,
    InvalidName,
    InvalidUrl,
    LastKey,
    NotFound,
    RateLimited,
    SlugTaken,
    TooManyKeys,
    Unavailable,
)
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import Moment, Wire
from projections.partners import AskPartner, keys_in_use

router = APIRouter(route_class=LeanRoute, tags=["Partners"])


CHALLENGE_PATH = "/.well-known/mir-challenge"


def _true(value: object) -> object:
    # To Python, and so to pydantic, 1 is True.
    if value is not True:
        raise ValueError("it must be true")
    return value


class RegistrationIn(Wire):
    """Who you are, and how the operator reaches you."""

    name: str = Field(examples=["Acme & Co."])
    accept_terms: Annotated[Literal[True], BeforeValidator(_true)]
    slug: str | None = Field(
        None, description="A short name; made of the name when absent.", examples=["acme-co"]
    )
    website: str | None = Field(None, max_length=300, pattern=r"^https?://[!-~]+$")
    email: str | None = Field(None, max_length=254, pattern=r"^[^@\s]+@[^@\s]+$")


class SiteIn(Wire):
    """Your site, under which the token of your registration is served."""

    url: str = Field(examples=["https://acme.example"])


class DomainChallengeOut(TypedDict):
    """What to serve as plain text under /.well-known/mir-challenge of your domain."""

    token: str | None


class RegistrationOut(TypedDict):
    """A new partner. ``apiKey`` and ``token`` are shown this once; a replay has null there."""

    partnerId: str
    apiKey: str | None
    domainChallenge: DomainChallengeOut
    environment: Environment
    status: Status


class PromotionOut(TypedDict):
    """A partner in production. ``apiKey`` is shown this once; it is null in a replay, and when the
    domain was verified before.
    """

    apiKey: str | None
    environment: Environment
    status: Status
    domain: str
    alreadyVerified: bool


class PublicKeyOut(TypedDict):
    """A key that anybody may use."""

    apiKey: str
    environment: Environment


def registration_out(approval: Approval) -> RegistrationOut:
    """What is shown of a registration, and kept."""
    return {
        "partnerId": approval.partner_id,
        "apiKey": None,
        "domainChallenge": {"token": None},
        "environment": approval.environment,
        "status": "ACTIVE",
    }


def promotion_out(promotion: Promotion) -> PromotionOut:
    """What is shown of a promotion, and kept."""
    return {
        "apiKey": None,
        "environment": "production",
        "status": promotion.status,
        "domain": promotion.domain,
        "alreadyVerified": promotion.already,
    }


class PartnerOut(TypedDict):
    """The partner behind the key, and the environment that the key opens.

    ``environments`` are all that it may use, each with keys of its own; ``domain`` is the one that
    it proved.
    """

    partnerId: str
    name: str
    slug: str
    status: Status
    environment: Environment
    environments: list[Environment]
    domain: str | None
    approvedAt: Moment


class NewKeyOut(TypedDict):
    """A new key. ``apiKey`` is shown this once; a replay has null in its place."""

    keyId: str
    apiKey: str | None
    prefix: str
    madeAt: Moment


def new_key_out(held: HeldKey) -> NewKeyOut:
    """What is shown of a new key, and kept."""
    return {
        "keyId": held.key.key_id,
        "apiKey": None,
        "prefix": held.key.prefix,
        "madeAt": held.made_at,
    }


class KeyOut(TypedDict):
    """A living key, without the key."""

    keyId: str
    prefix: str
    madeAt: Moment
    lastUsedAt: Moment | None


class KeysOut(TypedDict):
    """The living keys of a tenant, oldest first."""

    data: list[KeyOut]


class DeletedKeyOut(TypedDict):
    """A key that opens nothing any more."""

    keyId: str
    deletedAt: Moment


@router.post(
    "/partners/register",
    status_code=201,
    response_model=RegistrationOut,
    openapi_extra=IDEMPOTENT,
    summary="Register",
)
@refuses(InvalidName, SlugTaken, Unavailable)
async def register(call: Call, form: RegistrationIn) -> Answered:
    """Become a partner, with a sandbox to try things out in, and a token to prove a domain with."""
    key, issued = call.services.new_key("sandbox")
    token = "mir-challenge-" + secrets.token_urlsafe(32)
    contact = {"email": form.email, "website": form.website}
    command = RegisterPartner(
        id=new_id(),
        partner_id=new_id(),
        name=form.name,
        slug=slug_from(form.name) if form.slug is None else form.slug,
        key=issued,
        token_lookup=call.services.hashes.token(token),
        contact={name: value for name, value in contact.items() if value is not None},
    )
    return await call.commit(
        command,
        registration_out,
        status=201,
        repeat=call.repeat(),
        once={"apiKey": key, "token": token},
    )


@router.post(
    "/partners/promote",
    response_model=PromotionOut,
    dependencies=[needs("partner:admin")],
    openapi_extra=IDEMPOTENT,
    summary="Prove a domain",
)
@refuses(InvalidUrl, ChallengeFailed, AlreadyPromoted, NotFound, RateLimited)
async def promote(call: Call, site: SiteIn) -> Answered:
    """Rise to production: your token is fetched from your site, and a first key given out.

    The page must be on the public internet, on the default port, and answer within 5 seconds,
    itself and not by a redirect. At most 20 failures an hour.
    """
    loopback = call.services.settings.promote_loopback
    origin, repeat = read_origin(site.url, loopback=loopback), call.repeat()
    key, issued = call.services.new_key("production")
    found: dict[str, Any] = {}
    with call.services.guesses.counted(f"promote {call.principal.partner_id}", ChallengeFailed):
        try:
            page = await fetch_text(origin, CHALLENGE_PATH, loopback=loopback)
            found["shown"] = call.services.hashes.token(page)
        except FetchFailed as failure:
            found["fault"] = str(failure)
        command = PromotePartner(
            id=new_id(),
            partner_id=call.principal.partner_id,
            domain=origin.authority,
            key=issued,
            **found,
        )
        return await call.commit(
            command,
            promotion_out,
            repeat=repeat,
            once=lambda promotion: {} if promotion.already else {"apiKey": key},
        )


@router.get("/partners/public-sandbox", response_model=PublicKeyOut, summary="A key for anybody")
@refuses(NotFound)
async def get_public_sandbox(call: Call) -> Answered:
    """The key of a sandbox that everybody shares, for trying things out. Not every server has one:
    it is not for data of real people, and others see what you write.
    """
    if not call.services.settings.public_sandbox:
        raise NotFound
    return call.show(PublicKeyOut(apiKey=call.services.public_key(), environment="sandbox"))


@router.get(
    "/partners/me",
    response_model=PartnerOut,
    dependencies=[needs("events:read")],
    openapi_extra=READ,
    summary="Who am I",
)
async def get_me(call: Call) -> Answered:
    """The partner that the key belongs to."""
    found = await _partner(call)
    return call.show(
        PartnerOut(
            partnerId=call.principal.partner_id,
            name=found.name,
            slug=found.slug,
            status=found.status,
            environment=call.principal.environment,
            environments=list(found.environments),
            domain=found.domain,
            approvedAt=found.approved_at,
        )
    )


@router.get(
    "/partners/keys",
    response_model=KeysOut,
    dependencies=[needs("partner:admin")],
    openapi_extra=READ,
    summary="List keys",
)
async def get_keys(call: Call) -> Answered:
    """The keys that open this tenant, with when each was last used, a few seconds behind."""
    found = await _partner(call)
    held = found.keys_of(call.principal.environment)
    used = await keys_in_use(call.fetch, [one.key.key_id for one in held])
    return call.show(
        KeysOut(
            data=[
                KeyOut(
                    keyId=one.key.key_id,
                    prefix=one.key.prefix,
                    madeAt=one.made_at,
                    lastUsedAt=used.get(one.key.key_id),
                )
                for one in held
            ]
        )
    )


@router.post(
    "/partners/keys",
    status_code=201,
    response_model=NewKeyOut,
    dependencies=[needs("partner:admin")],
    openapi_extra=IDEMPOTENT,
    summary="Make a key",
)
@refuses(TooManyKeys)
async def post_key(call: Call) -> Answered:
    """One more key for this tenant, so that a lost one locks nobody out."""
    key, issued = call.services.new_key(call.principal.environment)
    return await call.commit(
        AddKey(
            id=new_id(),
            partner_id=call.principal.partner_id,
            environment=call.principal.environment,
            key=issued,
        ),
        new_key_out,
        status=201,
        repeat=call.repeat(),
        once={"apiKey": key},
    )


@router.delete(
    "/partners/keys/{key_id}",
    response_model=DeletedKeyOut,
    dependencies=[needs("partner:admin")],
    summary="Delete a key",
)
@refuses(NotFound, LastKey)
async def delete_key(call: Call, key_id: str) -> Answered:
    """Take a key away: dead at once, on every worker."""
    return await call.commit(
        DeleteKey(
            id=new_id(),
            partner_id=call.principal.partner_id,
            environment=call.principal.environment,
            key_id=key_id,
        ),
        lambda deleted_at: DeletedKeyOut(keyId=key_id, deletedAt=deleted_at),
    )


async def _partner(call: Call) -> Partner:
    found: Partner = (await call.ask(AskPartner(call.principal.partner_id))).value
    return found
