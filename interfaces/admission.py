"""Admission at the operator's hands: what the command line and each start do about partners, and
about those who audit.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import psycopg

from application.ids import new_id
from application.log.submission import Submission
from application.sql import named_queries
from domain.admission import Approval, ApprovePartner, ReactivatePartner, SuspendPartner
from domain.auditor import CreateAuditor, RevokeAuditor, RotateAuditorKey
from domain.command import Command
from domain.partner import PUBLIC_SLUG, Environment, Status, slug_from
from domain.partner_keys import AddKey
from domain.refusals import NotFound
from interfaces.settings import Settings
from interfaces.wiring import Services, open_services
from projections.partners import AskPartner, owner_of_slug

R = TypeVar("R")

SQL = named_queries(Path(__file__).with_suffix(".sql"))


def approve_partner(
    settings: Settings, url: str, name: str, slug: str | None, environment: Environment
) -> tuple[Approval, str]:
    """Approve a partner; the approval and the first API key. Raises a Refusal."""

    async def approve(services: Services) -> tuple[Approval, str]:
        key, issued = services.new_key(environment)
        command = ApprovePartner(
            id=new_id(),
            partner_id=new_id(),
            name=name,
            slug=slug_from(name) if slug is None else slug,
            environment=environment,
            key=issued,
        )
        return await _done(services, command), key

    return _with_services(settings, url, approve)


def first_partner(settings: Settings, url: str) -> str | None:
    """A sandbox key for whoever starts Tenure for the first time; None when there are partners."""
    with psycopg.connect(url) as connection:
        (exists,) = connection.execute(SQL["any_partner"]).fetchone() or (False,)
    if exists:
        return None
    return approve_partner(settings, url, "First partner", None, "sandbox")[1]


def suspend_partner(settings: Settings, url: str, partner_id: str) -> Status:
    """Stop all keys of a partner. Raises NotFound."""
    command = SuspendPartner(id=new_id(), partner_id=partner_id)
    return _with_services(settings, url, lambda services: _done(services, command))


def reactivate_partner(settings: Settings, url: str, partner_id: str) -> Status:
    """Let a suspended partner's keys work again. Raises NotFound."""
    command = ReactivatePartner(id=new_id(), partner_id=partner_id)
    return _with_services(settings, url, lambda services: _done(services, command))


def add_key(settings: Settings, url: str, partner_id: str, environment: Environment) -> str:
    """One more API key, for a partner that has lost all of its own. Raises a Refusal."""

    async def add(services: Services) -> str:
        key, issued = services.new_key(environment)
        command = AddKey(id=new_id(), partner_id=partner_id, environment=environment, key=issued)
        await _done(services, command)
        return key

    return _with_services(settings, url, add)


def forget_contact(url: str, partner_id: str) -> None:
    """Forget how a partner may be reached, for good. Raises NotFound when that is not known."""
    with psycopg.connect(url) as connection:
        if connection.execute(SQL["forget_contact"], {"partner_id": partner_id}).rowcount == 0:
            raise NotFound


def create_auditor(settings: Settings, url: str, name: str, tenant: str | None) -> tuple[str, str]:
    """Let somebody read a tenant's log, or all of it; their id and API key. Raises a Refusal."""

    async def create(services: Services) -> tuple[str, str]:
        key, issued = services.new_auditor_key()
        command = CreateAuditor(id=new_id(), name=name, tenant=tenant, key=issued)
        await _done(services, command)
        return command.id, key

    return _with_services(settings, url, create)


def rotate_auditor_key(settings: Settings, url: str, auditor_id: str) -> str:
    """Another API key for an auditor, in place of the one before. Raises a Refusal."""

    async def rotate(services: Services) -> str:
        key, issued = services.new_auditor_key()
        await _done(services, RotateAuditorKey(id=new_id(), auditor_id=auditor_id, key=issued))
        return key

    return _with_services(settings, url, rotate)


def revoke_auditor(settings: Settings, url: str, auditor_id: str) -> None:
    """End an auditor. Raises a Refusal."""
    command = RevokeAuditor(id=new_id(), auditor_id=auditor_id)
    _with_services(settings, url, lambda services: _done(services, command))


def public_partner(settings: Settings, url: str) -> str | None:
    """Have the public partner, or have it no more, as the setting says; its key when there is one.

    It is never deleted: without the setting it is suspended.
    """
    known = owner_of_slug(url, PUBLIC_SLUG)
    if not settings.public_sandbox:
        if known is not None:
            suspend_partner(settings, url, known)
        return None

    async def have(services: Services) -> str:
        key = services.public_key()
        issued = services.issued(key)
        if known is None:
            command = ApprovePartner(
                id=new_id(),
                partner_id=new_id(),
                name="Public sandbox",
                slug=PUBLIC_SLUG,
                environment="sandbox",
                key=issued,
                public=True,
            )
            await _done(services, command)
            return key
        await _done(services, ReactivatePartner(id=new_id(), partner_id=known))
        partner = (await services.reader.answer(Submission(AskPartner(known)))).value
        if issued.lookup not in [held.key.lookup for held in partner.keys]:
            # The server's pepper is another one than before.
            added = AddKey(id=new_id(), partner_id=known, environment="sandbox", key=issued)
            await _done(services, added)
        return key

    return _with_services(settings, url, have)


def _with_services(settings: Settings, url: str, work: Callable[[Services], Awaitable[R]]) -> R:
    async def run() -> R:
        async with open_services(settings, url) as services:
            return await work(services)

    return asyncio.run(run())


async def _done(services: Services, command: Command[R]) -> R:
    """What a command of the operator's answers, once it is done. Raises a Refusal."""
    reply = await services.committer.answer(Submission(command, request_id=new_id()))
    value: R = reply.value
    return value
