"""What is handed to the log, and what comes back."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from domain.command import Command
from domain.principal import OPERATOR, Principal
from domain.refusals import Refusal
from domain.rights import Permission


class Repeat(msgspec.Struct, frozen=True):
    """How a repeat of the request is known: keyed hashes, in hex.

    ``fingerprint`` is of the body, None for an automatic key, which is of the body itself.
    """

    key: str
    fingerprint: str | None = None


class Reply(msgspec.Struct, frozen=True):
    """An answer. ``body`` is as it is kept for repeats: secrets and identifiers in it are null.

    ``value`` is the command's own reply, absent from a replay. ``position`` is that of the last
    entry the request wrote, or of the head it saw.
    """

    status: int
    body: str
    position: int
    value: Any = None
    replayed: bool = False
    mismatched: bool = False


Answer = Reply | Refusal


def no_body(value: Any) -> str:
    """Render nothing, for replies that stay in the process."""
    return ""


@dataclass(slots=True, eq=False)
class Submission:
    """A command on its way, with who sent it and how its reply is written.

    ``render`` makes the body from the command's reply, ``status`` goes with it, or is made of it
    too. ``permission`` is what the sender must hold, and ``event_type`` what they must be allowed
    to report. ``span`` is what a tracer drew of the request, if there is one.
    """

    command: Command[Any]
    principal: Principal = OPERATOR
    request_id: str = ""
    status: int | Callable[[Any], int] = 200
    render: Callable[[Any], str] = no_body
    permission: Permission | None = None
    event_type: str | None = None
    repeat: Repeat | None = None
    answer: asyncio.Future[Answer] | None = None
    span: object = None

    def settle(self, answer: Answer) -> None:
        """Answer whoever waits, unless they have gone away."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(answer)
