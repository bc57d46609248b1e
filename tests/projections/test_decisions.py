"""Recorded decisions: listed as they were given, and computed again from nothing but the log."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from application.log.recorder import Log
from application.log.submission import Submission
from domain.action import DEFAULT_ACTIONS, Action
from domain.command import Command
from domain.events import Entry
from domain.instants import Instant
from domain.known import Known
from domain.policy import Decided, Reconsider
from domain.refusals import InvalidCursor, NotFound
from projections.catalogue import INLINE
from projections.decisions import (
    Page,
    Recorded,
    decided_again,
    list_decisions,
    one_decision,
)
from projections.engine.replay import Replay
from projections.engine.tables import fold_log
from tests.application.running import Clock, Worker, a_worker
from tests.builders import (
    a_bulk_evaluation,
    a_claim,
    a_contest,
    a_leave,
    a_lookup,
    a_participation,
    a_principal,
    a_redemption,
    a_settlement,
    an_action_set,
    an_approval,
    an_erasure,
    an_evaluation,
    an_id,
    an_offer,
)

ACTIONS = [*sorted(DEFAULT_ACTIONS), "report.publish"]
PEOPLE = ("alice", "bob")
REPLAY = Replay(INLINE)


def decision_of(entry: Entry) -> Decided:
    assert isinstance(entry.data, Decided)
    return entry.data


def decisions_in(url: str, tenants: set[str]) -> list[tuple[int, Entry]]:
    """Every decision of some tenants, with its position."""
    with Log(url) as log:
        return [
            (position, entry)
            for position, entry in log.entries()
            if isinstance(entry.data, Decided) and entry.tenant in tenants
        ]


# Computed again


class Story:
    """Two partners to whom anything happens, in batches of any size."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.chance, self.clock = Random(seed), clock
        self.partners = (f"one-{seed}", f"other-{seed}")
        self.claims: list[tuple[str, str]] = []
        self.codes: list[str] = []

    async def goes_on(self, worker: Worker) -> None:
        """Let time pass, and some things happen in one batch."""
        self.clock.goes_on(days=self.chance.choice([0, 0, 1, 9]), minutes=1)
        happening = [
            Submission(command, a_principal(partner))
            for _ in range(self.chance.randrange(1, 9))
            for partner in [self.chance.choice(self.partners)]
            for command in self.chance.choice(self.kinds())(a_principal(partner).tenant)
        ]
        await worker.together(*happening)

    def kinds(self) -> list[Callable[[str], list[Command[Any]]]]:
        return [
            self.history,
            self.history,
            self.claim,
            self.claim_moves,
            self.link,
            self.leave,
            self.override,
            self.evaluation,
            self.evaluation,
            self.bulk,
            self.erasure,
        ]

    @property
    def person(self) -> str:
        return self.chance.choice(PEOPLE)

    def history(self, tenant: str) -> list[Command[Any]]:
        person = self.person
        return [
            a_participation(person, tenant=tenant) for _ in range(self.chance.choice([1, 12, 45]))
        ]

    def claim(self, tenant: str) -> list[Command[Any]]:
        claim = a_claim(self.person, tenant=tenant)
        self.claims.append((claim.id, tenant))
        return [claim]

    def claim_moves(self, tenant: str) -> list[Command[Any]]:
        if not self.claims:
            return []
        claim_id, owner = self.chance.choice(self.claims)
        return [
            self.chance.choice(
                [
                    a_contest(claim_id, tenant=owner),
                    a_settlement(claim_id, "UPHELD", tenant=owner),
                    a_settlement(claim_id, "DISMISSED", tenant=owner),
                    a_settlement(claim_id, "WITHDRAWN", tenant=owner),
                ]
            )
        ]

    def link(self, tenant: str) -> list[Command[Any]]:
        person, (one, other) = self.person, self.partners
        code = f"code {an_id()}"
        return [
            an_offer(person, tenant=a_principal(one).tenant, code=code),
            a_redemption(person, tenant=a_principal(other).tenant, code=code),
        ]

    def leave(self, tenant: str) -> list[Command[Any]]:
        return [a_leave(self.person, tenant=tenant)]

    def override(self, tenant: str) -> list[Command[Any]]:
        action = Action(
            self.chance.choice(ACTIONS),
            self.chance.randrange(4),
            self.chance.choice(["LOW", "MEDIUM", "HIGH", "CRITICAL"]),
            self.chance.choice([None, {"max": self.chance.randrange(9)}]),
        )
        return [an_action_set(tenant=tenant, action=action)]

    def evaluation(self, tenant: str) -> list[Command[Any]]:
        return [self.an_evaluation(tenant)]

    def bulk(self, tenant: str) -> list[Command[Any]]:
        return [
            a_bulk_evaluation(
                *(self.an_evaluation(tenant) for _ in range(self.chance.randrange(5)))
            )
        ]

    def erasure(self, tenant: str) -> list[Command[Any]]:
        if self.chance.random() < 0.8:
            return []
        return [an_erasure(self.person, tenant=tenant)]

    def an_evaluation(self, tenant: str) -> Any:
        return an_evaluation(
            self.chance.choice([*PEOPLE, "nobody"]),
            tenant=tenant,
            action=self.chance.choice(ACTIONS),
        )


