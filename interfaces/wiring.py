"""Wiring: the layers joined into the services that routes and commands use."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from time import time_ns
from typing import TYPE_CHECKING, Any

import msgspec

from application.access import Access
from application.hashes import Hashes
from application.ids import new_id
from application.key_use import keep_key_use
from application.log.batch import Rules
from application.log.committer import Committer
from application.log.connections import pool, writer_line
from application.log.frequent import Frequent
from application.log.line import Line
from application.log.lists import Lists
from application.log.live import Release
from application.log.reader import Reader
from application.log.submission import Submission
from application.log.tail import Tail
from application.log_access import LogAccess
from application.migrate import migrate
from application.news import News
from application.rate_limits import GUESSES_AN_HOUR, MINUTE_SECONDS, Allowance, RateLimits
from application.schemas import Schemas
from domain.api_keys import (
    AGENT_PREFIX,
    AUDITOR_PREFIX,
    PREFIXES,
    format_key,
    format_uid,
    shown_prefix,
)
from domain.command import Outcome
from domain.instants import Instant, instant_at
from domain.known import Key, Known, lacking
from domain.partner import Environment, IssuedKey
from interfaces.engine_metrics import EngineMetrics
from interfaces.read_tables import make_views
from interfaces.settings import Settings
from interfaces.telemetry import Telemetry
from projections.at_hand import at_hand
from projections.catalogue import INLINE, VERSIONS
from projections.engine.fingerprint import fingerprint
from projections.engine.replay import Replay
from projections.engine.tables import make_tables
from projections.polling import POLL

if TYPE_CHECKING:
    from interfaces.tracing import Tracing


JOBS = "job."
"""How the names of the types begin that long polls wait for."""


def now() -> Instant:
    """The server's time."""
    return instant_at(time_ns() // 1_000_000)


class Probe(msgspec.Struct, frozen=True):
    """The question that asks for nothing but an answer."""

    id: str = ""
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[None]:
        return Outcome(None)


@dataclass(frozen=True)
class Services:
    """What a worker works with. ``tracing`` is None unless an operator asked for traces.

    ``lists`` sees the log of the caller's tenant alone; ``across``, ``polls`` and the reader see
    all there is.
    ``draining`` is set when the worker is to end, for whoever would otherwise go on.
    """

    settings: Settings
    url: str
    hashes: Hashes
    access: Access
    committer: Committer
    reader: Reader
    lists: Lists
    across: Lists
    polls: Frequent
    telemetry: Telemetry
    tracing: "Tracing | None"
    guesses: Allowance
    registrations: Allowance
    rate_limits: RateLimits | None
    rate_quota: int
    agent_rates: RateLimits
    tail: Tail
    log_access: LogAccess
    draining: asyncio.Event
    news: News
    schemas: Schemas

    now = staticmethod(now)

    @property
    def replay(self) -> Replay:
        """Answers about the past, by the code of what is live."""
        return Replay((*INLINE, *self.reader.live.folds))

    async def probe(self) -> int:
        """The log's head, as a question sees it. Raises Unavailable when it cannot be read, or this
        worker lacks the code of what is live.
        """
        position = (await self.reader.answer(Submission(Probe()))).position
        if self.reader.live.lacks:
            raise lacking(self.reader.live.lacks)
        return position

    def new_key(self, environment: Environment) -> tuple[str, IssuedKey]:
        """A new API key, and what may be kept of it."""
        key = format_key(PREFIXES[environment], secrets.token_bytes(32))
        return key, self.issued(key)

    def new_agent_key(self) -> tuple[str, IssuedKey]:
        """A new API key of an agent's, and what may be kept of it."""
        key = format_key(AGENT_PREFIX, secrets.token_bytes(32))
        return key, self.issued(key)

    def new_auditor_key(self) -> tuple[str, IssuedKey]:
        """A new API key of an auditor's, and what may be kept of it."""
        key = format_key(AUDITOR_PREFIX, secrets.token_bytes(32))
        return key, self.issued(key)

    def new_uid(self) -> tuple[str, IssuedKey]:
        """A new uid of a member's or an agent's on a marketplace, and what may be kept of it."""
        uid = format_uid(secrets.token_bytes(32))
        return uid, self.issued(uid)

    def public_key(self) -> str:
        """The public partner's key, the same each time."""
        return format_key(PREFIXES["sandbox"], self.hashes.public_secret())

    def issued(self, key: str) -> IssuedKey:
        """What may be kept of a key."""
        return IssuedKey(key_id=new_id(), lookup=self.hashes.api_key(key), prefix=shown_prefix(key))


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings, url: str, draining: asyncio.Event | None = None
) -> AsyncIterator[Services]:
    """Connect everything to the database at a URL; drain and close it at the end."""
    hashes = Hashes(settings.pepper, settings.identifier_secret)
    telemetry = Telemetry(log_requests=settings.log_level in ("debug", "info"))
    rules = Rules(VERSIONS, new_id, settings.idempotency_mismatch == "replay")
    release = Release(INLINE, fingerprint)
    tracing, connect, lists = _drawn(settings, url)
    of_reader, of_committer = EngineMetrics("reader"), EngineMetrics("committer")
    # The reader tells access of changes, and access asks the reader: one must be named first.
    access = Access(
        hashes,
        lambda question: reader.answer(question),  # noqa: PLW0108
        settings.operator_key,
    )
    reader = Reader(
        connect,
        rules,
        release,
        now,
        limit=settings.queue_limit,
        saw=access.saw,
        observe=of_reader.observe,
        tracer=tracing,
    )
    committer = Committer(
        connect,
        rules,
        release,
        now,
        limit=settings.queue_limit,
        saw=access.saw,
        observe=of_committer.observe,
        tracer=tracing,
    )
    telemetry.beside += [
        partial(of_reader.export, reader),
        partial(of_committer.export, committer),
    ]
    can_read = partial(_can_read, reader)
    polls = Frequent(connect, POLL, access, limit=settings.queue_limit, can_read=can_read)
    of_tenant, of_all = pool(url, "tenure_reader"), pool(url, "tenure_writer")
    rate_limits, rate_quota = None, 0
    if settings.rate_limit is not None:
        quota, _, seconds = settings.rate_limit.partition("/")
        rate_limits, rate_quota = RateLimits("default", int(seconds)), int(quota)
    agent_rates = RateLimits("agent", MINUTE_SECONDS)
    tail, log_access = Tail(), LogAccess()
    draining = draining or asyncio.Event()
    news = News(tail, of_all, JOBS, draining)
    services = Services(
        settings,
        url,
        hashes,
        access,
        committer,
        reader,
        lists(of_tenant, access),
        lists(of_all, access, can_read=can_read),
        polls,
        telemetry,
        tracing,
        Allowance(GUESSES_AN_HOUR),
        Allowance(settings.registrations_per_hour),
        rate_limits,
        rate_quota,
        agent_rates,
        tail,
        log_access,
        draining,
        news,
        Schemas(),
    )
    async with (
        tracing or contextlib.nullcontext(),
        of_tenant,
        of_all,
        contextlib.aclosing(services.schemas),
        _running(
            committer.run(),
            reader.run(),
            polls.run(),
            telemetry.run(),
            keep_key_use(access, url),
            tail.run(url),
            log_access.keep(url),
            agent_rates.run(of_all),
            news.run(),
            *(() if rate_limits is None else (rate_limits.run(of_all),)),
        ),
    ):
        yield services


async def _can_read(reader: Reader, generation: int) -> None:
    """Raises Unavailable where this worker lacks the code of rows that were found."""
    if reader.live.generation != generation:
        await reader.answer(Submission(Probe()))
    if reader.live.lacks:
        raise lacking(reader.live.lacks)


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


def _drawn(
    settings: Settings, url: str
) -> tuple["Tracing | None", Callable[[], Awaitable[Line]], Callable[..., Lists]]:
    """What draws traces, and the lines and lists that it sees; plain ones unless it is wanted."""
    if settings.otlp_endpoint is None:
        return None, partial(writer_line, url), Lists
    # The SDK is large, and an extra that may not be installed.
    from interfaces.tracing import TracedLists, Tracing

    tracing = Tracing.to(settings.otlp_endpoint)
    return tracing, partial(tracing.writer_line, url), partial(TracedLists, tracing)


def prepare(url: str) -> list[str]:
    """Bring a database to what this release expects: its schema, and for each fold a table, and a
    view for readers.

    Returns the names of the migrations that were applied, of the folds that were filled and of the
    views that were made.
    """
    applied = migrate(url)
    newest = [projection.newest for projection in at_hand().values()]
    return [*applied, *make_tables(url), *make_views(url, newest)]
