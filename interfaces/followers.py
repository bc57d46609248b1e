"""The process of `tenure serve` in which followers run, so that no request waits for them."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence

from application.deadlines import Deadlines
from application.following import ClockFollower, Follower, follow, follow_clock
from application.ids import new_id
from application.log.submission import Submission
from application.webhooks.deliveries import Deliveries
from application.webhooks.sender import Sender
from domain.job_end import ExpireJob
from domain.webhook import DisableWebhook
from interfaces import webhook_metrics
from interfaces.logs import log_to_stderr
from interfaces.projections import FollowedVersions
from interfaces.settings import Settings
from interfaces.wiring import Services, open_services

LOOK_EVERY_SECONDS = 1.0

Sources = Sequence[Callable[[], Awaitable[Sequence[Follower]]]]
"""Each tells which followers there are to run by now: versions of projections come and go."""

log = logging.getLogger("tenure.followers")


def sources(services: Services, url: str) -> Sources:
    """Where the followers of a server come from."""

    async def of_webhooks() -> Sequence[Follower]:
        return (Deliveries(),)

    return (FollowedVersions(url), of_webhooks)


def clock_followers(services: Services) -> Sequence[ClockFollower]:
    """The followers of the clock that every server has."""

    async def expire(tenant: str, job_id: int) -> None:
        await services.committer.answer(
            Submission(ExpireJob(id=new_id(), tenant=tenant, job_id=job_id))
        )

    async def disable(webhook_id: str) -> None:
        await services.committer.answer(
            Submission(DisableWebhook(id=new_id(), webhook_id=webhook_id))
        )

    return (
        Deadlines(expire, services.now),
        Sender(
            services.hashes,
            disable,
            services.now,
            {"loopback": services.settings.promote_loopback},
            observe=webhook_metrics.observe,
            count=webhook_metrics.count,
        ),
    )


async def run(url: str, found_in: Sources, by_the_clock: Sequence[ClockFollower] = ()) -> None:
    """Run all followers that there are, each as soon as there is one, until cancelled."""
    running: dict[str, asyncio.Task[bool]] = {}
    clocks = [asyncio.create_task(follow_clock(url, one), name=one.name) for one in by_the_clock]
    try:
        while True:
            wanted = {one.name: one for find in found_in for one in await find()}
            for name in running.keys() - wanted.keys():
                running.pop(name).cancel()
            # One that was over may be wanted again; one that was stopped waits for a new process.
            for name in [name for name, task in running.items() if _is_over(task)]:
                del running[name]
            for name in wanted.keys() - running.keys():
                running[name] = asyncio.create_task(follow(url, wanted[name]), name=name)
            await asyncio.sleep(LOOK_EVERY_SECONDS)
    finally:
        for task in (*running.values(), *clocks):
            task.cancel()
        await asyncio.gather(*running.values(), *clocks, return_exceptions=True)


def _is_over(task: asyncio.Task[bool]) -> bool:
    return task.done() and not task.cancelled() and not task.result()


async def _serve(settings: Settings, url: str, ready: int, lifeline: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    # The supervisor is gone when nothing else holds the other end.
    loop.add_reader(lifeline, ended.set)
    async with open_services(settings, url) as services:
        running = asyncio.create_task(run(url, sources(services, url), clock_followers(services)))
        os.write(ready, b"\n")
        os.close(ready)
        await asyncio.wait(
            [running, asyncio.create_task(ended.wait())], return_when=asyncio.FIRST_COMPLETED
        )
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def main() -> None:
    """Run until SIGTERM; started by the supervisor only, which hands down the descriptors."""
    parser = argparse.ArgumentParser(prog="python -m interfaces.followers")
    parser.add_argument("--ready", type=int, required=True, help="pipe to write to once ready")
    parser.add_argument("--lifeline", type=int, required=True, help="pipe whose end means: end")
    arguments = parser.parse_args()
    settings = Settings.load()
    log_to_stderr(settings.log_level)
    assert settings.database_url is not None
    asyncio.run(_serve(settings, settings.database_url, arguments.ready, arguments.lifeline))


if __name__ == "__main__":
    main()
