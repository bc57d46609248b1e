"""A server with defects: the application itself, with one rule less. Which, a file beside its data
says while it runs, so that one server has each of them in turn.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI

from application.access import Access
from application.log.batch import Batch
from domain import principal, registry, spawning
from domain.genealogy import Offspring
from interfaces.api.app import create_app
from interfaces.settings import Settings

FILE = "defect"
APPROVED = ("ACTIVE", "SUSPENDED")
LATER_SECONDS = 0.02
LATER_POSITION = 10**12


class Wrong(NamedTuple):
    """What a name of a module or class stands for instead; ``instead`` is given the true one."""

    owner: Any
    name: str
    instead: Callable[..., Any]


async def identified_before(true: Any, access: Access, key: str) -> Any:
    """A principal who is identified each time, and asks a while later."""
    access.saw(LATER_POSITION)
    found = await true(access, key)
    await asyncio.sleep(LATER_SECONDS)
    return found


def not_again(true: Any, batch: Batch, submission: Any) -> Any:
    """What was said before, to whoever the principal was when they were identified."""
    as_they_were = msgspec.structs.replace(submission.principal, authority=LATER_POSITION)
    submission.principal = as_they_were
    return true(batch, submission)


DEFECTS: dict[str, tuple[Wrong, ...]] = {
    "who is stopped above is not looked at": (
        Wrong(principal, "must_be_in_force", lambda true, line: true(line[-1:])),
    ),
    "rights are those that were given": (
        Wrong(principal, "rights_in_force", lambda true, line: true(line[-1:])),
    ),
    "a kill forgets the pending": (
        Wrong(
            spawning,
            "ends_of",
            lambda true, living: true([one for one in living if one[1].status in APPROVED]),
        ),
    ),
    "the stopped wake when one above is revoked": (
        Wrong(registry, "next_below", lambda true, agent_id, known: iter(())),
    ),
    "nobody counts offspring": (
        Wrong(spawning, "offspring_of", lambda true, agent_id, known: Offspring(agent_id)),
    ),
    "a principal is remembered for ever": (
        Wrong(Access, "saw", lambda true, access, authority: None),
        Wrong(Access, "confirm", lambda true, access, principal, authority: asyncio.sleep(0)),
        Wrong(Batch, "_replay", not_again),
    ),
    "a principal is not identified under the lock": (
        Wrong(Access, "authenticate", identified_before),
        Wrong(Batch, "_replay", not_again),
    ),
}


def create_wrong_app(settings: Settings, url: str) -> FastAPI:
    """The application, with the defect that the file names at the moment, if any."""
    for defect, wrongs in DEFECTS.items():
        for wrong in wrongs:
            install(wrong, settings.data / FILE, defect)
    return create_app(settings, url)


def install(wrong: Wrong, file: Path, defect: str) -> None:
    """Have a name stand for what is wrong while a file names the defect."""
    true = getattr(wrong.owner, wrong.name)

    @wraps(true)
    def either(*arguments: Any) -> Any:
        is_wrong = file.exists() and file.read_text() == defect
        return wrong.instead(true, *arguments) if is_wrong else true(*arguments)

    setattr(wrong.owner, wrong.name, either)


@contextmanager
def having(defect: str, data: Path) -> Iterator[None]:
    """Let the server beside some data have a defect."""
    file = data / FILE
    file.write_text(defect)
    try:
        yield
    finally:
        file.unlink()
