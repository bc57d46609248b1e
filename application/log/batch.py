"""A batch: what one transaction will write, worked out purely from what is known.

Each submission decides in turn and sees what those before it did. A refusal refuses alone.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from application.log.line import Call
from application.log.loading import RECORD, Head, KeptReply
from application.log.submission import Answer, Reply, Submission
from application.log.writing import Writing
from domain.command import Change, Outcome
from domain.events import Entry, encode
from domain.fold import SNAPSHOT_EVERY, AnyFold
from domain.instants import Instant
from domain.known import DOCUMENT, NO_ROW, SUBJECT, Known, Row, lacking
from domain.principal import identify
from domain.refusals import IdempotencyKeyReused, Refusal

DONE_AT_A_TIME = 128
"""So many entries, or questions, before other requests have their turn."""


class Rules(msgspec.Struct, frozen=True):
    """What every batch of a server works by.

    ``versions`` are the folds whose rows count a stream's entries, by category. With
    ``replay_mismatched`` a key reused with another body is replayed. Every ``snapshot_every``
    versions a row is kept as it is then.
    """

    versions: Mapping[str, AnyFold]
    new_id: Callable[[], str]
    replay_mismatched: bool = False
    snapshot_every: int = SNAPSHOT_EVERY


class Batch:
    """Collects entries, rows, subjects and kept replies, and an answer a submission.

    ``folds`` are the inline folds that are live, by event type.
    """

    def __init__(
        self,
        rules: Rules,
        folds: Mapping[str, Sequence[AnyFold]],
        head: Head,
        known: Known,
        now: Instant,
    ) -> None:
        self.rules, self.head, self.known = rules, head, known
        self._folds = folds
        self.now = now if head.recorded_at is None else max(now, head.recorded_at)
        self.answers: list[Answer] = []
        self.first_id: str | None = None
        self._writing = Writing(head.position)
        self._versions: dict[str, int] = {}
        self._done = 0

    def take(self, submission: Submission) -> Iterator[None]:
        """Let one more submission decide, and collect what it does and answers, with a pause
        whenever much was done.
        """
        yield from self._pauses()
        try:
            self.answers.append(self._replay(submission) or (yield from self._do(submission)))
        except Refusal as refusal:
            self.answers.append(refusal)
        except Exception:
            # What is missing was taken for absent, so what was decided does not count.
            if not self.known.missing:
                raise

    def _do(self, submission: Submission) -> Generator[None, None, Reply]:
        outcome = submission.command.decide(self.known, self.now)
        for number, change in enumerate(outcome.changes):
            if number:
                yield from self._pauses()
            entry_id = submission.command.id if number == 0 else self.rules.new_id()
            self._append(change, change.id or entry_id, submission)
        self._remember(outcome)
        body = submission.render(outcome.reply)
        status = submission.status
        if callable(status):
            status = status(outcome.reply)
        reply = Reply(status, body, self.known.position, outcome.reply)
        if submission.repeat is not None:
            key, fingerprint = submission.repeat.key, submission.repeat.fingerprint
            kept = KeptReply(reply.status, reply.body, fingerprint)
            self.known.rows[RECORD, key] = Row(0, reply.position, kept)
            self._writing.records.append((key, reply.position, fingerprint, kept.status, kept.body))
        return reply

    def _pauses(self) -> Iterator[None]:
        """A pause, if much was done since the last."""
        if self._done >= DONE_AT_A_TIME:
            self._done = 0
            yield
        self._done += 1

    def _replay(self, submission: Submission) -> Reply | None:
        """The kept reply of a repeat. Whoever asks is identified again if authority moved."""
        principal, repeat = submission.principal, submission.repeat
        if principal.lookup and principal.authority < self.known.authority:
            found = identify(principal.lookup, self.known, principal.beside)
            found.must(submission.permission, submission.event_type)
        if repeat is None:
            return None
        row = self.known.row(RECORD, repeat.key)
        kept: KeptReply | None = row.state
        if kept is None:
            return None
        mismatched = kept.fingerprint != repeat.fingerprint
        if mismatched and not self.rules.replay_mismatched:
            raise IdempotencyKeyReused
        return Reply(kept.status, kept.body, row.position, replayed=True, mismatched=mismatched)

    def _append(self, change: Change, entry_id: str, submission: Submission) -> None:
        known, event = self.known, change.event
        if known.lacks:
            # Any of its events might be one that they read.
            raise lacking(known.lacks)
        entry = Entry(
            id=entry_id,
            tenant=change.tenant or submission.principal.tenant or None,
            stream=change.stream,
            version=self._next_version(change),
            type=event.stored_name,
            recorded_at=self.now,
            principal=submission.principal.id,
            request_id=submission.request_id,
            data=event,
        )
        if known.missing:
            # Nothing of this batch will be written: it is only asked what else is missing.
            self._look_ahead(change, entry)
            return
        self.first_id = self.first_id or entry_id
        self._writing.entries.append(encode(entry))
        self._writing.envelopes.append(
            (entry.stream, entry.version, entry.type, entry.tenant, *event.beside())
        )
        known.position += 1
        if event.changes_authority:
            known.authority = known.position
            # Of all in a batch the last says enough.
            self._writing.authority = [known.position]
        for fold in self._folds.get(entry.type, ()):
            for key in fold.keys(entry):
                address = (fold.name, key)
                before = self._before(fold, key, change, entry)
                state = fold.evolve(before.state, entry)
                row = NO_ROW if state is None else Row(before.version + 1, known.position, state)
                known.rows[address] = self._writing.rows[address] = row
                if row.version and row.version % self.rules.snapshot_every == 0:
                    self._writing.keep(address, row)

    def _look_ahead(self, change: Change, entry: Entry) -> None:
        """Ask for the rows that an entry would change."""
        for fold in self._folds.get(entry.type, ()):
            for key in fold.keys(entry):
                self._before(fold, key, change, entry)

    def _before(self, fold: AnyFold, key: str, change: Change, entry: Entry) -> Row:
        """A row before an entry changes it. One that it begins or ends is not looked at."""
        address = (fold.name, key)
        is_new = change.begins and key == entry.aggregate_id
        if is_new or isinstance(entry.data, fold.ends):
            self.known.rows.setdefault(address, NO_ROW)
        return self.known.row(*address)

    def _next_version(self, change: Change) -> int:
        version = 0 if change.begins else self._versions.get(change.stream)
        if version is None:
            category, _, aggregate_id = change.stream.partition("-")
            version = self.known.row(self.rules.versions[category].name, aggregate_id).version
        self._versions[change.stream] = version + 1
        return version + 1

    def _remember(self, outcome: Outcome[Any]) -> None:
        for subject in outcome.subjects:
            self.known.rows[SUBJECT, subject.lookup] = Row(0, 0, subject.entity_id)
            self._writing.subjects.append(subject)
        for document in outcome.documents:
            self.known.rows[DOCUMENT, document.name] = Row(0, 0, document.content)
            self._writing.documents.append(document)
        if outcome.forgets is not None:
            self.known.rows[SUBJECT, outcome.forgets.lookup] = NO_ROW
            self._writing.forgotten.append(outcome.forgets.entity_id)
        if outcome.erases is not None:
            for kind, name in self.known.rows:
                if kind == DOCUMENT and name.startswith(f"{outcome.erases}/"):
                    self.known.rows[kind, name] = NO_ROW
            self._writing.erased.append(outcome.erases)

    def calls(self) -> list[Call]:
        """The statements that write what was decided since they were last asked for, in order."""
        writing, self._writing = self._writing, Writing(self.known.position)
        return writing.calls(self.now)
