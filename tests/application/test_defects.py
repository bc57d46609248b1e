"""Refusals and defects: what one command may not, or cannot, hurts no other of its batch."""

import asyncio
from dataclasses import dataclass
from typing import Any

from application.log.batch import DONE_AT_A_TIME
from application.log.connections import WRITER
from application.log.line import Call, Line
from application.log.loading import QUERIES
from application.log.submission import Reply, Submission
from domain.command import Change, Outcome
from domain.entity import ENTITY, Participated
from domain.fold import Fold
from domain.instants import Instant
from domain.known import Key, Known
from domain.refusals import InternalError, InvalidEventType, Refusal
from projections.at_hand import inline_projections
from projections.catalogue import INLINE
from tests.application.running import a_worker, as_owner, head_of, make_ready
from tests.builders import NOW, TENANT, a_participation, an_id
from tests.projections.some import projections_of


@dataclass
class Breaks:
    """A command with a defect in it."""

    id: str = ""
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[None]:
        raise ZeroDivisionError("a defect")


@dataclass
class Appends:
    """A command that appends any event to any stream."""

    stream: str
    event: Any
    id: str
    begins: bool = True
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[None]:
        return Outcome(None, (Change(self.stream, self.event, self.begins, TENANT),))


def chokes(state: Any, entry: Any) -> Any:
    if entry.data.kind == "signal.negative":
        raise ZeroDivisionError("a fold that refuses")
    return ENTITY.evolve(state, entry)


CHOKES = Fold(name="chokes", state=ENTITY.state, events=(Participated,), evolve=chokes)
"""A fold with a defect in it."""


class Garbles(Line):
    """A line that sends a parameter too many with every write."""

    async def trip(self, *calls: Call) -> list[bytes | None]:
        return await super().trip(
            *((name, (*sent, "") if name == "write" else sent) for name, sent in calls)
        )


def test_a_refusal_refuses_alone(log_url: str) -> None:
    async def story() -> Any:
        async with a_worker(log_url) as worker:
            return await worker.together(
                Submission(a_participation()),
                Submission(a_participation(kind="no.such_type")),
                Submission(a_participation()),
            )

    before = head_of(log_url)

    first, refused, last = asyncio.run(story())

    assert isinstance(refused, InvalidEventType)
    assert (first.position, last.position) == (before + 1, before + 2)
    assert head_of(log_url) == before + 2


def test_a_batch_in_which_all_are_refused_writes_nothing(log_url: str) -> None:
    async def story() -> Any:
        async with a_worker(log_url) as worker:
            return await worker.together(
                *(Submission(a_participation(kind="no.such_type")) for _ in range(3))
            )

    before = head_of(log_url)

    answers = asyncio.run(story())

    assert {type(answer) for answer in answers} == {InvalidEventType}
    assert head_of(log_url) == before


def test_a_command_that_breaks_hurts_no_other(log_url: str) -> None:
    async def story() -> Any:
        async with a_worker(log_url) as worker:
            return await worker.together(
                Submission(a_participation()), Submission(Breaks()), Submission(a_participation())
            )

    before = head_of(log_url)

    first, broken, last = asyncio.run(story())

    assert isinstance(broken, InternalError)
    assert [first.position, last.position] == [before + 1, before + 2]
    assert head_of(log_url) == before + 2


def test_a_command_that_breaks_in_a_large_group_hurts_no_other(log_url: str) -> None:
    async def story() -> Any:
        async with a_worker(log_url) as worker:
            whole = [Submission(a_participation()) for _ in range(DONE_AT_A_TIME)]
            return await worker.committer.answer_together([*whole, Submission(Breaks())])

    before = head_of(log_url)

    *whole, broken = asyncio.run(story())

    assert isinstance(broken, InternalError)
    assert [reply.position for reply in whole] == list(
        range(before + 1, before + DONE_AT_A_TIME + 1)
    )
    assert head_of(log_url) == before + DONE_AT_A_TIME


def test_an_event_that_cannot_be_folded_is_never_stored(empty_database_url: str) -> None:
    url = empty_database_url
    make_ready(url, inline_projections() | projections_of(CHOKES))

    async def story() -> Any:
        async with a_worker(url, folds=(*INLINE, CHOKES)) as worker:
            return await worker.together(
                Submission(a_participation("unfolded", kind="signal.negative")),
                Submission(a_participation("folded", kind="signal.negative")),
            )

    before, subjects = head_of(url), as_owner(url, "select count(*) from subject")

    answers = asyncio.run(story())

    assert {type(answer) for answer in answers} == {InternalError}
    assert head_of(url) == before
    assert as_owner(url, "select count(*) from subject") == subjects


def test_an_entry_that_is_too_large_is_not_stored_and_hurts_no_other(log_url: str) -> None:
    large = Participated(kind="x" * 66_000, occurred_at=NOW)

    async def story() -> Any:
        async with a_worker(log_url) as worker:
            return await worker.together(
                Submission(a_participation()),
                Submission(Appends(f"entity-{an_id()}", large, an_id())),
                Submission(a_participation()),
            )

    before = head_of(log_url)

    first, refused, last = asyncio.run(story())

    assert isinstance(refused, Refusal)
    assert [first.position, last.position] == [before + 1, before + 2]


def test_a_stream_is_not_begun_twice(log_url: str) -> None:
    stream = f"entity-{an_id()}"

    def begins() -> Submission:
        return Submission(Appends(stream, Participated(kind="a.b", occurred_at=NOW), an_id()))

    async def story() -> Any:
        async with a_worker(log_url) as worker:
            return await worker.together(begins()), await worker.together(begins())

    before = head_of(log_url)

    (first,), (second,) = asyncio.run(story())

    assert isinstance(first, Reply)
    assert isinstance(second, InternalError)
    assert head_of(log_url) == before + 1


def test_a_violation_of_the_protocol_is_a_defect_and_is_not_tried_again(log_url: str) -> None:
    async def garbling(url: str) -> Line:
        return await Garbles.open(url, WRITER, QUERIES)

    async def story() -> Any:
        async with a_worker(log_url, connect=garbling) as worker:
            (answer,) = await worker.together(Submission(a_participation()))
            return answer, worker.committer.tally

    before = head_of(log_url)

    answer, tally = asyncio.run(story())

    assert isinstance(answer, InternalError)
    assert (tally.reconnects, tally.failed_batches) == (0, 1)
    assert head_of(log_url) == before
