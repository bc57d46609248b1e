"""The replay engine: any question, answered as the log stood."""

import asyncio
from random import Random
from typing import Any

import msgspec
import pytest

from application.log.submission import Submission
from domain.command import Command
from domain.instants import Instant, shifted
from domain.partner import Partner
from domain.policy import Recommendation
from domain.refusals import NotFound, Refusal, Unauthenticated, UnknownAction, UnknownPosition
from projections.catalogue import INLINE
from projections.engine.replay import Replay
from projections.partners import AskPartner
from projections.standing import AskStanding, Resolution
from tests.application.running import Clock, Worker, a_worker, head_of
from tests.builders import (
    a_claim,
    a_contest,
    a_key_added,
    a_key_deleted,
    a_lookup,
    a_participation,
    a_principal,
    an_approval,
    an_erasure,
    an_evaluation,
    an_issued_key,
)

PEOPLE = ("alice", "bob")
REPLAY = Replay(INLINE)


def questions_of(partner: str) -> list[Command[Any]]:
    """All that can be asked of the past."""
    tenant = a_principal(partner).tenant
    return [
        *(AskStanding(a_lookup(person, tenant)) for person in PEOPLE),
        *(
            an_evaluation(person, tenant=tenant, action=action, records=False)
            for person in PEOPLE
            for action in ("payout.request", "data.export_pii", "no.such_action")
        ),
        AskPartner(partner),
    ]


async def told(asking: Any) -> object:
    """An answer that can be compared, be it a reply or a refusal.

    It is compared without the entity's id: who a person is, is always looked up as it is now.
    """
    try:
        reply = await asking
    except Refusal as refusal:
        return refusal.code
    replace = msgspec.structs.replace
    if isinstance(reply, Resolution | Recommendation):
        reply = replace(reply, found=replace(reply.found, entity_id=None))
    if isinstance(reply, Recommendation):
        reply = replace(reply, event=replace(reply.event, entity_id=None))
    return reply


async def something_happens(worker: Worker, partner: str, chance: Random) -> bool:
    """Something or other; False when all of it was refused."""
    tenant, principal = a_principal(partner).tenant, a_principal(partner)
    keys = [an_issued_key(f"{partner} {number}") for number in range(3)]
    person = chance.choice(PEOPLE)
    now = worker.clock()
    happening: list[Command[Any]] = chance.choice(
        [
            [a_participation(person, tenant=tenant) for _ in range(chance.randrange(1, 12))],
            [
                a_participation(
                    person,
                    tenant=tenant,
                    occurred_at=shifted(now, days=-chance.randrange(100)),
                    backfill=True,
                )
            ],
            [an_evaluation(person, tenant=tenant)],
            [a_key_added(chance.choice(keys), partner)],
            [a_key_deleted(chance.choice(keys), partner)],
        ]
    )
    before = worker.committer.head.position
    await worker.together(*(Submission(command, principal) for command in happening))
    return worker.committer.head.position > before


@pytest.mark.parametrize("seed", range(5))
def test_a_question_about_the_past_is_answered_as_it_was_answered_then(
    log_url: str, seed: int
) -> None:
    chance, clock, partner = Random(seed), Clock(log_url), f"then-{seed}"

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            fetch = worker.across_for(a_principal(partner))
            questions = questions_of(partner)
            answered: dict[int, list[object]] = {}
            await worker.do(an_approval(partner))
            for _ in range(12):
                clock.goes_on(days=chance.choice([0, 0, 1, 20]))
                if await something_happens(worker, partner, chance):
                    answered[worker.committer.head.position] = [
                        await told(worker.ask(question)) for question in questions
                    ]
            for position, then in answered.items():
                again = [await told(REPLAY.ask(one, str(position), fetch)) for one in questions]
                assert again == then, f"at position {position}"

    asyncio.run(story())


