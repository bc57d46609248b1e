"""Wiring: the layers joined into the services that routes and commands use."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec
import psycopg

from application.access import Access
from application.hashes import Hashes
from application.ids import new_id
from application.key_use import keep_key_use
from application.log.batch import Rules
from application.log.committer import Committer
from application.log.connections import pool, writer_line
from application.log.gathering import Gathering
from application.log.lists import Lists
from application.log.loading import Loading
from application.log.reader import Reader
from application.log.recorder import Log
from application.log.submission import Submission
from application.migrate import migrate
from domain.api_keys import PREFIXES, format_key, shown_prefix
from domain.command import Outcome
from domain.fold import folds_by_type
from domain.instants import Instant, instant
from domain.known import Key, Known
from domain.partner import Approval, ApprovePartner, Environment, IssuedKey, slug_from
from interfaces.settings import Settings
from interfaces.telemetry import BATCH_SECONDS, BATCH_SIZE, LOG_HEAD, QUEUE_DEPTH, Telemetry
from projections.catalogue import INLINE, VERSIONS
from projections.engine.replay import Replay
from projections.engine.tables import make_tables


def now() -> Instant:
    """The server's time."""
    return instant(datetime.now(UTC))


class Probe(msgspec.Struct, frozen=True):
    """The question that asks for nothing but an answer."""

    id: str = ""
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[None]:
        return Outcome(None)


@dataclass(frozen=True)
class Services:
    """What a worker works with.

    ``lists`` sees the caller's tenant alone; ``past``, like the reader, whatever a question needs.
    """

    settings: Settings
    hashes: Hashes
    access: Access
    committer: Committer
    reader: Reader
    lists: Lists
    past: Lists
    replay: Replay
    telemetry: Telemetry

    now = staticmethod(now)

    async def probe(self) -> int:
        """The log's head, as a question sees it. Raises Unavailable when it cannot be read."""
        return (await self.reader.answer(Submission(Probe()))).position

    def new_key(self, environment: Environment) -> tuple[str, IssuedKey]:
        """A new API key, and what may be kept of it."""
        key = format_key(PREFIXES[environment], secrets.token_bytes(32))
        issued = IssuedKey(
            key_id=new_id(), lookup=self.hashes.api_key(key), prefix=shown_prefix(key)
        )
        return key, issued


@contextlib.asynccontextmanager
async def open_services(settings: Settings, url: str) -> AsyncIterator[Services]:
    """Connect everything to the database at a URL; drain and close it at the end."""
    hashes = Hashes(settings.pepper, settings.identifier_secret)
    telemetry = Telemetry(log_requests=settings.log_level in ("debug", "info"))
    rules = Rules(
        folds_by_type(INLINE), VERSIONS, new_id, settings.idempotency_mismatch == "replay"
    )
    loading = Loading(INLINE)
    # The reader tells access of changes, and access asks the reader: one must be named first.
    access = Access(hashes, lambda question: reader.answer(question))  # noqa: PLW0108
    reader = Reader(
        partial(writer_line, url),
        rules,
        loading,
        now,
        limit=settings.queue_limit,
        saw=access.saw,
        observe=_observe("reader"),
    )
    committer = Committer(
        partial(writer_line, url),
        rules,
        loading,
        now,
        limit=settings.queue_limit,
        saw=access.saw,
        observe=_observe("committer"),
    )
    of_tenant, of_all = pool(url, "tenure_reader"), pool(url, "tenure_writer")
    services = Services(
        settings,
        hashes,
        access,
        committer,
        reader,
        Lists(of_tenant, access),
        Lists(of_all, access),
        Replay(INLINE),
        telemetry,
    )
    async with (
        of_tenant,
        of_all,
        _running(
            committer.run(),
            reader.run(),
            telemetry.run(),
            keep_key_use(access, url),
        ),
    ):
        yield services


@contextlib.asynccontextmanager
async def _running(*loops: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Loops that run beside the work and are stopped with it."""
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _observe(engine: str) -> Callable[[Gathering, int, float], None]:
    size, seconds = BATCH_SIZE.labels(engine), BATCH_SECONDS.labels(engine)
    depth = QUEUE_DEPTH.labels(engine)

    def observe(gathering: Gathering, batch_size: int, batch_seconds: float) -> None:
        size.observe(batch_size)
        seconds.observe(batch_seconds)
        depth.set(gathering.depth)
        LOG_HEAD.set(gathering.head.position)

    return observe


def prepare(url: str) -> list[str]:
    """Bring a database to what this release expects: its schema, and a table for each fold.

    Returns the names of the migrations that were applied and of the folds that were filled.
    """
    applied = migrate(url)
    with Log(url) as log:
        return applied + make_tables(url, INLINE, log.entries)


def approve_partner(
    settings: Settings, url: str, name: str, slug: str | None, environment: Environment
) -> tuple[Approval, str]:
    """Approve a partner from the command line; the approval and the first API key.

    Raises a Refusal.
    """

    async def approve() -> tuple[Approval, str]:
        async with open_services(settings, url) as services:
            key, issued = services.new_key(environment)
            command = ApprovePartner(
                id=new_id(),
                partner_id=new_id(),
                name=name,
                slug=slug_from(name) if slug is None else slug,
                environment=environment,
                key=issued,
            )
            reply = await services.committer.answer(Submission(command, request_id=new_id()))
            approval: Approval = reply.value
            return approval, key

    return asyncio.run(approve())


def first_partner(settings: Settings, url: str) -> str | None:
    """A sandbox key for whoever starts Tenure for the first time; None when there are partners."""
    with psycopg.connect(url) as connection:
        (exists,) = connection.execute(
            "select exists (select from state where fold = 'partner_v1')"
        ).fetchone() or (False,)
    if exists:
        return None
    return approve_partner(settings, url, "First partner", None, "sandbox")[1]
