"""The past: whatever is asked of it, the answer is the one that was given then.

Everything that can be asked is asked after each batch of a random history, and again when all is
over, as of each of those positions. Rows are kept every few versions, so most of what is folded
begins with a snapshot.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, get_args

import msgspec
import pytest

from domain.agent import Status as AgentStatus
from domain.claim import Status as ClaimStatus
from domain.command import Command
from domain.known import Key, Row
from domain.ports import Fetch
from domain.refusals import Refusal
from projections.actions import AskActions
from projections.agents import lineage_of, list_agents, show_agent, tree_of_agents
from projections.catalogue import INLINE
from projections.claims import AskClaim, list_claims
from projections.decisions import list_decisions
from projections.engine.replay import Past, Replay
from projections.links import AskLinks
from projections.partners import AskPartner
from projections.spawning import AskSpawnPolicy
from projections.standing import AskStanding, Resolution
from tests.application.running import Clock, Worker, a_worker
from tests.builders import a_lookup, a_principal, an_evaluation
from tests.projections.test_tables import happens

SNAPSHOT_EVERY = 2
BY_ID = ("agent", "lineage", "claim")
"""What is asked of one of which there was none yet, or is not found."""

Answers = dict[str, object]


class Inquirer:
    """Asks everything that can be asked of a partner's data, now or then."""

    def __init__(self, partner: str, seed: int) -> None:
        self.who = a_principal(partner)
        self.tenant, self.partner = self.who.tenant, partner
        self.people = [*(f"{seed} {number}" for number in range(3)), "a"]

    async def asks(self, worker: Worker, past: Past | None = None) -> Answers:
        """All answers, by what was asked. Whoever a person is, is part of what was asked."""
        fetch, tenant = worker.across_for(self.who), self.tenant
        answers: Answers = {}

        async def ask(name: str, question: Command[Any]) -> None:
            asking = worker.ask(question) if past is None else past.ask(question)
            answers[name] = await told(asking)

        async def ask_list(name: str, listing: Callable[..., Awaitable[Any]], **asked: Any) -> None:
            answers[name] = await pages(listing, fetch, tenant, past=past, **asked)

        for person in self.people:
            lookup = a_lookup(person, tenant)
            named = f"{person} as {await entity_of(worker, lookup)}"
            await ask(f"standing of {named}", AskStanding(lookup))
            await ask(f"links of {named}", AskLinks(lookup))
            for action in ("payout.request", "action.1"):
                attempt = an_evaluation(person, tenant=tenant, action=action, records=False)
                await ask(f"{action} of {named}", attempt)
            await ask_list(f"claims of {named}", list_claims, lookup=lookup)
            await ask_list(f"decisions of {named}", list_decisions, lookup=lookup)
        await ask("actions", AskActions(tenant))
        await ask("spawn policy", AskSpawnPolicy(tenant))
        await ask("partner", AskPartner(self.partner))
        await ask_list("decisions", list_decisions)
        for claim_status in (None, *get_args(ClaimStatus)):
            await ask_list(f"claims {claim_status}", list_claims, status=claim_status)
        for status in (None, *get_args(AgentStatus)):
            forest = {"root": None, "depth": None, "status": status}
            await ask_list(f"agents {status}", list_agents, status=status)
            await ask_list(f"tree {status}", tree_of_agents, **forest)
            await ask_list(f"near {status}", tree_of_agents, **{**forest, "depth": 1})
        for agent_id in await self.agents(worker):
            for name, asked in (("agent", show_agent), ("lineage", lineage_of)):
                answers[f"{name} {agent_id}"] = await told(asked(fetch, tenant, agent_id, past))
            await ask_list(
                f"below {agent_id}", tree_of_agents, root=agent_id, depth=None, status=None
            )
        for claim_id in await self.claims(worker):
            await ask(f"claim {claim_id}", AskClaim(claim_id, tenant))
        return answers

    async def agents(self, worker: Worker) -> list[str]:
        """All that there are by now, be they known then or not."""
        fetch = worker.across_for(self.who)
        page = await list_agents(fetch, self.tenant, status=None, cursor=None, limit=1_000)
        return [seen.shown.agent_id for seen in page.agents]

    async def claims(self, worker: Worker) -> list[str]:
        """All that there are by now, be they known then or not."""
        page = await list_claims(worker.across_for(self.who), self.tenant, limit=1_000)
        return [shown.claim_id for shown in page.claims]