@pytest.mark.parametrize("seed", range(6))
def test_every_decision_computed_again_is_the_one_that_was_recorded(
    log_url: str, seed: int
) -> None:
    story = Story(seed, Clock(log_url))
    tenants = {a_principal(partner).tenant for partner in story.partners}

    async def happens() -> None:
        async with a_worker(log_url, clock=story.clock) as worker:
            for partner in story.partners:
                await worker.do(an_approval(partner))
            for _ in range(25):
                await story.goes_on(worker)
            for position, entry in decisions_in(log_url, tenants):
                who = a_principal((entry.tenant or "").partition("/")[2])
                recorded = await one_decision(worker.fetch_for(who), entry.id)
                assert recorded == Recorded(
                    entry.id, decision_of(entry), entry.recorded_at, position
                )
                again = await decided_again(
                    REPLAY, worker.across_for(who), entry.tenant or "", recorded
                )
                assert again == entry.data

    asyncio.run(happens())

    found = [decision_of(entry) for _, entry in decisions_in(log_url, tenants)]
    assert len({decision.decision for decision in found}) > 2
    assert len({decision.claim_status for decision in found}) > 1
    assert len({decision.policy_version for decision in found}) > 2
    assert len({decision.tier for decision in found}) > 1


def test_a_decision_computed_from_the_whole_log_in_memory_is_the_same_too(log_url: str) -> None:
    story = Story(100, Clock(log_url))

    async def happens() -> None:
        async with a_worker(log_url, clock=story.clock) as worker:
            for _ in range(15):
                await story.goes_on(worker)

    asyncio.run(happens())

    with Log(log_url) as log:
        for _, entry in decisions_in(log_url, {a_principal(story.partners[0]).tenant}):
            recorded = decision_of(entry)
            seen = recorded.seen_position
            known = Known(seen, rows=fold_log(log.entries(until=seen), INLINE))
            question = Reconsider(tenant=entry.tenant or "", recorded=recorded)
            assert question.decide(known, entry.recorded_at).reply == recorded


async def ten_events_and_a_decision(worker: Worker, partner: str, clock: Clock) -> Recorded:
    """Of tier 1: history of alice, then a decision on her."""
    who = a_principal(partner)
    events = [a_participation("alice", tenant=who.tenant) for _ in range(10)]
    await worker.together(*(Submission(command, who) for command in events))
    clock.goes_on(days=14)
    given = await worker.do(an_evaluation("alice", tenant=who.tenant), who)
    return await one_decision(worker.fetch_for(who), given.id)


