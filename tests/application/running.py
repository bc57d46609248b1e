"""A worker's engines, running on a real database for the length of a test."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import takewhile
from typing import Any

import psycopg

from application.access import Access
from application.hashes import Hashes
from application.ids import new_id
from application.log.batch import Rules
from application.log.committer import Committer
from application.log.connections import pool, writer_line
from application.log.line import Line
from application.log.lists import Lists
from application.log.live import Release
from application.log.reader import Reader
from application.log.submission import Answer, Repeat, Reply, Submission
from application.log.tracing import Tracer
from application.migrate import migrate
from domain.command import Command
from domain.events import Entry, decode
from domain.fold import SNAPSHOT_EVERY, AnyFold
from domain.instants import Instant, instant, shifted
from domain.ports import Fetch
from domain.principal import OPERATOR, Principal
from projections.at_hand import inline_projections
from projections.catalogue import INLINE, VERSIONS
from projections.engine.fingerprint import fingerprint
from projections.engine.projection import Projection
from projections.engine.tables import make_tables

HASHES = Hashes(b"a pepper of tests", b"an identifier secret of tests")


def now() -> Instant:
    """The time."""
    return instant(datetime.now(UTC))


def make_ready(url: str, projections: Mapping[str, Projection] | None = None) -> list[str]:
    """Bring a database to where it can be written; the names of what was missing."""
    return migrate(url) + make_tables(url, lambda: projections or inline_projections())


class Clock:
    """A clock that tests set; it begins where the log ends, or well after today."""

    def __init__(self, url: str) -> None:
        ((newest,),) = as_owner(
            url, "select entry ->> 'recorded_at' from log order by position desc limit 1"
        ) or [("2999-01-01T00:00:00.000Z",)]
        self.now: Instant = max(newest, "2999-01-01T00:00:00.000Z")

    def __call__(self) -> Instant:
        return self.now

    def goes_on(self, *, days: int = 0, minutes: int = 0) -> Instant:
        """Let time pass; tells what time it is then."""
        self.now = shifted(self.now, days=days, minutes=minutes)
        return self.now


@dataclass
class Worker:
    """What a worker works with."""

    committer: Committer
    reader: Reader
    access: Access
    lists: Lists
    across: Lists
    clock: Callable[[], Instant]

    async def do(self, command: Command[Any], principal: Principal = OPERATOR) -> Any:
        """A command's own reply, once it is committed. Raises its Refusal."""
        return (await self.committer.answer(Submission(command, principal))).value

    async def ask(self, question: Command[Any], principal: Principal = OPERATOR) -> Any:
        """A question's own reply. Raises its Refusal."""
        return (await self.reader.answer(Submission(question, principal))).value

    async def together(self, *submissions: Submission) -> list[Answer]:
        """Submit several at once, so that they are of one batch; then their answers."""
        answers = [self.submit(submission) for submission in submissions]
        return await asyncio.gather(*answers)

    def submit(self, submission: Submission) -> asyncio.Future[Answer]:
        """Submit now; the answer comes when it comes. Raises a Refusal."""
        submission.answer = asyncio.get_running_loop().create_future()
        self.committer.submit(submission)
        return submission.answer

    def fetch_for(self, principal: Principal) -> Fetch:
        """Statements that see the log of somebody's tenant."""
        return partial(self.lists.fetch, principal)

    def across_for(self, principal: Principal) -> Fetch:
        """Statements that see the whole log, on behalf of somebody."""
        return partial(self.across.fetch, principal)


@asynccontextmanager
async def a_worker(
    url: str,
    *,
    clock: Callable[[], Instant] = now,
    folds: Sequence[AnyFold] = INLINE,
    limit: int = 1_000,
    replay_mismatched: bool = False,
    connect: Callable[[str], Awaitable[Line]] = writer_line,
    tracer: Tracer | None = None,
    snapshot_every: int = SNAPSHOT_EVERY,
) -> AsyncIterator[Worker]:
    """A worker that runs until the end of the block."""
    rules = Rules(VERSIONS, new_id, replay_mismatched, snapshot_every=snapshot_every)
    release = Release(folds, fingerprint)
    # The reader tells access of changes, and access asks the reader: one must be named first.
    access = Access(HASHES, lambda question: reader.answer(question))  # noqa: PLW0108
    reader = Reader(partial(writer_line, url), rules, release, clock, limit=limit, saw=access.saw)
    committer = Committer(
        partial(connect, url), rules, release, clock, limit=limit, saw=access.saw, tracer=tracer
    )
    async with pool(url, "tenure_reader") as of_tenant, pool(url, "tenure_writer") as of_all:
        loops = [asyncio.create_task(gathering.run()) for gathering in (committer, reader)]
        try:
            yield Worker(
                committer, reader, access, Lists(of_tenant, access), Lists(of_all, access), clock
            )
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)


