"""Admission: how you register, and rise from the sandbox to production."""

import secrets
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from application.guarded_fetch import URL_LENGTH_AT_MOST, FetchFailed, fetch_text, read_origin
from application.ids import new_id
from application.rate_limits import counted_as
from domain import names
from domain.admission import (
    Approval,
    PromotePartner,
    Promotion,
    RegisterPartner,
)
from domain.partner import SLUG_FORM, SLUG_LENGTH_AT_MOST, Environment, Status, slug_from
from domain.refusals import (
    AlreadyPromoted,
    ChallengeFailed,
    InvalidName,
    InvalidUrl,
    NotFound,
    SlugTaken,
    Unavailable,
)
from interfaces.api.call import Answered, Call
from interfaces.api.openapi import IDEMPOTENT, refuses
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import Id, Wire, form

router = APIRouter(route_class=LeanRoute, tags=["Partners"])

CHALLENGE_PATH = "/.well-known/mir-challenge"


def _true(value: object) -> object:
    # To Python, and so to pydantic, 1 is True.
    if value is not True:
        raise ValueError("it must be true")
    return value


class RegistrationIn(Wire):
    """Who you are, and how the operator reaches you."""

    name: str = Field(
        examples=["Acme & Co."],
        json_schema_extra={"minLength": 1, "maxLength": names.LENGTH_AT_MOST, "pattern": r"\S"},
    )
    accept_terms: Annotated[Literal[True], BeforeValidator(_true)]
    slug: str | None = Field(
        None,
        description="A short name; made of the name when absent.",
        examples=["acme-co"],
        json_schema_extra={"pattern": f"^{SLUG_FORM.pattern}$", "maxLength": SLUG_LENGTH_AT_MOST},
    )
    website: str | None = Field(
        None,
        max_length=300,
        pattern=form(r"^https?://[!-~]+$", "a URL is wanted, such as https://acme.example"),
    )
    email: str | None = Field(
        None,
        max_length=254,
        pattern=form(r"^[^@\x00-\x20]+@[^@\x00-\x20]+$", "an e-mail address is wanted"),
    )


class SiteIn(Wire):
    """Your site, under which the token of your registration is served."""

    url: str = Field(
        examples=["https://acme.example"], json_schema_extra={"maxLength": URL_LENGTH_AT_MOST}
    )


class DomainChallengeOut(TypedDict):
    """What to serve as plain text under /.well-known/mir-challenge of your domain."""

    token: str | None


class RegistrationOut(TypedDict):
    """A new partner. ``apiKey`` and ``token`` are shown this once; a replay has null there."""

    partnerId: Id
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


@router.post(
    "/partners/register",
    status_code=201,
    response_model=RegistrationOut,
    openapi_extra=IDEMPOTENT,
    summary="Register",
)
@refuses(InvalidName, SlugTaken, Unavailable)
async def register(call: Call, form: RegistrationIn) -> Answered:
    """Become a partner, with a sandbox to try things out in, and a token to prove a domain with.

    From one address so many an hour: 10, unless the operator says otherwise.
    """
    call.services.registrations.take(counted_as(call.client))
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
@refuses(InvalidUrl, ChallengeFailed, AlreadyPromoted, NotFound)
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

    The key reads, reports events, files claims and asks for decisions. What would destroy or change
    something for the others is 403 FORBIDDEN: to erase somebody, contest or settle a claim, make or
    leave a link, set an action, manage keys, prove a domain. Idempotency-Keys and rate limits are
    shared too.
    """
    if not call.services.settings.public_sandbox:
        raise NotFound
    return call.show(PublicKeyOut(apiKey=call.services.public_key(), environment="sandbox"))