@pytest.mark.parametrize(
    "forged",
    [
        {"tier": 3},
        {"claim_status": "flagged"},
        {"required_tier": 1},
        {"decision": "ALLOW"},
        {"policy_version": 2},
        {"limits": {"max": 1}},
    ],
)
def test_a_decision_that_the_log_does_not_give_is_found_out(
    log_url: str, forged: dict[str, object]
) -> None:
    clock, who = Clock(log_url), a_principal(f"forged-{next(iter(forged))}")

    async def story() -> tuple[Decided, Decided]:
        async with a_worker(log_url, clock=clock) as worker:
            recorded = await ten_events_and_a_decision(worker, who.partner_id, clock)
            event = msgspec.structs.replace(recorded.event, **forged)
            forgery = msgspec.structs.replace(recorded, event=event)
            again = await decided_again(REPLAY, worker.across_for(who), who.tenant, forgery)
            return event, again

    event, again = asyncio.run(story())

    assert {
        name for name in event.__struct_fields__ if getattr(event, name) != getattr(again, name)
    } == set(forged)


def test_a_decision_sees_nothing_that_happened_after_it(log_url: str) -> None:
    clock, who = Clock(log_url), a_principal("after")

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            recorded = await ten_events_and_a_decision(worker, "after", clock)
            after: list[Command[Any]] = [
                *(a_participation("alice", tenant=who.tenant) for _ in range(40)),
                a_claim("alice", tenant=who.tenant),
                an_action_set(tenant=who.tenant),
                an_erasure("alice", tenant=who.tenant),
            ]
            for command in after:
                await worker.do(command, who)
            clock.goes_on(days=100)
            again = await decided_again(REPLAY, worker.across_for(who), who.tenant, recorded)
            assert again == recorded.event
            assert again.entity_id is not None

    asyncio.run(story())


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

    found = decisions_in(log_url, {who.tenant})
    assert len(found) == 6
    assert all(decision_of(entry).seen_position == position - 1 for position, entry in found)


def test_decisions_of_one_bulk_saw_one_state_and_are_found_by_their_own_ids(log_url: str) -> None:
    who = a_principal("one-state")
    evaluations = [an_evaluation("alice", tenant=who.tenant) for _ in range(4)]

    async def story() -> list[Recorded]:
        async with a_worker(log_url) as worker:
            await worker.together(
                Submission(a_participation("alice", tenant=who.tenant), who),
                Submission(a_bulk_evaluation(*evaluations), who),
            )
            fetch = worker.fetch_for(who)
            return [await one_decision(fetch, evaluation.id) for evaluation in evaluations]

    found = asyncio.run(story())

    first = found[0].position
    assert [decision.position for decision in found] == list(range(first, first + 4))
    assert {decision.event.seen_position for decision in found} == {first - 1}


# Lists


async def decided(worker: Worker, partner: str, *attempts: tuple[str, str]) -> list[str]:
    """Decide on some people's actions one after the other; the ids, newest first."""
    who = a_principal(partner)
    ids = [
        (await worker.do(an_evaluation(person, tenant=who.tenant, action=action), who)).id
        for person, action in attempts
    ]
    return ids[::-1]


async def listed(worker: Worker, partner: str, **filters: Any) -> Page:
    who = a_principal(partner)
    if "person" in filters:
        filters["lookup"] = a_lookup(filters.pop("person"), who.tenant)
    return await list_decisions(worker.fetch_for(who), who.tenant, **filters)


async def pages(worker: Worker, partner: str, **filters: Any) -> list[list[str]]:
    """The ids on every page, to the last."""
    found, cursor = [], None
    while True:
        page = await listed(worker, partner, cursor=cursor, **filters)
        found.append([decision.id for decision in page.decisions])
        cursor = page.cursor
        if cursor is None:
            return found


async def is_known(worker: Worker, partner: str, *people: str) -> None:
    who = a_principal(partner)
    for person in people:
        await worker.do(a_participation(person, tenant=who.tenant), who)


