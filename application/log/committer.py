"""The committer: a batch is a transaction.

Two round trips. The first takes the log's lock and loads what the batch asks for; the second writes
everything and commits. Whatever is acknowledged was decided on the newest state, stands at its
place in the log, has been folded, and survives a crash.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from application.log.batch import Batch
from application.log.calls import BEGIN, COMMIT, LOCK, ROLLBACK
from application.log.gathering import Gathering
from application.log.line import Call, Line
from application.log.loading import Head
from application.log.submission import Answer, Repeat, Submission
from domain.known import Key, Known, Row
from domain.refusals import IdempotencyInProgress, Refusal

SETTLED_KEYS_AT_MOST = 10_000
OPENING: tuple[Call, ...] = (BEGIN, LOCK)


class Committer(Gathering):
    """Decides commands under the log's lock and writes what they do. One a process."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._in_flight: set[str] = set()
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._opening = OPENING
        self._loaded: dict[Key, Row] = {}
        """What was loaded since the lock was taken."""

    def submit(self, submission: Submission) -> None:
        """Queue a command.

        Raises IdempotencyInProgress for the rival of one whose key is on its way, and Unavailable
        when the queue is full. A key that is known to be settled is replayed to all who ask.
        """
        repeat = submission.repeat
        if repeat is None:
            super().submit(submission)
            return
        if self._is_on_its_way(repeat):
            raise IdempotencyInProgress
        super().submit(submission)
        self._in_flight.add(repeat.key)

    def submit_together(self, group: Sequence[Submission]) -> None:
        """Queue commands for one transaction. A rival is refused alone; a repeat of another in the
        group is none.
        """
        going: list[Submission] = []
        for submission in group:
            if submission.repeat is not None and self._is_on_its_way(submission.repeat):
                submission.settle(IdempotencyInProgress())
            else:
                going.append(submission)
        super().submit_together(going)
        self._in_flight.update(one.repeat.key for one in going if one.repeat is not None)

    def _is_on_its_way(self, repeat: Repeat) -> bool:
        return repeat.key in self._in_flight and repeat.key not in self._settled

    def _settle(self, submission: Submission, answer: Answer) -> None:
        if submission.repeat is not None:
            key = submission.repeat.key
            self._in_flight.discard(key)
            if not isinstance(answer, Refusal):
                self._settled[key] = None
                if len(self._settled) > SETTLED_KEYS_AT_MOST:
                    self._settled.popitem(last=False)
        super()._settle(submission, answer)

    async def _load(self, line: Line, keys: set[Key]) -> tuple[Head, Known]:
        if self._opening:
            self._loaded = {}
        # Nobody else writes meanwhile, so what was loaded is still so.
        keys = keys - self._loaded.keys()
        calls = self._loading.calls(keys)
        values = await line.trip(*self._opening, *calls)
        self._opening = ()
        # Before them come those of the opening, and of what was sent meanwhile.
        head, known = self._loading.read(values[-len(calls) :], keys)
        self._loaded |= known.rows
        # A batch adds to what it knows what it decides, which may be thrown away.
        known.rows = self._loaded.copy()
        return head, known

    async def _pause(self, line: Line, batch: Batch) -> None:
        """Have the database write meanwhile what is decided so far."""
        if not batch.known.missing:
            # It must go again if a row turns out to be missing after all.
            self._opening = (ROLLBACK, *OPENING)
            await line.send(*batch.calls())
        await super()._pause(line, batch)

    async def _finish(self, line: Line, batch: Batch) -> None:
        self._opening, self._loaded = OPENING, {}
        await line.trip(*batch.calls(), COMMIT)

    async def _was_written(self, line: Line, batch: Batch) -> bool:
        """Look for the batch's first entry, under the lock, so that its own commit is over."""
        place = ("entry_at", (str(batch.head.position + 1),))
        _, _, found, _ = await line.trip(BEGIN, LOCK, place, ROLLBACK)
        return found is not None and found.decode() == batch.first_id

    async def _disconnect(self) -> None:
        self._opening = OPENING
        await super()._disconnect()