def a_repeatable(
    command: Command[Any],
    key: str,
    *,
    body: str | None = "a body",
    principal: Principal = OPERATOR,
    render: Callable[[Any], str] = lambda reply: f'{{"id":"{reply.id}"}}',
) -> Submission:
    """A submission whose reply is kept under a key; an automatic key when it has no body."""
    hashed = HASHES.explicit_key(principal.tenant, principal.id, "/a-route", key)
    fingerprint = None if body is None else HASHES.body(body)
    return Submission(
        command,
        principal,
        request_id="a-request",
        status=201,
        render=render,
        repeat=Repeat(hashed, fingerprint),
    )


def in_turn(url: str, *submissions: Submission, **settings: Any) -> list[Answer]:
    """The answers to submissions that are sent one after the other."""

    async def story() -> list[Answer]:
        async with a_worker(url, **settings) as worker:
            return [await worker.submit(submission) for submission in submissions]

    return asyncio.run(story())


def at_once(url: str, *submissions: Submission, **settings: Any) -> list[Answer]:
    """The answers to submissions that arrive together."""

    async def story() -> list[Answer]:
        async with a_worker(url, **settings) as worker:
            return await worker.together(*submissions)

    return asyncio.run(story())


def replies(answers: Sequence[Answer]) -> list[Reply]:
    """The answers, all of which must be replies."""
    found = [answer for answer in answers if isinstance(answer, Reply)]
    assert len(found) == len(answers), answers
    return found


def as_owner(url: str, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
    """The rows of a statement that the database's owner runs."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []


def head_of(url: str) -> int:
    """The newest position of the log."""
    ((position,),) = as_owner(url, "select coalesce(max(position), 0) from log")
    return int(position)


def log_of(url: str, after: int = 0) -> list[tuple[int, Entry]]:
    """Positions and entries after a position, in order."""
    rows = as_owner(
        url, "select position, entry::text from log where position > %s order by position", after
    )
    return [(position, decode(entry)) for position, entry in rows]


def row_of(url: str, fold: AnyFold, key: str) -> tuple[int, int, Any] | None:
    """A stored row: version, position and state."""
    rows = as_owner(
        url,
        "select version, position, row::text from state where fold = %s and key = %s",
        fold.name,
        key,
    )
    return (rows[0][0], rows[0][1], fold.decode(rows[0][2])) if rows else None


@contextmanager
def the_lock_held(url: str) -> Iterator[psycopg.Connection]:
    """The log's lock in other hands: whoever wants to write waits until the end of the block."""
    with psycopg.connect(url) as rival:
        rival.execute("select pg_advisory_xact_lock(hashtext('tenure log'))")
        yield rival


def notifications(url: str, of: Callable[[], object]) -> int:
    """How many notifications of the log something gives."""
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("listen log")
        of()
        as_owner(url, "notify log, 'that was all'")
        with closing(listener.notifies(timeout=30)) as told:
            return len(list(takewhile(lambda one: one.payload != "that was all", told)))


def end_every_connection(url: str) -> int:
    """Have the server end all connections to the database; tells how many."""
    return len(
        as_owner(
            url,
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()",
        )
    )


def end_whoever_waits_for_the_lock(url: str) -> int:
    """Have the server end the connections that wait for the log's lock; tells how many."""
    return len(
        as_owner(
            url,
            "select pg_terminate_backend(pid) from pg_locks"
            " where locktype = 'advisory' and not granted"
            " and database = (select oid from pg_database where datname = current_database())",
        )
    )


def age_replies(url: str, hours: int) -> None:
    """Let time pass for all kept replies."""
    as_owner(
        url, "update idempotency set recorded_at = recorded_at - %s * interval '1 hour'", hours
    )
