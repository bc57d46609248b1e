"""The committer: a batch is a transaction, and what is acknowledged is stored, folded, in order."""

import asyncio
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from application.log.connections import WRITER
from application.log.line import Call, Line
from application.log.loading import QUERIES
from application.log.submission import Answer, Reply, Submission
from domain.command import Command, Outcome
from domain.credential import CREDENTIAL
from domain.entity import ENTITY, Participated
from domain.events import encode
from domain.instants import Instant
from domain.known import Key, Known
from domain.partner import PARTNER
from domain.refusals import Unavailable
from domain.registry import RevokeAgent
from tests.application.running import (
    a_worker,
    as_owner,
    head_of,
    log_of,
    notifications,
    replies,
    row_of,
    the_lock_held,
)
from tests.builders import (
    a_key_added,
    a_key_deleted,
    a_participation,
    a_principal,
    a_turn,
    an_agent,
    an_agents_key,
    an_approval,
    an_evaluation,
    an_issued_key,
)


@dataclass
class AsksAlong:
    """A question whose second row is known only from its first."""

    partner_id: str
    id: str = ""
    asks: tuple[Key, ...] = ()

    def decide(self, known: Known, now: Instant) -> Outcome[str]:
        partner = known.get(PARTNER, self.partner_id)
        held = [known.get(CREDENTIAL, held.key.lookup) for held in partner.keys] if partner else []
        return Outcome(",".join(credential.key_id for credential in held if credential))


class Remembers(Line):
    """A line that remembers of which folds rows were loaded."""

    loads: ClassVar[list[list[str]]] = []

    async def trip(self, *calls: Call) -> list[bytes | None]:
        if "load" in dict(calls):
            folds = [str(parameters[0]) for name, parameters in calls if name in ("rows", "range")]
            Remembers.loads.append(sorted(folds))
        return await super().trip(*calls)


def loaded_for(url: str, *commands: Command[Any]) -> list[list[str]]:
    """The folds of the rows that each load asked for, while commands were done in turn."""

    def connect(url: str) -> Awaitable[Line]:
        return Remembers.open(url, WRITER, QUERIES)

    async def story() -> None:
        async with a_worker(url, connect=connect) as worker:
            for command in commands:
                await worker.do(command, a_principal("acme"))

    Remembers.loads.clear()
    asyncio.run(story())
    return list(Remembers.loads)


def test_positions_are_dense_in_the_order_of_arrival(log_url: str) -> None:
    async def story() -> list[int]:
        async with a_worker(log_url) as worker:
            answers = await worker.together(
                *(Submission(a_participation(f"dense {number}")) for number in range(300))
            )
            return [reply.position for reply in replies(answers)]

    before = head_of(log_url)

    positions = asyncio.run(story())

    assert positions == list(range(before + 1, before + 301))
    assert [position for position, _ in log_of(log_url, before)] == positions


def test_what_arrives_together_is_one_transaction(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.together(*(Submission(a_participation()) for _ in range(20)))

    before = head_of(log_url)

    asyncio.run(story())

    transactions = as_owner(log_url, "select xmin from log where position > %s", before)
    assert len(transactions) == 20
    assert len(set(transactions)) == 1


def test_a_batch_gives_one_notification(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.together(*(Submission(a_participation()) for _ in range(20)))

    assert notifications(log_url, lambda: asyncio.run(story())) == 1


def test_a_command_sees_what_those_before_it_in_its_batch_did(log_url: str) -> None:
    async def story() -> list[Reply]:
        async with a_worker(log_url) as worker:
            first, second = a_participation("newcomer"), a_participation("newcomer")
            return replies(
                await worker.together(
                    Submission(first), Submission(second), Submission(an_evaluation("newcomer"))
                )
            )

    first, second, judged = asyncio.run(story())

    assert first.value.entity_id == second.value.entity_id == judged.value.event.entity_id
    assert judged.value.found.signals.event_count == 2
    assert judged.value.event.seen_position == second.position


def test_an_entry_says_who_did_what_under_which_request(log_url: str) -> None:
    command, acme = a_participation(), a_principal("acme")

    async def story() -> Reply:
        async with a_worker(log_url, clock=lambda: "2999-01-01T00:00:00.000Z") as worker:
            return await worker.committer.answer(Submission(command, acme, "request-7"))

    reply = asyncio.run(story())

    ((position, entry),) = log_of(log_url, reply.position - 1)
    assert position == reply.position
    assert (entry.id, entry.tenant, entry.principal) == (command.id, acme.tenant, acme.id)
    assert (entry.request_id, entry.recorded_at) == ("request-7", "2999-01-01T00:00:00.000Z")
    assert entry.data == reply.value.event


def test_the_log_holds_the_exact_bytes_of_an_entry(log_url: str) -> None:
    name = 'Ünïcödé "quotes" \\ and / 株式会社 \U0001f600'

    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("exact", name=name))

    before = head_of(log_url)
    asyncio.run(story())

    stored = as_owner(
        log_url,
        "select convert_to(entry::text, 'UTF8') from log where position > %s order by position",
        before,
    )
    assert [bytes(entry) for (entry,) in stored] == [
        encode(entry) for _, entry in log_of(log_url, before)
    ]
    assert name.encode()[:10] in stored[0][0]


def test_the_columns_beside_an_entry_are_copies_of_it(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation(kind="gig.started"), a_principal("acme"))
            await worker.do(an_approval("columns"))
            await worker.do(an_evaluation(), a_principal("acme"))

    before = head_of(log_url)
    asyncio.run(story())

    columns = as_owner(
        log_url,
        "select stream, version, type, tenant,"
        " to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'), kind"
        " from log where position > %s order by position",
        before,
    )
    assert columns == [
        (
            entry.stream,
            entry.version,
            entry.type,
            entry.tenant,
            entry.recorded_at,
            entry.data.kind if isinstance(entry.data, Participated) else None,
        )
        for _, entry in log_of(log_url, before)
    ]


def test_a_row_counts_its_stream_and_tells_its_last_position(log_url: str) -> None:
    async def story() -> Reply:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation("counted"))
            await worker.do(a_participation("somebody else"))
            return await worker.committer.answer(Submission(a_participation("counted")))

    reply = asyncio.run(story())

    found = row_of(log_url, ENTITY, reply.value.entity_id)
    assert found is not None
    version, position, state = found
    assert (version, position, state.event_count) == (2, reply.position, 2)