async def entity_of(worker: Worker, lookup: str) -> str | None:
    found: Resolution = await worker.ask(AskStanding(lookup))
    return found.found.entity_id


async def pages(listing: Callable[..., Awaitable[Any]], *about: Any, **asked: Any) -> object:
    """A whole list, read in pages of three; or how it was refused."""
    read: list[object] = []
    cursor: str | None = None
    try:
        while cursor is not None or not read:
            page = await listing(*about, **asked, cursor=cursor, limit=3)
            read.append(msgspec.structs.replace(page, cursor=None))
            cursor = page.cursor
    except Refusal as refusal:
        return refusal.code
    return read


async def told(asking: Awaitable[Any]) -> object:
    """An answer, be it a reply or a refusal."""
    try:
        return await asking
    except Refusal as refusal:
        return refusal.code


def differences(url: str, seed: int, replay: Replay) -> list[str]:
    """What is answered about the past of a random history otherwise than it was answered then."""
    clock = Clock(url)
    inquirers = [Inquirer(f"partner-{seed}", seed), Inquirer(f"other-{seed}", seed)]
    then: dict[int, list[Answers]] = {}
    compared = Counter[str]()
    found: list[str] = []

    async def remember(worker: Worker) -> None:
        # Where nothing was written, "now" would be that of the entry before.
        if worker.committer.head.position not in then:
            answers = [await inquirer.asks(worker) for inquirer in inquirers]
            then[worker.committer.head.position] = answers
        clock.goes_on(minutes=1)

    async def ask_again() -> None:
        async with a_worker(url, clock=clock) as worker:
            for position, answered in then.items():
                for inquirer, before in zip(inquirers, answered, strict=True):
                    past = await replay.at(str(position), worker.across_for(inquirer.who))
                    again = await inquirer.asks(worker, past)
                    for asked, answer in again.items():
                        kind = asked.partition(" ")[0]
                        expected = before.get(asked, "NOT_FOUND" if kind in BY_ID else answer)
                        compared[kind] += asked in before
                        if answer != expected:
                            found.append(f"{asked} at {position}")

    happens(url, seed, watch=remember, clock=clock, snapshot_every=SNAPSHOT_EVERY)
    asyncio.run(ask_again())
    assert min(compared.values()) > 5, f"too little was asked to tell: {compared}"
    return found


@pytest.mark.parametrize("seed", range(110, 115))
def test_every_answer_about_the_past_is_the_one_that_was_given_then(
    log_url: str, seed: int
) -> None:
    assert differences(log_url, seed, Replay(INLINE)) == []


# Controls


class Forgetful(Replay):
    """Takes what is kept of a row for the row, and reads no entry after it."""

    def row(self, key: Key, before: Row, position: int, version: int | None, document: str) -> Row:
        if version is None and before.version:
            return before
        return super().row(key, before, position, version, document)


class Ahead(Replay):
    """Sees one entry more than it should."""

    async def at(self, as_of: str, fetch: Fetch) -> Past:
        past = await super().at(as_of, fetch)
        past.position += 1
        return past


@pytest.mark.parametrize("broken", [Forgetful(INLINE), Ahead(INLINE)])
def test_a_replay_that_errs_is_noticed(log_url: str, broken: Replay) -> None:
    assert differences(log_url, 200 + isinstance(broken, Ahead), broken) != []
