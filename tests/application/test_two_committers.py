"""Two committers on one log, each with its own loop and connection: one order, no gap."""

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from threading import Barrier

from application.log.submission import Reply, Submission
from domain.entity import ENTITY
from tests.application.running import a_worker, as_owner, head_of, log_of, replies, row_of
from tests.builders import a_participation

ROUNDS, A_ROUND = 12, 10
PEOPLE = [f"shared {number}" for number in range(3)]


def work(url: str, together: Barrier) -> list[Reply]:
    """A worker's whole life: rounds of events for people that the other reports on too.

    Each waits for the other before each round.
    """

    async def story() -> list[Reply]:
        done: list[Reply] = []
        async with a_worker(url) as worker:
            for _ in range(ROUNDS):
                await asyncio.to_thread(together.wait)
                people = (PEOPLE[number % len(PEOPLE)] for number in range(A_ROUND))
                batch = [Submission(a_participation(person)) for person in people]
                done += replies(await worker.together(*batch))
        return done

    return asyncio.run(story())


def both_at_work(url: str) -> tuple[list[Reply], list[Reply]]:
    """What two workers did at the same time."""
    together = Barrier(2, timeout=30)
    with ThreadPoolExecutor(2) as pool:
        here, there = pool.map(work, [url, url], [together, together])
    return here, there


def test_two_committers_interleave_without_a_gap_or_a_version_twice(log_url: str) -> None:
    before = head_of(log_url)

    here, there = both_at_work(log_url)

    written = 2 * ROUNDS * A_ROUND
    entries = log_of(log_url, before)
    assert [position for position, _ in entries] == list(range(before + 1, before + written + 1))
    assert {reply.position for reply in here + there} == {position for position, _ in entries}
    by_stream = sorted(entries, key=lambda found: found[1].stream)
    for _, stream in groupby(by_stream, key=lambda found: found[1].stream):
        versions = [entry.version for _, entry in stream]
        assert versions == list(range(1, len(versions) + 1))
    times = [entry.recorded_at for _, entry in entries]
    assert times == sorted(times)


def test_two_committers_took_turns(log_url: str) -> None:
    here, there = both_at_work(log_url)

    mine, both = {reply.position for reply in here}, [reply.position for reply in here + there]
    turns = [position in mine for position in range(min(both), max(both) + 1)]
    assert sum(1 for _ in groupby(turns)) > ROUNDS


def test_a_person_met_by_both_at_once_is_one_entity_with_every_event_counted(
    log_url: str,
) -> None:
    here, there = both_at_work(log_url)

    counted = Counter(reply.value.entity_id for reply in here + there)
    assert len(counted) == len(PEOPLE)
    for entity_id in counted:
        found = row_of(log_url, ENTITY, entity_id)
        assert found is not None
        version, position, state = found
        (newest,) = as_owner(
            log_url,
            "select max(version), max(position) from log where stream = %s",
            f"entity-{entity_id}",
        )
        assert (version, position) == newest
        assert state.event_count == version