def test_every_position_within_a_batch_has_its_own_past(log_url: str) -> None:
    async def story() -> list[int]:
        async with a_worker(log_url) as worker:
            who = a_principal("within")
            lookup = a_lookup("alice", who.tenant)
            batch = (a_participation("alice", tenant=who.tenant) for _ in range(5))
            await worker.together(*(Submission(command, who) for command in batch))
            head = worker.committer.head.position
            pasts = [
                await REPLAY.ask(AskStanding(lookup), str(position), worker.across_for(who))
                for position in range(head - 5, head + 1)
            ]
            return [found.found.own.signals.event_count for found in pasts]

    asyncio.run(first_entry(log_url))

    assert asyncio.run(story()) == [0, 1, 2, 3, 4, 5]


async def first_entry(url: str) -> None:
    """Something to stand before what a test does."""
    async with a_worker(url) as worker:
        await worker.do(a_participation("somebody else"), a_principal("elsewhere"))


async def as_of(worker: Worker, partner: str, moment: str, person: str = "alice") -> Resolution:
    who = a_principal(partner)
    found: Resolution = await REPLAY.ask(
        AskStanding(a_lookup(person, who.tenant)), moment, worker.across_for(who)
    )
    return found


@pytest.mark.parametrize("at_a_time", [2, 3, 7])
def test_a_row_is_the_same_in_slices_of_any_size(log_url: str, at_a_time: int) -> None:
    partner = f"slices-{at_a_time}"
    in_slices = Replay(INLINE, at_a_time)

    async def story() -> None:
        async with a_worker(log_url) as worker:
            who = a_principal(partner)
            filed = [a_claim("alice", tenant=who.tenant) for _ in range(4)]
            for claim in filed:
                await worker.do(claim, who)
                await worker.do(a_participation("alice", tenant=who.tenant), who)
            await worker.do(a_contest(filed[0].id, tenant=who.tenant), who)
            await worker.do(a_contest(filed[3].id, tenant=who.tenant), who)
            await worker.do(a_participation("bob", tenant=who.tenant), who)
            head, fetch = worker.committer.head, worker.across_for(who)
            for position in range(head.position - 11, head.position + 1):
                for question in questions_of(partner):
                    whole = await told(REPLAY.ask(question, str(position), fetch))
                    assert await told(in_slices.ask(question, str(position), fetch)) == whole

    asyncio.run(story())


# By time


def test_a_time_is_the_last_position_that_was_recorded_by_then(log_url: str) -> None:
    clock = Clock(log_url)

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            who = a_principal("by-time")
            recorded: list[Instant] = []
            for _ in range(4):
                recorded.append(clock.goes_on(days=1))
                await worker.do(a_participation("alice", tenant=who.tenant), who)
            for number, moment in enumerate(recorded):
                exactly = await as_of(worker, "by-time", moment)
                before = await as_of(worker, "by-time", shifted(moment, minutes=-1))
                after = await as_of(worker, "by-time", shifted(moment, minutes=1))
                assert exactly == after
                assert exactly.found.own.signals.event_count == number + 1
                assert before.found.own.signals.event_count == number

    asyncio.run(story())


def test_several_entries_of_one_moment_are_all_seen_at_it(log_url: str) -> None:
    clock = Clock(log_url)
    clock.goes_on(days=1)

    async def story() -> Resolution:
        async with a_worker(log_url, clock=clock) as worker:
            who = a_principal("one-moment")
            for _ in range(3):
                await worker.do(a_participation("alice", tenant=who.tenant), who)
            return await as_of(worker, "one-moment", clock.now)

    assert asyncio.run(story()).found.own.signals.event_count == 3


def test_now_is_the_recorded_time_of_the_entry_and_not_the_time_that_was_asked(
    log_url: str,
) -> None:
    clock = Clock(log_url)

    async def story() -> tuple[Resolution, Resolution]:
        async with a_worker(log_url, clock=clock) as worker:
            who = a_principal("entrys-now")
            events = (a_participation("alice", tenant=who.tenant) for _ in range(10))
            await worker.together(*(Submission(command, who) for command in events))
            later = await as_of(worker, "entrys-now", shifted(clock.now, days=14))
            clock.goes_on(days=14)
            await worker.do(a_participation("somebody else"), a_principal("elsewhere"))
            return later, await as_of(worker, "entrys-now", clock.now)

    before, after = asyncio.run(story())

    assert (before.found.tier, after.found.tier) == (0, 1)


