"""Recorded decisions: anybody can compute them again from the log, and gets the same."""

import asyncio
from random import Random

import pytest

from application.log.recorder import Log
from application.log.submission import Submission
from domain.events import Entry
from domain.known import Known
from domain.policy import DEFAULT_ACTIONS, Decided
from domain.standing import standing_of
from projections.catalogue import INLINE
from projections.engine.tables import fold_log
from tests.application.running import Clock, a_worker
from tests.builders import a_participation, a_principal, an_erasure, an_evaluation

ACTIONS = sorted(DEFAULT_ACTIONS)


def decided_again(log: Log, entry: Entry) -> Decided:
    """A recorded decision, computed from nothing but the log up to the position that it saw."""
    recorded = entry.data
    assert isinstance(recorded, Decided)
    seen = recorded.seen_position
    known = Known(seen, rows=fold_log(log.entries(until=seen), INLINE))
    found = standing_of(recorded.entity_id, known, entry.recorded_at)
    question = an_evaluation(
        action=recorded.action, actor_type=recorded.actor_type, records=False
    )
    return question.weigh(recorded.entity_id, found, seen)


@pytest.mark.parametrize("seed", range(3))
def test_a_recorded_decision_computed_again_is_the_same(log_url: str, seed: int) -> None:
    chance, who = Random(seed), a_principal(f"decides-{seed}")
    clock = Clock(log_url)

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            for _ in range(12):
                clock.goes_on(days=chance.choice([0, 1, 8]))
                batch = [
                    chance.choice(
                        [
                            a_participation("alice", tenant=who.tenant),
                            a_participation("alice", tenant=who.tenant),
                            an_evaluation(
                                "alice", tenant=who.tenant, action=chance.choice(ACTIONS)
                            ),
                            an_evaluation(
                                "nobody", tenant=who.tenant, action=chance.choice(ACTIONS)
                            ),
                        ]
                    )
                    for _ in range(chance.randrange(1, 7))
                ]
                await worker.together(*(Submission(command, who) for command in batch))

    asyncio.run(story())

    with Log(log_url) as log:
        recorded = [entry for _, entry in log.entries() if isinstance(entry.data, Decided)]
        assert len(recorded) > 5
        assert len({entry.data.decision for entry in recorded if decision_of(entry)}) > 1
        for entry in recorded:
            assert decided_again(log, entry) == entry.data


def decision_of(entry: Entry) -> Decided:
    assert isinstance(entry.data, Decided)
    return entry.data


def test_a_decision_saw_the_position_just_before_its_own(log_url: str) -> None:
    who = a_principal("just-before")

    async def story() -> None:
        async with a_worker(log_url) as worker:
            for _ in range(3):
                await worker.together(
                    Submission(a_participation("alice", tenant=who.tenant), who),
                    Submission(an_evaluation("alice", tenant=who.tenant), who),
                    Submission(an_evaluation("alice", tenant=who.tenant), who),
                )

    asyncio.run(story())

    with Log(log_url) as log:
        for position, entry in log.entries():
            if isinstance(entry.data, Decided):
                assert entry.data.seen_position == position - 1


def test_a_decision_about_somebody_erased_since_is_computed_again_all_the_same(
    log_url: str,
) -> None:
    who = a_principal("erased-since")

    async def story() -> str:
        async with a_worker(log_url) as worker:
            for _ in range(10):
                await worker.do(a_participation("alice", tenant=who.tenant), who)
            given = await worker.do(an_evaluation("alice", tenant=who.tenant), who)
            await worker.do(an_erasure("alice", tenant=who.tenant), who)
            decision_id: str = given.id
            return decision_id

    decision_id = asyncio.run(story())

    with Log(log_url) as log:
        (entry,) = log.stream(f"decision-{decision_id}")
        assert decided_again(log, entry) == entry.data
        assert decision_of(entry).entity_id is not None
