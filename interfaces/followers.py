"""The process of `tenure serve` in which followers run, so that no request waits for them."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence

from application.following import Follower, follow
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
    return (FollowedVersions(url),)


async def run(url: str, found_in: Sources) -> None:
    """Run all followers that there are, each as soon as there is one, until cancelled."""
    running: dict[str, asyncio.Task[bool]] = {}
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
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)


def _is_over(task: asyncio.Task[bool]) -> bool:
    return task.done() and not task.cancelled() and not task.result()


async def _serve(settings: Settings, url: str, ready: int, lifeline: int) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    # The supervisor is gone when nothing else holds the other end.
    loop.add_reader(lifeline, ended.set)
    async with open_services(settings, url) as services:
        running = asyncio.create_task(run(url, sources(services, url)))
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
