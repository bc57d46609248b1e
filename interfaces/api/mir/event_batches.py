"""Batches of events: many at once, as one JSON document or as lines without end.

An item is what a single event is: checked alone, kept for repeats alone, in the same key space.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from time import monotonic
from typing import Annotated, Any, ClassVar, Literal, NotRequired

import msgspec
from fastapi import APIRouter
from pydantic import Field, SkipValidation, ValidationError
from typing_extensions import TypedDict

from application.log.submission import Answer, Submission
from domain.refusals import (
    AgentIdempotencyRequired,
    BatchLimitExceeded,
    InvalidIdempotencyKey,
    PayloadTooLarge,
    Refusal,
    Unavailable,
)
from interfaces.api import strict_json
from interfaces.api.call import Answered, Call, fill
from interfaces.api.decoding import NDJSON
from interfaces.api.errors import mir_body
from interfaces.api.mir.agent_rules import may_report, names_repeats
from interfaces.api.mir.events import EventIn, EventOut, event_out
from interfaces.api.openapi import IDEMPOTENCY_KEY, refuses, shared
from interfaces.api.route import LeanRoute, holds_agents_to, needs, or_lines
from interfaces.api.wire import Wire, described_as, refusal_of

router = APIRouter(route_class=LeanRoute, tags=["Events"])

EVENTS_AT_MOST = 1_000
LINE_BYTES_AT_MOST = 64 * 1024
PART_BYTES_AT_MOST = 1024 * 1024
"""Lines of so many bytes are a part, however few: what waits in memory is bounded."""
STREAM_PATIENCE_SECONDS = 10.0
COME_BACK_SECONDS = 0.2
ITEMS_AT_A_TIME = 25
"""So many items are checked before other requests have their turn."""


class EventBatchIn(Wire):
    """Events to record together. Each is checked alone, and a bad one fails alone."""

    bytes_at_most: ClassVar[int] = 1024 * 1024

    events: list[Annotated[SkipValidation[EventIn], described_as("EventIn")]] = Field(
        min_length=1, json_schema_extra={"maxItems": EVENTS_AT_MOST}
    )


class RecordedItem(TypedDict):
    """An item that was recorded: now, or by an earlier request that it repeats."""

    index: int
    status: Literal["created", "replayed"]
    event: EventOut


class RefusedItem(TypedDict):
    """An item that was refused, in the words in which a single event is."""

    index: int
    status: Literal["error"]
    error: str
    code: str
    hint: NotRequired[str]


class BatchSummary(TypedDict):
    """How many items had which outcome."""

    total: int
    created: int
    replayed: int
    errors: int


class EventBatchOut(TypedDict):
    """The outcome of each item, in the order of the request."""

    summary: BatchSummary
    results: list[RecordedItem | RefusedItem]


SENT = {
    "userExternalId": "emp-12345",
    "eventType": "transaction.completed",
    "occurredAt": "2026-11-22T08:00:00Z",
}
SENT_WITHOUT_TYPE = {"userExternalId": "emp-67890"}
RECORDED = {
    "index": 0,
    "status": "created",
    "event": {
        "id": "0b6f2c0e-6d53-4b57-9d0c-7a1f6b0e2f11",
        "entityId": "0b6f2c0e-6d53-4b57-9d0c-7a1f6b0e2f11",
        "userExternalId": "emp-12345",
        "eventType": "transaction.completed",
        "weight": 1,
        "actorType": "UNKNOWN",
        "occurredAt": "2026-11-22T08:00:00.000Z",
        "recordedAt": "2026-11-22T08:00:01.123Z",
        "backfill": False,
        "position": 42,
    },
}
REFUSED = {
    "index": 1,
    "status": "error",
    "error": "Missing required field: eventType",
    "code": "MISSING_FIELD",
    "hint": "GET /v1/event-types lists them",
}
SUMMARY = {"total": 2, "created": 1, "replayed": 0, "errors": 1}


def _lines(*schemas: str, example: Sequence[object]) -> dict[str, Any]:
    """NDJSON in the document: the lines are the items of an array."""
    items = [shared("schemas", schema) for schema in schemas]
    item = items[0] if len(items) == 1 else {"anyOf": items}
    return {
        "schema": {"type": "array", "items": item, "description": "As JSON, one a line."},
        "example": msgspec.json.Encoder().encode_lines(example).decode(),
    }


DOCUMENTED: dict[str, Any] = {
    "parameters": [
        {
            **IDEMPOTENCY_KEY,
            "description": "1 to 255 visible ASCII characters. Stands for each item with its "
            "index: a repeat of the request replays the items that were recorded.",
        }
    ],
    "requestBody": {
        "content": {
            "application/json": {"example": {"events": [SENT, SENT_WITHOUT_TYPE]}},
            NDJSON.decode(): _lines("EventIn", example=[SENT, SENT_WITHOUT_TYPE]),
        }
    },
    "responses": {
        "207": {
            "content": {
                "application/json": {
                    "example": {"summary": SUMMARY, "results": [RECORDED, REFUSED]}
                },
                NDJSON.decode(): _lines(
                    "RecordedItem", "RefusedItem", "ErrorOut", example=[RECORDED, REFUSED]
                ),
            }
        }
    },
}
"""What the document says of this route beyond what FastAPI derives."""


class Part:
    """Items of one transaction, and what came of each.

    An item's repeat is known by the Idempotency-Key and its index; without the header, by what it
    says, like a single event's.
    """

    def __init__(self, call: Call) -> None:
        self._call, self._key = call, call.idempotency_key
        self._agent = call.principal.agent
        self._items: list[tuple[int, str, Submission | Refusal]] = []
        self.results: list[str] = []
        self.outcomes: Counter[str] = Counter()
        self.position: int | None = None
        """The last at which one of the items stands."""

    def __len__(self) -> int:
        return len(self._items)

    def take(self, index: int, document: Any) -> None:
        """Check an item that was read."""
        try:
            if self._agent is not None:
                may_report(self._agent, document)
            item = EventIn.model_validate(document)
            submission = self._call.submission(
                item.command(self._call),
                event_out,
                status=201,
                event_type=item.event_type,
                repeat=item.repeat(self._call)
                if self._key is None
                else self._call.repeat_of(f"{self._key} {index}", document),
            )
        except ValidationError as error:
            self.refuse(index, refusal_of(error))
        except Refusal as refusal:
            self.refuse(index, refusal)
        else:
            self._items.append((index, item.user_external_id, submission))

    def refuse(self, index: int, refusal: Refusal) -> None:
        """Note an item that cannot be taken."""
        self._items.append((index, "", refusal))

    async def commit(self) -> None:
        """Record all good items at once, and note what came of all."""
        good = [item for _, _, item in self._items if isinstance(item, Submission)]
        answers = iter(await self._call.commit_together(good))
        for index, external_id, item in self._items:
            answer = item if isinstance(item, Refusal) else next(answers)
            self._say(index, answer, external_id)

    def _say(self, index: int, answer: Answer, external_id: str) -> None:
        if isinstance(answer, Refusal):
            status, rest = "error", mir_body(answer).decode()[1:]
            self._call.services.telemetry.refused_items[answer.code] += 1
        else:
            status = "replayed" if answer.replayed else "created"
            # A mismatched repeat may have named somebody else at first.
            echo = {} if answer.mismatched else {"userExternalId": external_id}
            rest = f'"event":{fill(answer.body, echo)}}}'
            self.position = max(self.position or 0, answer.position)
        self.outcomes[status] += 1
        self.results.append(f'{{"index":{index},"status":"{status}",{rest}')


async def submit_lines(call: Call) -> Answered:
    """Record events that come a line each, however many, and answer each with a line."""
    return Answered(207, b"", media_type=NDJSON, stream=_answers_to_lines(call, Part(call)))


async def _answers_to_lines(call: Call, part: Part) -> AsyncGenerator[bytes, None]:
    part_bytes = index = 0
    agent = call.principal.agent
    at_most = None if agent is None else agent.guardrails.events_at_most
    async for line in lines(call.chunks()):
        if index == at_most:
            yield await _answer_of(part)
            raise BatchLimitExceeded(limit=at_most, count=index + 1)
        if line is None:
            part.refuse(index, PayloadTooLarge(limit_bytes=LINE_BYTES_AT_MOST))
        elif line.strip():
            part_bytes += len(line)
            try:
                part.take(index, strict_json.parse(line))
            except Refusal as refusal:
                part.refuse(index, refusal)
        index += 1
        if len(part) == EVENTS_AT_MOST or part_bytes > PART_BYTES_AT_MOST:
            yield await _answer_of(part)
            part, part_bytes = Part(call), 0
        elif index % ITEMS_AT_A_TIME == 0:
            await asyncio.sleep(0)
    yield await _answer_of(part)


async def _answer_of(part: Part) -> bytes:
    """Commit a part; a stream waits a while where a request is told to come back."""
    deadline = monotonic() + STREAM_PATIENCE_SECONDS
    while True:
        try:
            await part.commit()
            break
        except Unavailable:
            if monotonic() > deadline:
                raise
            await asyncio.sleep(COME_BACK_SECONDS)
    return "".join([f"{result}\n" for result in part.results]).encode()


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes | None]:
    """The lines of a body that comes in chunks; None in place of each that is too long."""
    begun, is_too_long = b"", False
    async for chunk in chunks:
        *ended, begun = (begun + chunk).split(b"\n")
        for line in ended:
            yield None if is_too_long or len(line) > LINE_BYTES_AT_MOST else line
            is_too_long = False
        if len(begun) > LINE_BYTES_AT_MOST:
            begun, is_too_long = b"", True
    if begun or is_too_long:
        yield None if is_too_long else begun


@router.post(
    "/events/batch",
    status_code=207,
    response_model=EventBatchOut,
    dependencies=[needs("events:write")],
    openapi_extra=DOCUMENTED,
    summary="Submit many events",
)
@refuses(BatchLimitExceeded, InvalidIdempotencyKey, AgentIdempotencyRequired)
@holds_agents_to(names_repeats)
@or_lines(submit_lines)
async def submit_event_batch(call: Call, batch: EventBatchIn) -> Answered:
    """Record up to 1,000 events in one transaction; each has an outcome of its own. An AI agent
    records up to 100 in a request.

    Send `application/x-ndjson` for any number: one event a line, read and answered as they come,
    recorded in parts of 1,000 lines. Read the answers while you send. What was recorded before a
    connection broke stays, and a repeat replays it. A line without an index says why the stream
    ends there.
    """
    if call.principal.agent is not None:
        # What it may report is looked at for each item, before the log is.
        await call.confirm()
    part = Part(call)
    items = call.document["events"]
    agent = call.principal.agent
    at_most = (agent and agent.guardrails.events_at_most) or EVENTS_AT_MOST
    if len(items) > at_most:
        raise BatchLimitExceeded(limit=at_most, count=len(items))
    for index, item in enumerate(items):
        if index % ITEMS_AT_A_TIME == 0:
            await asyncio.sleep(0)
        part.take(index, item)
    await part.commit()
    summary = BatchSummary(
        total=len(items),
        created=part.outcomes["created"],
        replayed=part.outcomes["replayed"],
        errors=part.outcomes["error"],
    )
    shown = msgspec.json.encode(summary).decode()
    body = f'{{"summary":{shown},"results":[{",".join(part.results)}]}}'
    return Answered(207, body.encode(), position=part.position)
