"""The tables of folds: the same rows, whether folded with each write or from the whole log."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import msgspec
import pytest

from application.log.recorder import Log
from application.log.submission import Submission
from domain.action import Action
from domain.auditor import CreateAuditor
from domain.claim import FileClaim
from domain.command import Command
from domain.entity import Participated
from domain.fold import AnyFold, Fold
from domain.known import Key, Row
from domain.principal import OPERATOR, Principal
from domain.refusals import InternalError
from domain.registry import ReactivateAgent, RegisterAgent, RevokeAgent, SuspendAgent
from domain.spawning import ApproveAgent, RejectAgent, Spawn
from domain.webhook import AddWebhook, DeleteWebhook, RotateSecret
from projections.at_hand import inline_projections
from projections.catalogue import INLINE
from projections.engine.tables import fold_log, make_tables
from tests.application.running import Worker, a_worker, as_owner, make_ready
from tests.builders import (
    a_change_of_rights,
    a_claim,
    a_contest,
    a_key_added,
    a_key_deleted,
    a_kill,
    a_leave,
    a_participation,
    a_principal,
    a_reactivation,
    a_redemption,
    a_rotation,
    a_settlement,
    a_spawn,
    a_spawn_policy,
    a_suspension,
    a_turn,
    a_webhook,
    an_action_set,
    an_agent,
    an_approval,
    an_auditor,
    an_auditors_end,
    an_auditors_rotation,
    an_erasure,
    an_evaluation,
    an_id,
    an_issued_key,
    an_offer,
    of_webhook,
)
from tests.marketplace import (
    a_counter_offer,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_member,
    a_price,
    a_taking,
    a_uid_rotation,
    the_developer,
)
from tests.projections.some import (
    BY_KIND,
    KEYS_HELD,
    Count,
    count,
    kind_of,
    projections_of,
    some,
)

TURNS = (SuspendAgent, ReactivateAgent, RevokeAgent, ApproveAgent, RejectAgent)
KINDS = ("gig.started", "gig.completed", "signal.positive")


async def unwatched(worker: Worker) -> None:
    """Nobody looks."""


def happens(
    url: str,
    seed: int,
    folds: tuple[AnyFold, ...] = INLINE,
    watch: Callable[[Worker], Awaitable[None]] = unwatched,
    **settings: Any,
) -> None:
    """A little of everything, in batches of any size, after each of which somebody may look."""
    chance, partner = Random(seed), f"partner-{seed}"
    who, other = a_principal(partner), a_principal(f"other-{seed}")
    keys = [an_issued_key(f"{partner} {number}") for number in range(600)]
    unused, claims, agents = iter(keys), [an_id()], [an_id()]
    auditors, webhooks = [an_id()], [an_id()]

    def somebody() -> str:
        return f"{seed} {chance.randrange(3)}"

    def something() -> tuple[Command[Any], Principal]:
        tenant = who.tenant
        choices: list[tuple[Command[Any], Principal]] = [
            (a_participation(somebody(), tenant=tenant), who),
            (a_participation("a", tenant=tenant, kind=chance.choice(KINDS)), who),
            (an_evaluation(somebody(), tenant=tenant), who),
            (an_erasure(f"{seed} {chance.randrange(9)}", tenant=tenant), who),
            (a_claim(somebody(), tenant=tenant), who),
            (a_contest(chance.choice(claims), tenant=tenant), who),
            (a_settlement(chance.choice(claims), tenant=tenant), who),
            (an_offer(somebody(), tenant=tenant, code=somebody()), who),
            (a_redemption(somebody(), tenant=other.tenant, code=somebody()), other),
            (a_leave(somebody(), tenant=tenant), who),
            (
                an_action_set(
                    tenant=tenant, action=Action(f"action.{chance.randrange(3)}", 0, "LOW")
                ),
                who,
            ),
            (a_suspension(partner), who),
            (a_reactivation(partner), who),
            (a_key_added(next(unused), partner), who),
            (a_key_deleted(chance.choice(keys[:9]), partner), who),
            (an_auditor(tenant=chance.choice([None, tenant]), key=next(unused)), OPERATOR),
            (an_auditors_rotation(chance.choice(auditors), next(unused)), OPERATOR),
            (an_auditors_end(chance.choice(auditors)), OPERATOR),
            *((something_of_agents(), who) for _ in range(6)),
            (a_webhook(tenant=tenant), who),
            (of_webhook(RotateSecret, chance.choice(webhooks), tenant=tenant), who),
            (of_webhook(DeleteWebhook, chance.choice(webhooks), tenant=tenant), who),
        ]
        return chance.choice(choices)

    def something_of_agents() -> Command[Any]:
        tenant, agent_id = who.tenant, chance.choice(agents)
        choices: list[Command[Any]] = [
            a_spawn_policy(tenant, approval_from_depth=chance.choice([None, 2])),
            an_agent(tenant=tenant),
            a_spawn(agent_id, tenant=tenant),
            a_spawn(agent_id, tenant=tenant),
            a_change_of_rights(agent_id, tenant=tenant, rate=chance.randint(1, 9)),
            a_rotation(agent_id, an_issued_key(an_id()), tenant=tenant),
            a_turn(chance.choice(TURNS), agent_id, tenant=tenant),
            a_turn(chance.choice(TURNS), agent_id, tenant=tenant),
            a_kill(agent_id, tenant=tenant),
        ]
        return chance.choice(choices)

    async def story() -> None:
        async with a_worker(url, folds=folds, **settings) as worker:
            await worker.do(an_approval(partner, key=next(unused)))
            await worker.do(a_spawn_policy(who.tenant), who)
            await worker.do(an_agent(agent_id=agents[0], tenant=who.tenant), who)
            for _ in range(10):
                batch = [something() for _ in range(chance.randrange(1, 12))]
                answers = await worker.together(*(Submission(one, by) for one, by in batch))
                assert not [answer for answer in answers if isinstance(answer, InternalError)]
                claims.extend(one.id for one, _ in batch if isinstance(one, FileClaim))
                auditors.extend(one.id for one, _ in batch if isinstance(one, CreateAuditor))
                webhooks.extend(one.id for one, _ in batch if isinstance(one, AddWebhook))
                agents.extend(one.id for one, _ in batch if isinstance(one, RegisterAgent | Spawn))
                await watch(worker)

            await a_market_is_busy(worker, seed)

    asyncio.run(story())


async def a_market_is_busy(worker: Worker, seed: int) -> None:
    """One job is done, after a rejection; another is worked on."""
    acme, agent_id = a_principal(), f"agent-{seed}"
    client_id, owner_id, supervisor_id = (f"{role}-{seed}" for role in ("c", "d", "s"))
    await worker.do(a_member(client_id, "client"), acme)
    await worker.do(a_uid_rotation(client_id, an_issued_key(an_id())), acme)
    listing = a_listing(
        agent_id, owner_id=owner_id, capabilities=(f"work-{seed}",), auto_accept=True
    )
    await worker.do(listing, the_developer(owner_id))
    too_cheap = a_job(client_id=client_id, capability=f"work-{seed}", budget=a_price("1"))
    job_id = (await worker.do(too_cheap, acme)).job_id
    offer = await worker.do(a_counter_offer(job_id, agent_id=agent_id), acme)
    await worker.do(a_taking(job_id, offer.offer_id, client_id=client_id), acme)
    await worker.do(a_delivery(job_id, agent_id=agent_id), acme)
    await worker.do(a_judgement(job_id, "reject", supervisor_id=supervisor_id), acme)
    again = await worker.do(a_delivery(job_id, "better", agent_id=agent_id), acme)
    judgement = a_judgement(
        job_id, supervisor_id=supervisor_id, delivery_id=again.delivery_id, comments="Good"
    )
    await worker.do(judgement, acme)
    await worker.do(a_job(client_id=client_id, capability=f"work-{seed}"), acme)


def stored_rows(url: str, *folds: AnyFold) -> dict[Key, tuple[int, int, str]]:
    rows = as_owner(
        url,
        "select fold, key, version, position, row::text from state where fold = any(%s)",
        [fold.name for fold in folds],
    )
    return {(fold, key): (version, position, row) for fold, key, version, position, row in rows}


def folded_rows(url: str, *folds: AnyFold) -> dict[Key, tuple[int, int, str]]:
    with Log(url) as log:
        return shown(fold_log(log.entries(), folds))


def shown(rows: dict[Key, Row]) -> dict[Key, tuple[int, int, str]]:
    return {
        key: (row.version, row.position, msgspec.json.encode(row.state).decode())
        for key, row in rows.items()
    }


@pytest.mark.parametrize("seed", range(8))
def test_rows_folded_with_each_write_are_those_folded_from_the_whole_log(
    log_url: str, seed: int
) -> None:
    happens(log_url, seed)

    stored = stored_rows(log_url, *INLINE)

    assert stored == folded_rows(log_url, *INLINE)


def test_enough_happened_to_tell(log_url: str) -> None:
    for seed in range(10, 14):
        happens(log_url, seed)

    assert {fold for fold, _ in stored_rows(log_url, *INLINE)} == {fold.name for fold in INLINE}


def test_a_new_folds_table_is_filled_from_the_log(empty_database_url: str) -> None:
    make_ready(empty_database_url)
    happens(empty_database_url, 20)

    made = make_tables(empty_database_url, some)

    assert made == ["by_kind", "keys_held"]
    assert stored_rows(empty_database_url, BY_KIND, KEYS_HELD) == folded_rows(
        empty_database_url, BY_KIND, KEYS_HELD
    )
    assert stored_rows(empty_database_url, BY_KIND) != {}


def test_a_table_that_is_there_is_left_alone(log_url: str) -> None:
    happens(log_url, 30)
    before = stored_rows(log_url, *INLINE)

    made = make_tables(log_url, inline_projections)

    assert made == []
    assert stored_rows(log_url, *INLINE) == before


def test_a_table_that_was_filled_goes_on_with_each_write(empty_database_url: str) -> None:
    make_ready(empty_database_url)
    make_tables(empty_database_url, some)

    happens(empty_database_url, 41, (*INLINE, BY_KIND, KEYS_HELD))

    assert stored_rows(empty_database_url, BY_KIND, KEYS_HELD) == folded_rows(
        empty_database_url, BY_KIND, KEYS_HELD
    )


def test_making_tables_waits_for_whoever_writes_and_misses_nothing(log_url: str) -> None:
    fold = Fold(name="waited", state=Count, events=(Participated,), evolve=count, keys=kind_of)

    async def story() -> None:
        async with a_worker(log_url) as worker:
            making = asyncio.create_task(asyncio.to_thread(make, fold))
            while not making.done():
                await worker.do(a_participation("waited"))
            await making

    def make(fold: AnyFold) -> None:
        make_tables(log_url, lambda: projections_of(fold, inline=False))

    asyncio.run(story())

    filled = stored_rows(log_url, fold)
    with Log(log_url) as log:
        until = max(position for _, position, _ in filled.values())
        assert filled == shown(fold_log(log.entries(until=until), [fold]))


def test_a_fold_of_an_empty_log_has_an_empty_table(empty_database_url: str) -> None:
    make_ready(empty_database_url)

    assert stored_rows(empty_database_url, *INLINE) == {}
    assert make_ready(empty_database_url) == []
