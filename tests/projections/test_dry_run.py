"""Dry runs: the database judges recorded decisions as the rule itself does."""

import asyncio
from itertools import product
from random import Random

import pytest

from application.log.submission import Submission
from domain.action import Action, Risk
from domain.entity import BACKFILL_AFTER_DAYS
from domain.instants import Instant, shifted
from domain.policy import NOT_IN_FORCE, Decided, judge
from domain.registry import SuspendAgent
from projections.dry_run import DryRun, Flip, Judged, dry_run, dry_runs
from tests.application.running import Clock, Worker, a_worker, log_of
from tests.builders import (
    a_claim,
    a_contest,
    a_participation,
    a_principal,
    a_turn,
    an_agent,
    an_approval,
    an_evaluation,
)

RISKS: tuple[Risk, ...] = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
ACTIONS = ("checkout.complete", "payout.request", "iam.grant_admin")


async def decisions_are_given(worker: Worker, partner: str, clock: Clock, chance: Random) -> None:
    """Decisions on people of any tier, flagged, contested or clean, and on a stopped agent."""
    who = a_principal(partner)
    long_ago = shifted(clock(), days=-BACKFILL_AFTER_DAYS + 1)
    agent = an_agent(tenant=who.tenant)
    await worker.do(an_approval(partner))
    await worker.do(agent, who)
    for person, events in (("none", 0), ("some", 10), ("many", 50), ("more", 60), ("other", 12)):
        history = [
            a_participation(person, tenant=who.tenant, occurred_at=long_ago) for _ in range(events)
        ]
        await worker.together(*(Submission(one, who) for one in history))
    for person in ("more", "other"):
        claim = a_claim(person, tenant=who.tenant)
        await worker.do(claim, who)
        if person == "other":
            await worker.do(a_contest(claim.id, tenant=who.tenant), who)
    for number in range(40):
        clock.goes_on(minutes=chance.choice([0, 1]))
        if number == 20:
            await worker.do(a_turn(SuspendAgent, agent.id, tenant=who.tenant), who)
        person = chance.choice(["none", "some", "many", "more", "other"])
        action = chance.choice(ACTIONS)
        await worker.do(an_evaluation(person, tenant=who.tenant, action=action), who)
        service = an_evaluation(agent.id, tenant=who.tenant, action=action, actor_type="service")
        await worker.do(service, who)


def expected(
    url: str, tenant: str, action: Action, since: Instant | None, until: Instant | None
) -> tuple[int, list[Flip]]:
    """How many decisions there are, and those that the rule itself would turn, newest first."""
    flips, checked = [], 0
    for _, entry in reversed(log_of(url)):
        decided = entry.data
        if not isinstance(decided, Decided) or entry.tenant != tenant:
            continue
        is_within = (since or "") <= entry.recorded_at <= (until or "9999")
        if decided.action != action.name or not is_within:
            continue
        checked += 1
        verdict = judge(action, decided.tier, decided.claim_status)
        stands = decided.reasons[0] in NOT_IN_FORCE.values()
        if verdict.decision != decided.decision and not stands:
            recorded = Judged(decided.decision, decided.reasons)
            would_be = Judged(verdict.decision, verdict.reasons)
            flips.append(Flip(entry.id, entry.recorded_at, recorded, would_be))
    return checked, flips


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_table_decisions_flip_as_the_rule_says(log_url: str, seed: int) -> None:
    chance, clock, partner = Random(seed), Clock(log_url), f"dry-{seed}"
    who = a_principal(partner)
    compared = 0

    async def story() -> None:
        nonlocal compared
        async with a_worker(log_url, clock=clock) as worker:
            began = clock()
            await decisions_are_given(worker, partner, clock, chance)
            periods = [(None, None), (shifted(began, minutes=4), shifted(began, minutes=9))]
            fetch = worker.fetch_for(who)
            for name, tier, risk in product(ACTIONS, range(4), RISKS):
                action = Action(name, tier, risk)
                for since, until in periods:
                    checked, flips = expected(log_url, who.tenant, action, since, until)
                    at_a_time = chance.choice([1, 3, 10_000])
                    runs = [
                        run
                        async for run in dry_runs(
                            fetch,
                            who.tenant,
                            action,
                            since=since,
                            until=until,
                            at_a_time=at_a_time,
                        )
                    ]
                    assert [flip for run in runs for flip in run.flips] == flips
                    assert sum(run.checked for run in runs) == checked
                    assert sum(run.flipped for run in runs) == len(flips)
                    assert max(run.checked for run in runs) <= at_a_time
                    compared += len(flips)
                checked, flips = expected(log_url, who.tenant, action, None, None)
                whole = await dry_run(fetch, who.tenant, action)
                assert whole == DryRun(checked, len(flips), flips)

    asyncio.run(story())

    assert compared > 100, "too little flipped to tell"
