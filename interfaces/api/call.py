"""A call: one request on its way to its answer, and all that a route may want of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Request

from application.log.submission import Repeat, Reply, Submission
from domain.command import Command
from domain.principal import OPERATOR, Principal
from domain.refusals import InvalidField, InvalidIdempotencyKey, Unavailable

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from interfaces.wiring import Services

READ_PATIENCE_SECONDS = 2.0
"""How long a read waits for the position it was told to see."""

_encode = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode


class Answered(msgspec.Struct):
    """What goes back: a status, a body, and the headers that only this reply has."""

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]] = msgspec.field(default_factory=list)
    position: int | None = None
    media_type: bytes = b"application/json"


class Call(Request):
    """What a route is given beside its body and its parameters.

    ``services`` are the committer, the reader and the rest; ``principal`` is who calls.
    """

    services: "Services"
    principal: Principal
    permission: str | None
    request_id: str
    route_name: str

    def __init__(self, scope: "Scope", receive: "Receive") -> None:
        # Starlette's own constructor sets these and what forms and streams need.
        self.scope = scope
        self.receive_message = receive
        self.services = scope["app"].services
        self.principal = OPERATOR
        self.permission = None
        self.document: Any = None
        self.sent: dict[bytes, bytes] = dict(scope["headers"])

    async def commit(
        self,
        command: Command[Any],
        show: Callable[[Any], Any],
        *,
        status: int = 200,
        repeat: Repeat | None = None,
        automatic: bool = False,
        echo: dict[str, str] | None = None,
        once: dict[str, str] | None = None,
    ) -> Answered:
        """Have a command decided and written, and answer with what it did, or did before.

        ``show`` makes of the command's reply what is shown, and kept for repeats. ``echo`` are the
        identifiers of the request that a kept reply does not hold, put back into the first reply
        and into every replay; ``once`` are secrets, only ever in the first.
        """
        reply = await self.services.committer.answer(
            Submission(
                command,
                self.principal,
                self.request_id,
                status,
                lambda reply: _encode(show(reply)).decode(),
                self.permission,
                repeat,
            )
        )
        headers = []
        if reply.replayed:
            headers.append((b"x-idempotency-replay", b"true"))
            if automatic:
                headers.append((b"x-idempotency-auto", b"true"))
            if reply.mismatched:
                headers.append((b"x-idempotency-mismatch", b"true"))
        elif once:
            echo = {**(echo or {}), **once}
        body = fill(reply.body, echo) if echo else reply.body
        return Answered(reply.status, body.encode(), headers, reply.position)

    async def ask(self, question: Command[Any]) -> Reply:
        """Have a question answered from state at least as new as the request demands."""
        wanted = self.min_position
        deadline = monotonic() + READ_PATIENCE_SECONDS
        while True:
            reply = await self.services.reader.answer(
                Submission(question, self.principal, self.request_id, permission=self.permission)
            )
            if reply.position >= wanted:
                return reply
            if monotonic() > deadline:
                raise Unavailable(reason=f"the log has not reached position {wanted}")
            await asyncio.sleep(0.02)

    async def resolve(self, question: Command[Any], as_of: str | None) -> Any:
        """A question's reply, now or as the log stood at a position or a time."""
        if as_of is None:
            return (await self.ask(question)).value
        return await self.services.replay.ask(
            question, as_of, partial(self.services.past.fetch, self.principal)
        )

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of one statement, as the caller's tenant may see them."""
        return await self.services.lists.fetch(
            self.principal, statement, parameters, self.min_position
        )

    def show(self, value: Any) -> Answered:
        """Answer with what is to be shown."""
        return Answered(200, _encode(value))

    @property
    def min_position(self) -> int:
        """The position that a read must have seen, from X-Min-Position; 0 when it is not sent."""
        text = self.sent.get(b"x-min-position")
        if text is None:
            return 0
        if not text.isdigit() or len(text) > 18:
            raise InvalidField(field="X-Min-Position", reason="a position of the log is wanted")
        return int(text)

    def repeat(self) -> Repeat | None:
        """How a repeat of this request is known by its Idempotency-Key, if it has one.

        A repeat must say the same, not be spelled the same: bodies are compared as parsed.
        """
        key = self.sent.get(b"idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= 255 or not is_visible_ascii(key):
            raise InvalidIdempotencyKey
        hashes, principal = self.services.hashes, self.principal
        return Repeat(
            hashes.explicit_key(principal.tenant, principal.id, self.route_name, key.decode()),
            hashes.body(_canonical(self.document)),
        )

    def lookup(self, external_id: str) -> str:
        """The keyed hash under which the caller's own person is known."""
        return self.services.hashes.person(self.principal.tenant, external_id)


def fill(body: str, holes: dict[str, str]) -> str:
    """Put values into members that a kept body holds as null, the first of each name."""
    for member, value in holes.items():
        quoted = f'"{member}":'
        body = body.replace(f"{quoted}null", quoted + _encode(value).decode(), 1)
    return body


def is_visible_ascii(text: bytes) -> bool:
    """Whether every byte is a printed ASCII character other than space."""
    return text.isascii() and text.decode().isprintable() and b" " not in text