def test_a_time_in_another_zone_is_the_same_moment(log_url: str) -> None:
    async def story() -> tuple[Resolution, Resolution]:
        async with a_worker(log_url) as worker:
            who = a_principal("zones")
            await worker.do(a_participation("alice", tenant=who.tenant), who)
            return (
                await as_of(worker, "zones", "9000-06-01T12:00:00Z"),
                await as_of(worker, "zones", "9000-06-01T14:00:00.000+02:00"),
            )

    one, other = asyncio.run(story())

    assert one == other
    assert one.position == head_of(log_url)


# No such past


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "0",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "٣",
        "999999999",
        "999999999999999999",
        "9999999999999999999",
        "yesterday",
        "2026-11-22",
        "2026-11-22T08:00:00",
        "1999-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
    ],
)
def test_what_is_no_place_in_the_log_is_refused(log_url: str, moment: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(a_participation(), a_principal("acme"))
            with pytest.raises(UnknownPosition):
                await as_of(worker, "acme", moment)

    asyncio.run(story())


def test_a_refusal_of_the_question_is_the_answer_then_too(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            who = a_principal("refused")
            await worker.do(a_participation("alice", tenant=who.tenant), who)
            fetch, head = worker.across_for(who), str(worker.committer.head.position)
            with pytest.raises(UnknownAction):
                await REPLAY.ask(
                    an_evaluation(tenant=who.tenant, action="no.such", records=False), head, fetch
                )
            with pytest.raises(NotFound):
                await REPLAY.ask(AskStanding(a_lookup("nobody"), must_exist=True), head, fetch)

    asyncio.run(story())


# Erased people and deleted keys


def test_somebody_erased_since_is_nobody_then_as_well(log_url: str) -> None:
    async def story() -> tuple[Resolution, Resolution]:
        async with a_worker(log_url) as worker:
            who = a_principal("erased")
            await worker.do(a_participation("alice", tenant=who.tenant), who)
            position = str(worker.committer.head.position)
            before = await as_of(worker, "erased", position)
            await worker.do(an_erasure("alice", tenant=who.tenant), who)
            return before, await as_of(worker, "erased", position)

    before, after = asyncio.run(story())

    assert before.found.entity_id is not None
    assert after.found.entity_id is None
    assert after.found.own.signals.event_count == 0


def test_whoever_shows_a_deleted_key_gets_no_past(log_url: str) -> None:
    key, spare = an_issued_key("key of past"), an_issued_key("spare of past")

    async def story() -> None:
        async with a_worker(log_url) as worker:
            await worker.do(an_approval("past", key=key))
            await worker.do(a_key_added(spare, "past"))
            await worker.do(a_key_deleted(key, "past"))
            with pytest.raises(Unauthenticated):
                await REPLAY.ask(
                    AskPartner("past"), "1", worker.across_for(a_principal("past", key=key))
                )

    asyncio.run(story())


def test_a_partner_is_seen_with_the_keys_it_held_then(log_url: str) -> None:
    spare = an_issued_key("spare of held")

    async def story() -> tuple[Partner, Partner]:
        async with a_worker(log_url) as worker:
            who = a_principal("held")
            await worker.do(an_approval("held"))
            then = str(worker.committer.head.position)
            await worker.do(a_key_added(spare, "held"), who)
            now = str(worker.committer.head.position)
            fetch = worker.across_for(who)
            return (
                await REPLAY.ask(AskPartner("held"), then, fetch),
                await REPLAY.ask(AskPartner("held"), now, fetch),
            )

    then, now = asyncio.run(story())

    assert [held.key for held in now.keys] == [*(held.key for held in then.keys), spare]