def test_decisions_are_listed_newest_first_whatever_they_are_on(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await is_known(worker, "newest", "alice")
            attempts = [("alice", action) for action in ("payout.request", "job.accept") * 4]
            attempts += [("alice", "checkout.complete"), ("nobody", "data.export_pii")]
            ids = await decided(worker, "newest", *attempts)
            assert await pages(worker, "newest") == [ids]
            assert await pages(worker, "newest", limit=3) == [ids[0:3], ids[3:6], ids[6:9], ids[9:]]

    asyncio.run(story())


def test_decisions_are_listed_by_action_by_person_and_by_both(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await is_known(worker, "filters", *PEOPLE)
            attempts = [
                (person, action)
                for _ in range(2)
                for person in PEOPLE
                for action in ("payout.request", "job.accept")
            ]
            ids = await decided(worker, "filters", *attempts)
            attempts.reverse()

            def of(*wanted: str) -> list[list[str]]:
                found = [
                    one
                    for one, attempt in zip(ids, attempts, strict=True)
                    if set(wanted) <= set(attempt)
                ]
                return [found[at : at + 1] for at in range(len(found))] or [[]]

            async def one_by_one(**filters: str) -> list[list[str]]:
                return await pages(worker, "filters", limit=1, **filters)

            assert await one_by_one(action="job.accept") == of("job.accept")
            assert await one_by_one(person="alice") == of("alice")
            assert await one_by_one(person="bob", action="payout.request") == of(
                "bob", "payout.request"
            )
            assert await one_by_one(person="nobody") == [[]]
            assert await one_by_one(action="no.such_action") == [[]]

    asyncio.run(story())


@pytest.mark.parametrize("filters", [{}, {"person": "alice"}, {"action": "job.accept"}])
def test_decisions_since_a_time_are_those_recorded_at_it_or_later(
    log_url: str, filters: dict[str, str]
) -> None:
    clock, partner = Clock(log_url), f"since-{'-'.join(filters)}"

    async def story() -> None:
        async with a_worker(log_url, clock=clock) as worker:
            await is_known(worker, partner, "alice")
            times: list[Instant] = []
            ids: list[str] = []
            for _ in range(4):
                times.append(clock.goes_on(days=1))
                ids += await decided(worker, partner, ("alice", "job.accept"))
            for number, moment in enumerate(times):
                assert await pages(worker, partner, since=moment, **filters) == [ids[number:][::-1]]
            after = clock.goes_on(minutes=1)
            assert await pages(worker, partner, since=after, **filters) == [[]]

    asyncio.run(story())


def test_pages_miss_and_repeat_nothing_while_decisions_are_given(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await is_known(worker, "arriving", "alice")
            attempts = [("alice", action) for action in ACTIONS[:6]]
            ids = await decided(worker, "arriving", *attempts)
            seen: list[str] = []
            cursor = None
            while True:
                page = await listed(worker, "arriving", limit=2, cursor=cursor)
                seen += [decision.id for decision in page.decisions]
                cursor = page.cursor
                if cursor is None:
                    break
                await decided(worker, "arriving", *attempts)
            assert seen == ids

    asyncio.run(story())


def test_a_cursor_that_no_list_gave_is_refused(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            with pytest.raises(InvalidCursor):
                await listed(worker, "acme", cursor="no cursor")

    asyncio.run(story())


def test_another_tenants_decisions_are_not_there(log_url: str) -> None:
    async def story() -> None:
        async with a_worker(log_url) as worker:
            await is_known(worker, "mine", "alice")
            (mine,) = await decided(worker, "mine", ("alice", "job.accept"))
            foreign = worker.fetch_for(a_principal("foreign"))
            lookup = a_lookup("alice", a_principal("mine").tenant)
            tenant = a_principal("mine").tenant
            for decision_id in (mine, an_id(), "", "no id", "%"):
                with pytest.raises(NotFound):
                    await one_decision(foreign, decision_id)
            assert await list_decisions(foreign, tenant) == Page([], None)
            assert await list_decisions(foreign, tenant, action="job.accept") == Page([], None)
            assert await list_decisions(foreign, tenant, lookup=lookup) == Page([], None)

    asyncio.run(story())
