"""Gathering: submissions that arrive together are answered together.

There is no timer. While one batch is on its way to the database the next one gathers, so batches
are as large as the load makes them, and a lone submission waits for nobody.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from time import perf_counter

from application.log.batch import Batch, Rules
from application.log.line import Line, Lost
from application.log.live import NOTHING_LIVE, Release
from application.log.loading import RECORD, Head, Loading, Switched
from application.log.submission import Answer, Reply, Submission
from application.log.tally import Tally
from application.log.tracing import Tracer
from domain.instants import Instant
from domain.known import Key, Known
from domain.refusals import InternalError, Refusal, Unavailable

BATCH_SIZE_AT_MOST = 256
PATIENCE_SECONDS = 10.0
"""How long a batch waits for a database that went away or hangs before its callers are told."""

Connect = Callable[[], Awaitable[Line]]
logger = logging.getLogger("tenure.log")


class Gathering(ABC):
    """Takes submissions, answers them batch by batch on a line of its own.

    A batch is, in turn, what came one by one, up to a size, and one group of those that came
    together: whoever came alone does not wait for a group to be answered with it.
    ``release`` is the code there is for folds, of which it runs what is live.
    ``limit`` bounds those waiting: beyond it a submission is refused at once. ``observe`` is told
    each batch's size and seconds; ``saw`` the last change of authority; ``tracer`` draws it all.
    """

    def __init__(
        self,
        connect: Connect,
        rules: Rules,
        release: Release,
        clock: Callable[[], Instant],
        *,
        limit: int,
        saw: Callable[[int], None] = lambda position: None,
        observe: "Observe" = lambda gathering, size, seconds: None,
        tracer: Tracer | None = None,
    ) -> None:
        self._connect, self._rules, self._release, self._clock = connect, rules, release, clock
        self.live = NOTHING_LIVE
        self._loading = Loading(self.live)
        self._limit, self._saw, self._observe, self._tracer = limit, saw, observe, tracer
        self._line: Line | None = None
        self._waiting: list[Submission] = []
        self._groups: deque[Sequence[Submission]] = deque()
        self._is_a_groups_turn = False
        self._arrived = asyncio.Event()
        self.head = Head(0, None, 0)
        self.tally = Tally()

    @property
    def depth(self) -> int:
        """How many submissions wait."""
        return len(self._waiting) + sum(map(len, self._groups))

    def submit(self, submission: Submission) -> None:
        """Queue a submission. Raises Unavailable when the queue is full."""
        if len(self._waiting) >= self._limit:
            raise Unavailable(reason="too many requests are waiting")
        if self._tracer is not None:
            submission.span = self._tracer.here()
        self._waiting.append(submission)
        self._arrived.set()

    def submit_together(self, group: Sequence[Submission]) -> None:
        """Queue submissions that one transaction answers. Raises Unavailable as ``submit`` does.

        Only where it fails by a defect are they, like any batch, tried one at a time.
        """
        if not group:
            return
        if self.depth >= self._limit:
            raise Unavailable(reason="too many requests are waiting")
        if self._tracer is not None:
            here = self._tracer.here()
            for submission in group:
                submission.span = here
        self._groups.append(group)
        self._arrived.set()

    async def answer(self, submission: Submission) -> Reply:
        """Submit and wait for the reply. Raises the Refusal when that is the answer."""
        submission.answer = asyncio.get_running_loop().create_future()
        self.submit(submission)
        answer = await submission.answer
        if isinstance(answer, Refusal):
            raise answer
        return answer

    async def answer_together(self, group: Sequence[Submission]) -> list[Answer]:
        """Submit together and wait for all answers, in order, refusals among them."""
        loop = asyncio.get_running_loop()
        answers = [loop.create_future() for _ in group]
        for submission, answer in zip(group, answers, strict=True):
            submission.answer = answer
        self.submit_together(group)
        return [await answer for answer in answers]

    async def run(self) -> None:
        """Answer until cancelled; then whoever has no answer yet is told to come back."""
        batch: Sequence[Submission] = ()
        try:
            while True:
                await self._arrived.wait()
                batch = self._next()
                if not self._waiting and not self._groups:
                    self._arrived.clear()
                self.tally.busy_since = perf_counter()
                await self._answer(batch)
                self.tally.busy_since = None
        finally:
            for submission in chain(batch, self._waiting, *self._groups):
                self._settle(submission, Unavailable(reason="the server is stopping"))
            if self._line is not None:
                await self._line.close()

    def _next(self) -> Sequence[Submission]:
        if self._groups and (self._is_a_groups_turn or not self._waiting):
            self._is_a_groups_turn = False
            return self._groups.popleft()
        self._is_a_groups_turn = True
        batch = self._waiting[:BATCH_SIZE_AT_MOST]
        del self._waiting[:BATCH_SIZE_AT_MOST]
        return batch

    async def _answer(self, submissions: Sequence[Submission]) -> None:
        started = perf_counter()
        try:
            if self._tracer is None:
                batch = await self._with_patience(submissions)
            else:
                batch = await self._traced(self._tracer, submissions)
        except Refusal as refusal:
            self.tally.failed_batches += 1
            for submission in submissions:
                self._settle(submission, refusal)
            return
        except Exception:
            self.tally.failed_batches += 1
            if len(submissions) == 1:
                logger.exception("refused a command", extra={"request": submissions[0].request_id})
                self._settle(submissions[0], InternalError())
                return
            logger.warning("a batch of %d failed; trying one at a time", len(submissions))
            for submission in submissions:
                await self._answer([submission])
            return
        self.head = Head(batch.known.position, batch.now, batch.known.authority)
        self._saw(batch.known.authority)
        for submission, answer in zip(submissions, batch.answers, strict=True):
            self._settle(submission, answer)
        self._observe(self, len(submissions), perf_counter() - started)

    async def _traced(self, tracer: Tracer, submissions: Sequence[Submission]) -> Batch:
        requests = [submission.span for submission in submissions]
        with tracer.batch(type(self).__name__.lower(), requests) as wrote:
            batch = await self._with_patience(submissions)
            wrote(batch.known.position)
            return batch

    async def _with_patience(self, submissions: Sequence[Submission]) -> Batch:
        """Try until the database answers. Raises Unavailable when that takes too long."""
        deadline = perf_counter() + PATIENCE_SECONDS
        unsettled: Batch | None = None
        while True:
            try:
                line = await self._connected()
                if unsettled is not None:
                    written = await self._was_written(line, unsettled)
                    self.tally.unknown_outcomes += 1
                    if written:
                        return unsettled
                unsettled = None
                batch = await self._decide(line, submissions)
                unsettled = batch if batch.first_id else None
                await self._finish(line, batch)
            except Lost as error:
                self.tally.reconnects += 1
                await self._disconnect()
                if perf_counter() > deadline:
                    raise Unavailable(reason="the database does not answer") from error
                logger.warning("the database went away: %s", error)
                await asyncio.sleep(0.1)
            except BaseException:
                await self._disconnect()
                raise
            else:
                return batch

    async def _decide(self, line: Line, submissions: Sequence[Submission]) -> Batch:
        """Load and decide, again with more rows while any that was asked for is missing."""
        keys: set[Key] = set()
        for submission in submissions:
            keys.update(submission.command.asks)
            if submission.repeat is not None:
                keys.add((RECORD, submission.repeat.key))
        while True:
            try:
                head, known = await self._load(line, keys)
            except Switched:
                await self._learn(line)
                continue
            batch = Batch(self._rules, self.live.by_type, head, known, self._clock())
            for submission in submissions:
                for _ in batch.take(submission):
                    await self._pause(line, batch)
            if not known.missing:
                return batch
            keys |= known.missing

    async def _learn(self, line: Line) -> None:
        """Look which folds are live now."""
        (document,) = await line.trip(("live", ()))
        self.live = self._release.live(document or b"")
        self._loading = Loading(self.live)
        await line.prepare(self._loading.statements)

    async def _connected(self) -> Line:
        if self._line is None or self._line.closed:
            self._line = await self._connect()
            await self._learn(self._line)
        return self._line

    async def _disconnect(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    def _settle(self, submission: Submission, answer: Answer) -> None:
        submission.settle(answer)

    @abstractmethod
    async def _load(self, line: Line, keys: set[Key]) -> tuple[Head, Known]:
        """Load rows of one snapshot."""

    async def _pause(self, line: Line, batch: Batch) -> None:
        """Let other requests have their turn in the midst of a large batch."""
        await asyncio.sleep(0)

    @abstractmethod
    async def _finish(self, line: Line, batch: Batch) -> None:
        """Make what the batch decided come true."""

    @abstractmethod
    async def _was_written(self, line: Line, batch: Batch) -> bool:
        """Whether a batch whose commit went unanswered came true."""


Observe = Callable[[Gathering, int, float], None]