def test_a_row_that_its_fold_lets_go_is_deleted(log_url: str) -> None:
    first, second = an_issued_key("first of gone"), an_issued_key("second of gone")

    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("gone", key=first))
            await worker.do(a_key_added(second, "gone"), a_principal("gone"))
            await worker.do(a_key_deleted(first, "gone"), a_principal("gone"))

    asyncio.run(story())

    assert row_of(log_url, CREDENTIAL, first.lookup) is None
    assert row_of(log_url, CREDENTIAL, second.lookup) is not None


def test_rows_that_a_command_did_not_foresee_are_loaded(log_url: str) -> None:
    key = an_issued_key("key of unforeseen")

    async def story() -> str:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("unforeseen", key=key))
            found: str = await worker.do(AsksAlong("unforeseen"))
            return found

    assert asyncio.run(story()) == key.key_id


def test_what_was_loaded_under_the_lock_is_not_loaded_again(log_url: str) -> None:
    foreseen = AsksAlong("again", asks=((PARTNER.name, "again"),))

    *_, first, second = loaded_for(log_url, an_approval("again"), foreseen)

    assert (first, second) == ([PARTNER.name], [CREDENTIAL.name])


def test_what_is_decided_again_because_rows_were_missing_counts_once(log_url: str) -> None:
    async def story() -> Reply:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("counted-once"))
            event, question = a_participation("counted once"), AsksAlong("counted-once")
            reply, _ = replies(await worker.together(Submission(event), Submission(question)))
            return reply

    reply = asyncio.run(story())

    found = row_of(log_url, ENTITY, reply.value.entity_id)
    assert found is not None
    assert found[2].event_count == 1


def test_a_row_that_an_event_ends_is_deleted_without_being_looked_at(log_url: str) -> None:
    agent = an_agent()
    key = an_agents_key(agent.id)

    *_, loaded = loaded_for(log_url, agent, a_turn(RevokeAgent, agent.id))

    assert CREDENTIAL.name not in loaded
    assert row_of(log_url, CREDENTIAL, key.lookup) is None


# Time


def test_recorded_time_never_goes_back_along_the_log(log_url: str) -> None:
    times = ["3000-01-01T00:00:05.000Z", "3000-01-01T00:00:03.000Z", "3000-01-01T00:00:06.000Z"]

    def clock_of(moments: Iterator[str]) -> Any:
        return lambda: next(moments)

    async def story() -> None:
        for moment in times:
            async with a_worker(log_url, clock=clock_of(iter([moment] * 3))) as worker:
                await worker.do(a_participation())

    before = head_of(log_url)
    asyncio.run(story())

    assert [entry.recorded_at for _, entry in log_of(log_url, before)] == [
        "3000-01-01T00:00:05.000Z",
        "3000-01-01T00:00:05.000Z",
        "3000-01-01T00:00:06.000Z",
    ]


# Waiting and leaving


def test_a_queue_that_is_full_refuses_at_once(log_url: str) -> None:
    async def story() -> list[bool]:
        async with a_worker(log_url, limit=3) as worker:
            taken = [worker.submit(Submission(a_participation())) for _ in range(3)]
            with pytest.raises(Unavailable, match="too many requests"):
                worker.submit(Submission(a_participation()))
            answers = await asyncio.gather(*taken)
            await worker.do(a_participation())
            return [isinstance(answer, Reply) for answer in answers]

    assert asyncio.run(story()) == [True] * 3


def test_a_caller_who_has_gone_away_hurts_no_other(log_url: str) -> None:
    async def story() -> Any:
        async with a_worker(log_url) as worker:
            gone = worker.submit(Submission(a_participation()))
            stays = worker.submit(Submission(a_participation()))
            gone.cancel()
            return await stays

    before = head_of(log_url)

    assert isinstance(asyncio.run(story()), Reply)
    assert head_of(log_url) == before + 2


def test_whoever_still_waits_when_the_server_stops_is_told(log_url: str) -> None:
    async def story() -> Answer:
        with the_lock_held(log_url):
            async with a_worker(log_url) as worker:
                worker.submit(Submission(a_participation()))
                await asyncio.sleep(0.1)
                waiting = worker.submit(Submission(a_participation()))
            return await asyncio.wait_for(waiting, 2)

    assert isinstance(asyncio.run(story()), Unavailable)


def test_whoever_is_in_a_batch_when_the_server_stops_is_told(log_url: str) -> None:
    async def story() -> Answer:
        with the_lock_held(log_url):
            async with a_worker(log_url) as worker:
                in_batch = worker.submit(Submission(a_participation()))
                await asyncio.sleep(0.1)
            return await asyncio.wait_for(in_batch, 2)

    assert isinstance(asyncio.run(story()), Unavailable)
