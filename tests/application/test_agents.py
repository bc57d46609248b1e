"""Agents under the log's lock: ranges are loaded whole, and a batch sees what is done in it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from application.log.submission import Answer, Reply, Submission
from domain.agent import AGENT
from domain.command import Outcome
from domain.genealogy import GENEALOGY
from domain.instants import Instant
from domain.known import RANGE, Key, Known
from domain.refusals import (
    InvalidAgentState,
    ParentNotActive,
    Refusal,
    Unauthenticated,
)
from domain.registry import SuspendAgent
from domain.spawning import ApproveAgent
from tests.application.families import Family, a_family
from tests.application.running import (
    a_worker,
    as_owner,
    head_of,
    log_of,
    replies,
    row_of,
)
from tests.builders import (
    a_participation,
    a_spawn,
    a_turn,
)


@dataclass
class AsksWhoIsBelow:
    """A question for a range of the genealogy, which it asks for beforehand or while deciding."""

    prefix: str
    asks: tuple[Key, ...] = ()
    id: str = ""

    def decide(self, known: Known, now: Instant) -> Outcome[list[str]]:
        return Outcome([kin.agent_id for kin in known.within(GENEALOGY, self.prefix)])


def below(family: Family, *, beforehand: bool = False) -> AsksWhoIsBelow:
    prefix = f"{family.tenant}/{family.root}/"
    return AsksWhoIsBelow(prefix, ((GENEALOGY.name + RANGE, prefix),) if beforehand else ())


def in_one_batch(
    url: str, partner: str, *submissions: Callable[[Family], Submission]
) -> tuple[Family, list[Answer]]:
    """A family, and the answers to submissions about it that arrive together."""

    async def story() -> tuple[Family, list[Answer]]:
        async with a_worker(url) as worker:
            family = await a_family(worker, partner)
            return family, await worker.together(*(make(family) for make in submissions))

    return asyncio.run(story())


def statuses(url: str, *agent_ids: str) -> set[str]:
    found = [row_of(url, AGENT, agent_id) for agent_id in agent_ids]
    return {row[2].status for row in found if row is not None}


# Ranges


@pytest.mark.parametrize("beforehand", [False, True])
def test_a_range_is_loaded_with_all_its_rows_and_no_others(log_url: str, beforehand: bool) -> None:
    async def story() -> None:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            family = await a_family(here, f"range-{beforehand}")
            await a_family(here, f"another-range-{beforehand}")
            expected = [family.child, family.grandchild, family.sibling]
            question = below(family, beforehand=beforehand)
            for worker in (here, there):
                assert await worker.do(question) == await worker.ask(question) == expected

    asyncio.run(story())


def test_a_range_holds_what_those_before_it_in_the_batch_did(log_url: str) -> None:
    family, answers = in_one_batch(
        log_url,
        "range-in-batch",
        lambda family: Submission(below(family)),
        Family.spawn,
        lambda family: Submission(below(family)),
    )

    before, spawned, after = (reply.value for reply in replies(answers))
    assert before == [family.child, family.grandchild, family.sibling]
    assert set(after) == {*before, spawned.agent_id}


# One batch


def test_a_child_that_is_spawned_before_a_kill_in_its_batch_is_ended_with_it(log_url: str) -> None:
    family, answers = in_one_batch(log_url, "spawned-before", Family.spawn, Family.kill)

    spawned, killed = replies(answers)
    everybody = {family.root, family.child, family.sibling, family.grandchild}
    assert {one for one, _ in killed.value} == everybody | {spawned.value.agent_id}
    assert statuses(log_url, *everybody, spawned.value.agent_id) == {"REVOKED"}


def test_a_child_that_is_spawned_after_a_kill_in_its_batch_is_never_made(log_url: str) -> None:
    family, (killed, refused) = in_one_batch(log_url, "spawned-after", Family.kill, Family.spawn)

    assert isinstance(killed, Reply)
    assert isinstance(refused, ParentNotActive)
    assert statuses(log_url, family.root, family.child, family.grandchild) == {"REVOKED"}


def test_an_agents_own_key_is_nobodys_after_a_kill_in_its_batch(log_url: str) -> None:
    async def story() -> list[Answer]:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "own-key")
            child = await worker.access.authenticate(family.key)
            by_itself = Submission(a_spawn(family.child, tenant=family.tenant), child)
            return await worker.together(family.kill(), by_itself)

    _, refused = asyncio.run(story())

    assert isinstance(refused, Unauthenticated)


@pytest.mark.parametrize("kill_first", [False, True])
def test_who_is_approved_in_the_batch_of_a_kill_does_not_outlive_it(
    log_url: str, kill_first: bool
) -> None:
    async def story() -> tuple[Family, list[Answer]]:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, f"approved-{kill_first}", approval_from_depth=2)
            approval = a_turn(ApproveAgent, family.grandchild, tenant=family.tenant)
            both = [Submission(approval, family.who), family.kill()]
            return family, await worker.together(*(both[::-1] if kill_first else both))

    family, answers = asyncio.run(story())

    refused = [type(answer) for answer in answers if isinstance(answer, Refusal)]
    assert refused == ([InvalidAgentState] if kill_first else [])
    assert statuses(log_url, family.grandchild) == {"REVOKED"}


def test_a_second_kill_in_a_batch_writes_nothing(log_url: str) -> None:
    _, answers = in_one_batch(log_url, "second-kill", Family.kill, Family.kill)

    first, second = replies(answers)
    assert (len(first.value), second.value) == (4, ())
    assert head_of(log_url) == first.position == second.position


def test_a_kill_is_one_transaction_with_one_event_an_agent(log_url: str) -> None:
    _, answers = in_one_batch(log_url, "transaction", *[Family.spawn] * 5, Family.kill)

    killed = replies(answers)[-1]
    before = killed.position - 9
    entries = [entry for _, entry in log_of(log_url, before)]
    assert {entry.type for entry in entries} == {"agent.revoked.v1"}
    assert [entry.aggregate_id for entry in entries] == [one for one, _ in killed.value]
    assert len(as_owner(log_url, "select distinct xmin from log where position > %s", before)) == 1


def test_authority_moves_once_a_batch_to_the_last_change_in_it(log_url: str) -> None:
    async def story() -> tuple[int, list[Answer]]:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "authority")
            suspension = a_turn(SuspendAgent, family.child, tenant=family.tenant)
            return head_of(log_url), await worker.together(
                Submission(suspension, family.who),
                family.kill(),
                Submission(a_participation(tenant=family.tenant), family.who),
            )

    before, answers = asyncio.run(story())

    _, killed, reported = replies(answers)
    moved = as_owner(log_url, "select position from authority where position > %s", before)
    assert moved == [(killed.position,)]
    assert reported.position == killed.position + 1
