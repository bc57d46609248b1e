"""Agents that were stopped or narrowed since they were identified: they write nothing."""

import asyncio
from collections.abc import Callable

import pytest

from application.log.submission import Answer, Reply, Submission
from domain.command import Command
from domain.principal import Principal
from domain.refusals import (
    AgentEventTypeNotAllowed,
    AgentSuspended,
    AncestorSuspended,
    Forbidden,
    Refusal,
    Unauthenticated,
)
from domain.registry import RevokeAgent, SuspendAgent
from tests.application.families import Family, a_family
from tests.application.running import a_worker, head_of
from tests.builders import (
    a_change_of_rights,
    a_kill,
    a_participation,
    a_rotation,
    a_turn,
    an_id,
    an_issued_key,
)

Stops = Callable[[Family], Command[object]]


def suspended(family: Family) -> Command[object]:
    return a_turn(SuspendAgent, family.child, tenant=family.tenant)


def below_a_suspended_one(family: Family) -> Command[object]:
    return a_turn(SuspendAgent, family.root, tenant=family.tenant)


def revoked(family: Family) -> Command[object]:
    return a_turn(RevokeAgent, family.child, tenant=family.tenant)


def given_another_key(family: Family) -> Command[object]:
    return a_rotation(family.child, an_issued_key(an_id()), tenant=family.tenant)


def killed_with_its_root(family: Family) -> Command[object]:
    return a_kill(family.root, tenant=family.tenant)


def only_reading(family: Family) -> Command[object]:
    return a_change_of_rights(family.root, tenant=family.tenant, preset="reader")


def reporting_something_else(family: Family) -> Command[object]:
    return a_change_of_rights(family.root, tenant=family.tenant, allowed=("gig.started",))


def report(family: Family, principal: Principal) -> Submission:
    """An event that an agent of the family may report."""
    return Submission(
        a_participation(tenant=family.tenant, kind="gig.completed"),
        principal,
        permission="events:write",
        event_type="gig.completed",
    )


@pytest.mark.parametrize(
    ("becomes", "told"),
    [
        (suspended, AgentSuspended),
        (below_a_suspended_one, AncestorSuspended),
        (revoked, Unauthenticated),
        (given_another_key, Unauthenticated),
        (killed_with_its_root, Unauthenticated),
        (only_reading, Forbidden),
        (reporting_something_else, AgentEventTypeNotAllowed),
    ],
)
def test_an_agent_that_was_stopped_or_narrowed_at_another_worker_writes_nothing(
    log_url: str, becomes: Stops, told: type[Refusal]
) -> None:
    async def story() -> tuple[int, Answer]:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            family = await a_family(there, f"elsewhere-{an_id()}")
            child = await here.access.authenticate(family.key)
            await there.do(becomes(family), family.who)
            return head_of(log_url), await here.submit(report(family, child))

    before, answer = asyncio.run(story())

    assert type(answer) is told
    assert head_of(log_url) == before


def test_an_agent_goes_on_when_others_are_stopped_beside_and_below_it(log_url: str) -> None:
    async def story() -> Answer:
        async with a_worker(log_url) as here, a_worker(log_url) as there:
            family = await a_family(there, "goes-on")
            child = await here.access.authenticate(family.key)
            for other in (family.sibling, family.grandchild, family.other_root):
                await there.do(a_kill(other, tenant=family.tenant), family.who)
            return await here.submit(report(family, child))

    assert isinstance(asyncio.run(story()), Reply)
