"""Decisions on agents: the log alone says for ever how an agent, and those above it, stood then."""

import asyncio
from contextlib import suppress
from random import Random

from domain.policy import Decided, Recommendation, Reconsider
from domain.refusals import Refusal
from domain.registry import ReactivateAgent, RevokeAgent, SuspendAgent
from domain.spawning import ApproveAgent
from projections.catalogue import INLINE
from projections.engine.replay import Replay
from tests.application.families import Family, a_family, do
from tests.application.running import Worker, a_worker
from tests.builders import Turn, a_kill, a_turn, an_evaluation

REPLAY = Replay(INLINE)
TURNS: tuple[Turn, ...] = (SuspendAgent, ReactivateAgent, RevokeAgent, ApproveAgent)


async def decided(worker: Worker, family: Family, agent_id: str) -> Recommendation:
    """What is recommended of an agent now, and recorded."""
    evaluation = an_evaluation(
        agent_id, tenant=family.tenant, action="checkout.complete", actor_type="service"
    )
    given: Recommendation = await worker.do(evaluation, family.who)
    return given


async def decided_again(worker: Worker, family: Family, given: Recommendation) -> Decided:
    """The same, from the log alone."""
    question = Reconsider(tenant=family.tenant, recorded=given.event)
    again: Decided = await REPLAY.ask_at(
        question,
        given.event.seen_position,
        given.evaluated_at,
        worker.across_for(family.who),
    )
    return again


def test_a_denial_stays_what_it_was_when_the_agent_goes_on(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "goes-on")
            await do(worker, "goes-on", a_turn(SuspendAgent, family.root, tenant=family.tenant))
            given = await decided(worker, family, family.grandchild)
            await do(worker, "goes-on", a_turn(ReactivateAgent, family.root, tenant=family.tenant))
            assert (given.event.decision, given.event.reasons) == ("DENY", ("AGENT_SUSPENDED",))
            assert await decided_again(worker, family, given) == given.event

    asyncio.run(story())


def test_a_recommendation_stays_what_it_was_when_the_agent_is_ended(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "ends")
            given = await decided(worker, family, family.grandchild)
            await do(worker, "ends", a_kill(family.root, tenant=family.tenant))
            assert given.event.decision == "ALLOW"
            assert await decided_again(worker, family, given) == given.event

    asyncio.run(story())


def test_every_decision_on_an_agent_is_what_the_log_gives_whatever_becomes_of_it(
    log_url: str,
) -> None:
    chance = Random(7)

    async def story() -> list[Decided]:
        async with a_worker(log_url) as worker:
            family = await a_family(worker, "whatever", approval_from_depth=2)
            agents = [family.root, family.child, family.grandchild, family.sibling]
            given = []
            for _ in range(60):
                given.append(await decided(worker, family, chance.choice(agents)))
                turn = a_turn(chance.choice(TURNS), chance.choice(agents), tenant=family.tenant)
                with suppress(Refusal):
                    await worker.do(turn, family.who)
            for one in given:
                assert await decided_again(worker, family, one) == one.event
            return [one.event for one in given]

    reasons = {reason for event in asyncio.run(story()) for reason in event.reasons}

    assert reasons == {"TIER_MET", "AGENT_SUSPENDED", "AGENT_REVOKED", "AGENT_PENDING"}
