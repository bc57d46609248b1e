"""What the database refuses of the marketplace's money, whatever the code does.

Each test is a control: it breaks a guard of the code on purpose, and sees the database refuse.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from application.log.submission import Submission
from domain.command import Change, Command, Outcome
from domain.evaluation import EvaluateWork
from domain.events import Event
from domain.instants import Instant
from domain.job import Invoiced, PaidOut
from domain.known import Key, Known
from domain.ledger import Moved, moved
from domain.money import Money
from domain.refusals import InternalError, Refusal
from tests.application.running import Worker, a_worker, head_of, log_of
from tests.builders import a_participation, a_principal, an_id
from tests.marketplace import (
    AGENT,
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_member,
    an_acceptance,
    the_developer,
)

ACME = a_principal()


class Careless(msgspec.Struct, frozen=True):
    """A command that writes whatever it is told to, without a look at what is there."""

    id: str
    stream: str
    events: tuple[Event, ...]
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[None]:
        return Outcome(None, tuple(Change(self.stream, event) for event in self.events))


@pytest.fixture(scope="module")
def completed(log_url: str) -> int:
    """The number of a job that was approved, billed, invoiced and paid out."""

    async def story(worker: Worker) -> int:
        for member_id, role in ((CLIENT, "client"), (DEVELOPER, "developer")):
            await worker.do(a_member(member_id, role), ACME)  # type: ignore[arg-type]
        await worker.do(a_member(SUPERVISOR, "supervisor"), ACME)
        await worker.do(a_listing(), the_developer())
        job_id = int((await worker.do(a_job(), ACME)).job_id)
        for command in (an_acceptance(job_id), a_delivery(job_id), a_judgement(job_id)):
            await worker.do(command, ACME)
        return job_id

    return int(told(log_url, story))


def told(url: str, story: Callable[[Worker], Awaitable[Any]]) -> Any:
    """What a story tells."""

    async def run() -> Any:
        async with a_worker(url) as worker:
            return await story(worker)

    return asyncio.run(run())


def refused_by_the_database(url: str, job_id: int, *events: Event) -> str:
    """Write some events carelessly; what the database said, having kept nothing of it.

    What was in the same batch is written all the same.
    """
    before = head_of(url)

    async def story(worker: Worker) -> None:
        careless: Command[None] = Careless(an_id(), f"job-{job_id}", events)
        answers = await worker.together(
            Submission(careless, ACME), Submission(a_participation(), ACME)
        )
        assert isinstance(answers[0], InternalError)
        assert not isinstance(answers[1], Refusal)

    told(url, story)
    ((_, entry),) = log_of(url, before)
    return entry.type


def charge(minor: int = 250, item_ref: str = "all~1") -> Moved:
    """A charge of an item."""
    return moved(
        "CHARGE",
        Money(minor, "USD"),
        debit=(CLIENT, "unbilled"),
        credit=(DEVELOPER, "earned"),
        item_ref=item_ref,
    )


def lopsided() -> Moved:
    """An entry of the ledger that no code can make: it does not sum to zero."""
    entry = msgspec.structs.replace(charge(item_ref="another"))
    debit, credit = entry.postings
    wrong = (msgspec.structs.replace(debit, minor=251), credit)
    msgspec.structs.force_setattr(entry, "postings", wrong)
    return entry


@pytest.mark.parametrize(
    "event",
    [
        charge(),
        charge(minor=1),
        lopsided(),
        Invoiced(client_id=CLIENT, currency="USD", minor=1, units=1),
        PaidOut(developer_id=DEVELOPER, agent_id=AGENT, currency="USD", minor=1, units=1),
    ],
    ids=[
        "a second charge",
        "for another amount",
        "no zero sum",
        "a second invoice",
        "a second payout",
    ],
)
def test_what_must_not_be_is_not_stored_even_if_the_code_says_so(
    log_url: str, completed: int, event: Event
) -> None:
    assert refused_by_the_database(log_url, completed, event) == "entity.participated.v1"


def test_the_same_charge_twice_in_one_batch_is_not_stored_either(
    log_url: str, completed: int
) -> None:
    twice = charge(item_ref="fresh"), charge(item_ref="fresh")

    assert refused_by_the_database(log_url, completed, *twice) == "entity.participated.v1"


def test_a_charge_of_another_item_is_stored(log_url: str, completed: int) -> None:
    async def story(worker: Worker) -> None:
        await worker.do(Careless(an_id(), f"job-{completed}", (charge(item_ref="other"),)), ACME)

    told(log_url, story)

    (_, entry) = log_of(log_url)[-1]
    assert entry.data == charge(item_ref="other")


class JudgesAgain(EvaluateWork, frozen=True, kw_only=True):
    """An evaluation that takes what was judged for what awaits it."""

    def decide(self, known: Known, now: Instant) -> Outcome[Any]:
        for (kind, key), row in list(known.rows.items()):
            if kind == "item" and row.state is not None:
                known.rows[kind, key] = msgspec.structs.replace(
                    row, state=msgspec.structs.replace(row.state, status="DELIVERED")
                )
        return super().decide(known, now)


def test_an_evaluation_that_forgot_its_guard_bills_nobody_twice(log_url: str) -> None:
    async def story(worker: Worker) -> None:
        job_id = int((await worker.do(a_job(), ACME)).job_id)
        for command in (an_acceptance(job_id), a_delivery(job_id), a_judgement(job_id)):
            await worker.do(command, ACME)
        again = a_judgement(job_id)
        values = {name: getattr(again, name) for name in again.__struct_fields__}
        with pytest.raises(InternalError):
            await worker.do(JudgesAgain(**values), ACME)

    told(log_url, story)
