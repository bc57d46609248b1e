"""A batch: what one transaction will write, worked out purely from what is known.

Each submission decides in turn and sees what those before it did. A refusal refuses alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from application.log.arrays import digests, documents, integers, texts
from application.log.line import Call
from application.log.loading import RECORD, Head, KeptReply
from application.log.submission import Answer, Reply, Submission
from domain.command import Change, Outcome, Subject
from domain.events import Entry, encode
from domain.fold import AnyFold
from domain.instants import Instant
from domain.known import NO_ROW, SUBJECT, Key, Known, Row
from domain.principal import identify
from domain.refusals import IdempotencyKeyReused, Refusal

_encode = msgspec.json.Encoder().encode


class Rules(msgspec.Struct, frozen=True):
    """What every batch of a server works by.

    ``folds`` are the inline folds by event type; ``versions`` the fold whose row counts a stream's
    entries, by category. With ``replay_mismatched`` a key reused with another body is replayed.
    """

    folds: Mapping[str, Sequence[AnyFold]]
    versions: Mapping[str, AnyFold]
    new_id: Callable[[], str]
    replay_mismatched: bool = False


class Batch:
    """Collects entries, rows, subjects and kept replies, and an answer a submission."""

    def __init__(self, rules: Rules, head: Head, known: Known, now: Instant) -> None:
        self.rules, self.head, self.known = rules, head, known
        self.now = now if head.recorded_at is None else max(now, head.recorded_at)
        self.answers: list[Answer] = []
        self.entries: list[bytes] = []
        self.first_id: str | None = None
        self._envelopes: list[tuple[Any, ...]] = []
        self._forgotten: list[str] = []
        self._rows: dict[Key, Row] = {}
        self._versions: dict[str, int] = {}
        self._subjects: list[Subject] = []
        self._documents: list[Any] = []
        self._records: list[tuple[Any, ...]] = []
        self._authority: list[int] = []

    def take(self, submission: Submission) -> None:
        """Let one more submission decide, and collect what it does and answers."""
        try:
            self.answers.append(self._replay(submission) or self._do(submission))
        except Refusal as refusal:
            self.answers.append(refusal)
        except Exception:
            # What is missing was taken for absent, so what was decided does not count.
            if not self.known.missing:
                raise

    def _do(self, submission: Submission) -> Reply:
        outcome = submission.command.decide(self.known, self.now)
        for number, change in enumerate(outcome.changes):
            entry_id = submission.command.id if number == 0 else self.rules.new_id()
            self._append(change, change.id or entry_id, submission)
        self._remember(outcome)
        body = submission.render(outcome.reply)
        reply = Reply(submission.status, body, self.known.position, outcome.reply)
        if submission.repeat is not None:
            key, fingerprint = submission.repeat.key, submission.repeat.fingerprint
            kept = KeptReply(reply.status, reply.body, fingerprint)
            self.known.rows[RECORD, key] = Row(0, reply.position, kept)
            self._records.append((key, reply.position, fingerprint, kept.status, kept.body))
        return reply

    def _replay(self, submission: Submission) -> Reply | None:
        """The kept reply of a repeat. Whoever asks is identified again if authority moved."""
        principal, repeat = submission.principal, submission.repeat
        if principal.lookup and principal.authority < self.known.authority:
            identify(principal.lookup, self.known).must(submission.permission)
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
        self.first_id = self.first_id or entry_id
        self.entries.append(encode(entry))
        self._envelopes.append(
            (entry.stream, entry.version, entry.type, entry.tenant, *event.beside())
        )
        known.position += 1
        if event.changes_authority:
            known.authority = known.position
            self._authority.append(known.position)
        for fold in self.rules.folds.get(entry.type, ()):
            for key in fold.keys(entry):
                address = (fold.name, key)
                if change.begins and key == entry.aggregate_id:
                    known.rows.setdefault(address, NO_ROW)
                before = known.row(*address)
                state = fold.evolve(before.state, entry)
                row = NO_ROW if state is None else Row(before.version + 1, known.position, state)
                known.rows[address] = self._rows[address] = row

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
            self._subjects.append(subject)
        self._documents += outcome.documents
        if outcome.forgets is not None:
            self.known.rows[SUBJECT, outcome.forgets.lookup] = NO_ROW
            self._forgotten.append(outcome.forgets.entity_id)

    def calls(self) -> list[Call]:
        """The statements that write it, in order."""
        rows = [
            (fold, key, row.version, row.position, _encode(row.state))
            for (fold, key), row in self._rows.items()
            if row.state is not None
        ]
        dropped = [
            {"fold": fold, "key": key}
            for (fold, key), row in self._rows.items()
            if row.state is None
        ]
        streams, versions, types, tenants, kinds, abouts, actions = columns(self._envelopes, 7)
        folds, keys, row_versions, row_positions, states = columns(rows, 5)
        record_keys, record_positions, fingerprints, statuses, bodies = columns(self._records, 5)
        write: Call = (
            "write",
            (
                str(self.head.position),
                self.now,
                texts(streams),
                integers(versions),
                texts(types),
                texts(tenants),
                texts(kinds),
                texts(abouts),
                texts(actions),
                documents(self.entries),
                texts(folds),
                texts(keys),
                integers(row_versions),
                integers(row_positions),
                documents(states),
                digests([subject.lookup for subject in self._subjects]),
                texts([subject.entity_id for subject in self._subjects]),
                digests(record_keys),
                integers(record_positions),
                digests(fingerprints),
                integers(statuses),
                texts(bodies),
                integers(self._authority),
            ),
        )
        calls = [write]
        if self._documents:
            calls.append(("file", (_encode(self._documents),)))
        if dropped:
            calls.append(("drop_rows", (_encode(dropped),)))
        if self._forgotten:
            calls.append(("forget", (_encode(self._forgotten),)))
        return calls


def columns(rows: Sequence[tuple[Any, ...]], count: int) -> Sequence[tuple[Any, ...]]:
    """The columns of rows, as many as they are even where there is no row."""
    return list(zip(*rows, strict=True)) or [()] * count
