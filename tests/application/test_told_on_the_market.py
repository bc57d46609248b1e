"""Told on the market: offers go to agents that could take them, the rest to whom it concerns."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count
from typing import get_args

from application.following import follow
from application.webhooks.deliveries import CANDIDATES_AT_MOST, Deliveries
from domain.command import Command
from domain.money import Price
from domain.registry import RevokeAgent
from domain.webhook import Topic
from tests.application.running import Worker, a_worker, as_owner, head_of
from tests.builders import TENANT, a_principal, a_webhook, an_id
from tests.interfaces.serving import eventually
from tests.marketplace import (
    CLIENT,
    DEVELOPER,
    SUPERVISOR,
    a_decline,
    a_delivery,
    a_job,
    a_judgement,
    a_listing,
    a_member,
    a_price,
    an_acceptance,
    the_developer,
)

URL = "https://agents.example/hooks"
EVERYTHING: tuple[Topic, ...] = get_args(Topic)
numbers = count(1)


class Scene:
    """A capability of a test's own, and whoever has to do with it."""

    def __init__(self, url: str, worker: Worker) -> None:
        self._url, self._worker = url, worker
        self.capability = f"capability {next(numbers)}"

    async def do(self, command: Command[object]) -> object:
        return await self._worker.do(command, a_principal())

    async def agent(
        self, *, webhook: bool = True, auto_accept: bool = False, price: Price | None = None
    ) -> str:
        """One more agent that lists the capability; its id."""
        listing = a_listing(
            f"agent {next(numbers):04}",
            capabilities=(self.capability,),
            webhook_url=URL if webhook else None,
            auto_accept=auto_accept,
            price=price,
        )
        await self._worker.do(listing, the_developer())
        return listing.id

    async def job(self) -> int:
        posted = await self._worker.do(a_job(capability=self.capability, units=1), a_principal())
        return int(posted.job_id)

    async def told(self, topic: str, job_id: int) -> list[str]:
        """The webhooks under which a topic of a job is told."""
        rows = await self.read(
            "select webhook_id from webhook_delivery join log using (position)"
            " where topic = %s and stream = %s order by 1",
            topic,
            f"job-{job_id}",
        )
        return [webhook_id for (webhook_id,) in rows]

    async def read(self, statement: str, *parameters: object) -> list[tuple[str, ...]]:
        """What a statement finds once all is read that was written."""

        def has_read() -> bool:
            found = as_owner(self._url, "select position from follower")
            return found == [(head_of(self._url),)]

        await asyncio.to_thread(eventually, has_read)
        return as_owner(self._url, statement, *parameters)


def run(url: str, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        async with a_worker(url) as worker:
            scene = Scene(url, worker)
            if head_of(url) == 0:
                await scene.do(a_member(CLIENT, "client"))
                await scene.do(a_member(DEVELOPER, "developer"))
                await scene.do(a_member(SUPERVISOR, "supervisor"))
            following = asyncio.create_task(follow(url, Deliveries()))
            try:
                await story(scene)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    asyncio.run(asyncio.wait_for(all_of_it(), 60))


def test_an_offer_goes_to_those_who_could_take_it_and_want_to_be_told(log_url: str) -> None:
    async def story(scene: Scene) -> None:
        able = await scene.agent()
        await scene.agent(webhook=False)
        await scene.agent(price=a_price("3.000001"))
        await scene.agent(price=a_price("1", "EUR"))
        revoked = await scene.agent()
        await scene.do(RevokeAgent(id=an_id(), tenant=TENANT, agent_id=revoked))
        other = Scene(log_url, scene._worker)  # noqa: SLF001 - another capability, the same market
        await other.agent()

        assert await scene.told("job.offer", await scene.job()) == [able]

    run(log_url, story)


def test_offers_go_to_those_of_the_best_reputation_and_to_so_many(log_url: str) -> None:
    async def story(scene: Scene) -> None:
        agents = [await scene.agent() for _ in range(CANDIDATES_AT_MOST + 2)]
        *_, best = agents
        job = await scene.job()
        await scene.do(an_acceptance(job, agent_id=best))
        await scene.do(a_delivery(job, agent_id=best))
        await scene.do(a_judgement(job))

        offered = await scene.told("job.offer", await scene.job())
        assert offered == [*agents[: CANDIDATES_AT_MOST - 1], best]

    run(log_url, story)


def test_a_job_that_somebody_took_at_once_is_offered_to_nobody(log_url: str) -> None:
    async def story(scene: Scene) -> None:
        await scene.agent()
        await scene.agent(auto_accept=True)

        assert await scene.told("job.offer", await scene.job()) == []

    run(log_url, story)


def test_a_job_that_lost_its_agent_is_offered_again_but_not_to_who_declined(log_url: str) -> None:
    async def story(scene: Scene) -> None:
        lost, declining, other = [await scene.agent() for _ in range(3)]
        job = await scene.job()
        assert await scene.told("job.offer", job) == [lost, declining, other]
        await scene.do(a_decline(job, agent_id=declining))
        await scene.do(an_acceptance(job, agent_id=lost))
        await scene.do(RevokeAgent(id=an_id(), tenant=TENANT, agent_id=lost))

        assert await scene.told("job.offer", job) == [lost, declining, other, other]

    run(log_url, story)


def test_the_parties_and_the_supervisors_are_told_what_becomes_of_it(log_url: str) -> None:
    async def story(scene: Scene) -> None:
        agent = await scene.agent()
        whose = {}
        for owner in (CLIENT, DEVELOPER, SUPERVISOR, "a stranger"):
            webhook = a_webhook(URL, owner_id=owner, topics=EVERYTHING)
            await scene.do(webhook)
            whose[webhook.id] = owner
        job = await scene.job()
        await scene.do(an_acceptance(job, agent_id=agent))
        await scene.do(a_delivery(job, agent_id=agent))
        await scene.do(a_judgement(job))

        for topic, told in (
            ("job.accepted", [CLIENT, DEVELOPER]),
            ("job.delivered", [CLIENT, DEVELOPER, SUPERVISOR]),
            ("evaluation.created", [CLIENT, DEVELOPER, SUPERVISOR]),
            ("invoice.issued", [CLIENT]),
        ):
            assert sorted(whose[one] for one in await scene.told(topic, job)) == told

    run(log_url, story)


def test_an_address_of_a_listing_is_not_in_the_log(log_url: str) -> None:
    async def story(scene: Scene) -> None:
        agent = await scene.agent()

        assert await scene.read(
            "select content ->> 'url' from document where name = %s", f"webhook-{agent}"
        ) == [(URL,)]
        assert await scene.read("select 1 from log where entry::text like %s", f"%{URL}%") == []

    run(log_url, story)
