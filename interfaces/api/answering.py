"""From what a route found to what is sent: what every reply carries, and how a stream ends."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from time import perf_counter

from fastapi import Response
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from domain.refusals import InternalError, Refusal, Unauthenticated
from interfaces.api.call import Answered, Call
from interfaces.api.errors import headers_of, status_of
from interfaces.telemetry import Answer

logger = logging.getLogger("tenure.http")


def refused(call: Call, refusal: Refusal) -> Answered:
    """A refusal as an answer to a call, in the words of its family."""
    refusal = worded(call, refusal)
    return Answered(
        status_of(type(refusal), call.family),
        call.family.body(refusal, call.server),
        headers_of(refusal),
        code=refusal.code,
    )


def worded(call: Call, refusal: Refusal) -> Refusal:
    """A refusal in words of what was sent, and of what ought to have been shown."""
    if type(refusal) is Unauthenticated:
        return call.unknown()
    if call.spelled is not None and "field" in refusal.facts:
        field = call.spelled(str(refusal.facts["field"]), call.document)
        return type(refusal)(**{**refusal.facts, "field": field})
    return refusal


def finished(
    call: Call, method: str, route_name: str, answered: Answered, started: float
) -> Answered:
    """Add what every reply carries, count it and log it."""
    headers = answered.headers
    headers.append((b"content-type", answered.media_type))
    if answered.stream is None:
        headers.append((b"content-length", b"%d" % len(answered.body)))
    elif call.scope.get("without_body"):
        # Nobody would be there to take it, and it may have no end.
        answered.stream = None
    else:
        answered.stream = ending_well(call, answered.stream)
    headers.append((b"x-request-id", call.request_id.encode()))
    if answered.position is not None:
        headers.append((b"x-log-position", b"%d" % answered.position))
    for limits, budget in call.budgets:
        headers += limits.headers(budget)
    call.services.telemetry.answered(
        Answer(
            call.services.now(),
            call.request_id,
            method,
            route_name,
            answered.status,
            round((perf_counter() - started) * 1000, 3),
            answered.position,
            answered.code,
        )
    )
    return answered


async def ending_well(
    call: Call, stream: AsyncGenerator[bytes, None]
) -> AsyncGenerator[bytes, None]:
    """A stream that says what ended it before its time, in a last line."""
    try:
        async with aclosing(stream):
            async for part in stream:
                yield part
    except ClientDisconnect:
        return
    except Refusal as refusal:
        yield call.family.body(worded(call, refusal), call.server) + b"\n"
    except Exception:
        logger.exception("a defect", extra={"request_id": call.request_id})
        yield call.family.body(InternalError(), call.server) + b"\n"


async def deliver(answered: Answered, send: Send) -> None:
    """Send an answer, whole or as it comes."""
    start = {"type": "http.response.start", "status": answered.status, "headers": answered.headers}
    await send(start)
    if answered.stream is not None:
        async with aclosing(answered.stream) as stream:
            async for part in stream:
                await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": answered.body})


class Delivery(Response):
    """An answer as FastAPI's router wants it."""

    def __init__(self, answered: Answered) -> None:
        self.answered, self.background = answered, None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await deliver(self.answered, send)
