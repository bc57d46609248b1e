"""A call: one request on its way to its answer, and all that a route may want of it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Request
from starlette.requests import ClientDisconnect

from application.log.submission import Answer, Repeat, Reply, Submission
from application.rate_limits import Budget, RateLimits
from domain.command import Command
from domain.ports import Fetch
from domain.principal import NOBODY, Identify, Principal
from domain.refusals import (
    AgentEventTypeNotAllowed,
    Forbidden,
    InvalidField,
    InvalidIdempotencyKey,
    Unauthenticated,
    Unavailable,
)
from domain.rights import Permission
from interfaces.api.errors import MIR, Family
from projections.engine.replay import Past

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from interfaces.wiring import Services

READ_PATIENCE_SECONDS = 2.0
"""How long a read waits for the position it was told to see."""

LOOK_AGAIN_SECONDS = 1.0
"""How long a caller who sends nothing is still taken for who they were."""

_encode = msgspec.json.Encoder().encode


class Answered(msgspec.Struct):
    """What goes back: a status, a body, and the headers that only this reply has.

    With a ``stream`` the body is what that yields, sent as it comes. ``code`` is a refusal's.
    """

    status: int
    body: bytes
    headers: list[tuple[bytes, bytes]] = msgspec.field(default_factory=list)
    position: int | None = None
    media_type: bytes = b"application/json"
    stream: AsyncGenerator[bytes, None] | None = None
    code: str | None = None


class Call(Request):
    """What a route is given beside its body and its parameters.

    ``services`` are the committer, the reader and the rest; ``principal`` is who calls, ``budgets``
    how much more they may, where there are limits. ``family`` says in whose words it is refused,
    ``unknown`` how whoever is not known is, ``spelled`` how a field was spelled.
    """

    services: "Services"
    principal: Principal
    permission: Permission | None
    request_id: str
    route_name: str
    family: Family = MIR
    unknown: type[Unauthenticated] = Unauthenticated
    spelled: Callable[[str, object], str] | None = None

    def __init__(self, scope: "Scope", receive: "Receive") -> None:
        # Starlette's own constructor sets these and what forms and streams need.
        self.scope = scope
        self.receive_message = receive
        self.services = scope["app"].services
        self.principal = NOBODY
        self.permission = None
        self.budgets: list[tuple[RateLimits, Budget]] = []
        self.document: Any = None
        self.sent: dict[bytes, bytes] = dict(scope["headers"])

    async def commit(
        self,
        command: Command[Any],
        show: Callable[[Any], Any],
        *,
        status: int | Callable[[Any], int] = 200,
        repeat: Repeat | None = None,
        event_type: str | None = None,
        automatic: bool = False,
        echo: dict[str, str] | None = None,
        once: dict[str, str] | Callable[[Any], dict[str, str]] | None = None,
    ) -> Answered:
        """Have a command decided and written, and answer with what it did, or did before.

        ``show`` makes of the command's reply what is shown, and kept for repeats. ``echo`` are the
        identifiers of the request that a kept reply does not hold, put back into the first reply
        and into every replay of the same request; ``once`` are secrets, or makes them of the
        command's reply: they are only ever in the first.
        """
        reply = await self.services.committer.answer(
            self.submission(command, show, status=status, repeat=repeat, event_type=event_type)
        )
        headers = []
        if reply.replayed:
            self.services.telemetry.replays += 1
            headers.append((b"x-idempotency-replay", b"true"))
            if automatic:
                headers.append((b"x-idempotency-auto", b"true"))
            if reply.mismatched:
                headers.append((b"x-idempotency-mismatch", b"true"))
                # The first request may have named somebody else.
                echo = None
        elif once:
            headers.append((b"cache-control", b"no-store"))
            echo = {**(echo or {}), **(once(reply.value) if callable(once) else once)}
        body = fill(reply.body, echo) if echo else reply.body
        return Answered(reply.status, body.encode(), headers, reply.position)

    async def commit_together(self, submissions: Sequence[Submission]) -> list[Answer]:
        """Have commands decided and written in one transaction; the answers, in order.

        Raises what is said of the request and not of one command: Unauthenticated, Forbidden and
        Unavailable.
        """
        answers = await self.services.committer.answer_together(submissions)
        for answer in answers:
            of_one = isinstance(answer, AgentEventTypeNotAllowed)
            if isinstance(answer, Unauthenticated | Forbidden | Unavailable) and not of_one:
                raise answer
            if isinstance(answer, Reply) and answer.replayed:
                self.services.telemetry.replays += 1
        return answers

    def submission(
        self,
        command: Command[Any],
        show: Callable[[Any], Any],
        *,
        status: int | Callable[[Any], int],
        repeat: Repeat | None,
        event_type: str | None = None,
    ) -> Submission:
        """A command of the caller's; ``show`` makes of its reply what is kept for repeats, and
        ``event_type`` is what the caller must be allowed to report.
        """
        return Submission(
            command,
            self.principal,
            self.request_id,
            status,
            lambda reply: _encode(show(reply)).decode(),
            self.permission,
            event_type,
            repeat,
        )

    async def reach(self) -> None:
        """Wait for the position that the request demands. Raises Unavailable when it does not come.

        Before anything is asked, because a refusal does not tell how new the state was that it
        judged.
        """
        wanted = self.min_position
        deadline = monotonic() + READ_PATIENCE_SECONDS
        while wanted and await self.services.probe() < wanted:
            if monotonic() > deadline:
                raise Unavailable(reason=f"the log has not reached position {wanted}")
            await asyncio.sleep(0.02)

    async def ask(self, question: Command[Any]) -> Reply:
        """Have a question answered from state at least as new as the request demands."""
        await self.reach()
        return await self.services.reader.answer(
            Submission(question, self.principal, self.request_id, permission=self.permission)
        )

    async def confirm(self) -> None:
        """Hold the caller against the newest state, for an answer that takes nothing from the log,
        and know them as they are by now. Raises Unauthenticated, Forbidden and whatever else stops
        them.
        """
        question = Submission(
            Identify(self.principal.lookup, self.principal.beside),
            self.principal,
            permission=self.permission,
        )
        self.principal = (await self.services.reader.answer(question)).value

    async def resolve(self, question: Command[Any], as_of: str | None) -> Any:
        """A question's reply, now or as the log stood at a position or a time."""
        past = await self.past(as_of)
        return (await self.ask(question)).value if past is None else await past.ask(question)

    async def past(self, as_of: str | None) -> Past | None:
        """The log as it stood at a position or a time, None for now. Raises UnknownPosition."""
        return None if as_of is None else await self.services.replay.at(as_of, self.across)

    @property
    def across(self) -> Fetch:
        """Statements that see all there is, for answers that take in linked tenants."""
        return partial(self.services.across.fetch, self.principal, min_position=self.min_position)

    @property
    def polls(self) -> Fetch:
        """The statement of polls, which sees all there is and answers many at once."""
        return partial(self.services.polls.fetch, self.principal, min_position=self.min_position)

    async def fetch(self, statement: bytes, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of one statement, which sees the log of the caller's tenant alone."""
        return await self.services.lists.fetch(
            self.principal, statement, parameters, self.min_position
        )

    @property
    def fetch_log(self) -> Fetch:
        """Statements that see what the caller may read of the log: their tenant's part, or all of
        it where they are of no tenant.
        """
        return self.fetch if self.principal.tenant else self.across

    def reads_the_log(self) -> None:
        """Note that the caller does."""
        route = f"/v1{self.route_name}"
        self.services.log_access.note(self.principal, route, self.services.now())

    def show(self, value: Any) -> Answered:
        """Answer with what is to be shown."""
        return Answered(200, _encode(value))

    @property
    def server(self) -> str:
        """The address under which the caller reached this server."""
        host = self.sent.get(b"host", b"").decode("latin-1")
        return f"{self.scope['scheme']}://{host}" if host else ""

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

        A repeat must say the same of the same thing, not be spelled the same: what the path names
        and the body, as parsed, are compared.
        """
        key, named = self.idempotency_key, self.scope.get("path_params")
        said = [named, self.document] if named else self.document
        return None if key is None else self.repeat_of(key, said)

    def repeat_of(self, key: str, document: Any) -> Repeat:
        """How a repeat of what a document says is known by a key of the caller's."""
        hashes, principal = self.services.hashes, self.principal
        return Repeat(
            hashes.explicit_key(principal.tenant, principal.id, self.route_name, key),
            hashes.body(document),
        )

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key, None when it is not sent. Raises InvalidIdempotencyKey."""
        key = self.sent.get(b"idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= 255 or not is_visible_ascii(key):
            raise InvalidIdempotencyKey
        return key.decode()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises ClientDisconnect when it does not come whole, and
        Unauthenticated soon after the caller's credential has died.
        """
        more = True
        while more:
            try:
                async with asyncio.timeout(LOOK_AGAIN_SECONDS):
                    message = await self.receive_message()
            except TimeoutError:
                # Whoever asks is identified again if authority moved.
                question = Identify(self.principal.lookup, self.principal.beside)
                await self.services.reader.answer(Submission(question, self.principal))
                continue
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            more = message.get("more_body", False)
            yield message.get("body", b"")

    async def left(self) -> None:
        """Return when the client has gone away, whatever it sends before."""
        while (await self.receive_message())["type"] != "http.disconnect":
            pass

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
