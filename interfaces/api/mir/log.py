"""The log, open to those who audit it: page by page, line by line, or as it is written."""

from typing import Annotated, Any, Literal, NotRequired

import msgspec
from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from domain.refusals import InvalidCursor, InvalidField, NotFound, UnknownStoredName
from interfaces.api.call import Answered, Call
from interfaces.api.decoding import NDJSON
from interfaces.api.mir.log_streams import (
    EVENT_STREAM,
    Wanted,
    followed,
    last_event_id,
    lines,
    pages,
)
from interfaces.api.openapi import READ, refuses, shared
from interfaces.api.route import LeanRoute, needs
from interfaces.api.wire import AsOf, DigitsOnly, HowMany, Id, Moment, PageOfList, Pagination
from projections.log import AskHead, one_entry, stored_names_of
from projections.log_access import list_access

router = APIRouter(route_class=LeanRoute, tags=["Log"])

CLOUD_EVENTS = b"application/cloudevents-batch+json"
PAGE, PAGE_AT_MOST = 50, 200
POSITION_AT_MOST = 10**18 - 1

_encode = msgspec.json.Encoder().encode


class LogQuery(AsOf):
    """Which part of the log, and how it is shown."""

    after: DigitsOnly = Field(
        0, ge=0, le=POSITION_AT_MOST, description="Only entries after this position."
    )
    limit: HowMany | None = Field(
        None,
        description=f"How many at most. A page has {PAGE} unless more are wanted, and never more "
        f"than {PAGE_AT_MOST}; lines and streams have all there are.",
    )
    types: str | None = Field(
        None,
        min_length=1,
        description="Only entries of these types: stored names, or beginnings of them such as "
        "`entity.*`, with commas between.",
        examples=["entity.*,policy.decided.v1"],
    )
    stream: str | None = Field(
        None,
        min_length=1,
        description="Only the entries of this stream: the history of one entity, claim or agent.",
        examples=["entity-0b6f2c0e-6d53-4b57-9d0c-7a1f6b0e2f11"],
    )
    format: Literal["cloudevents"] | None = Field(
        None, description="`cloudevents`: each entry as a CloudEvent 1.0."
    )
    follow: bool = Field(
        False,  # noqa: FBT003 - the default
        description="Go on with each entry as it is written, as server-sent events.",
    )


class LoggedOut(TypedDict):
    """An entry: what is stored, with its place. ``data`` is the event as the log keeps it."""

    position: int
    id: Id
    stream: str
    version: int
    type: str
    recordedAt: Moment
    tenant: NotRequired[str]
    principal: str
    requestId: str
    data: dict[str, Any]


class LogPage(TypedDict):
    """A page of the log, in the order of positions. Pass ``pagination.cursor`` as ``after`` to go
    on; when there is no more yet, later.
    """

    data: list[LoggedOut]
    pagination: Pagination


class CloudEventOut(TypedDict):
    """An entry as a CloudEvent 1.0. ``sequence`` is its position, ``partitionkey`` its stream."""

    specversion: Literal["1.0"]
    id: Id
    source: str
    type: str
    subject: str
    time: Moment
    datacontenttype: Literal["application/json"]
    sequence: str
    partitionkey: str
    streamversion: int
    tenant: NotRequired[str]
    principal: str
    requestid: str
    data: dict[str, Any]


class EntryOut(TypedDict):
    """An entry as it is stored, byte for byte."""

    id: Id
    tenant: str | None
    stream: str
    version: int
    type: str
    recorded_at: Moment
    principal: str
    request_id: str
    data: dict[str, Any]


class ReadOut(TypedDict):
    """That a credential read the log by a route, within the minute that begins then. ``tenant`` is
    null for an auditor of all tenants.
    """

    minute: Moment
    principal: str
    keyId: str
    tenant: str | None
    route: str


class AccessPage(TypedDict):
    """A page of who read the log, newest first."""

    data: list[ReadOut]
    pagination: Pagination


def _cloud_event_schema() -> dict[str, Any]:
    """What the document says of a CloudEvent: FastAPI describes what is application/json alone."""
    schema = TypeAdapter(CloudEventOut).json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs")
    return schema


CLOUD_EVENT = _cloud_event_schema()


def _as_items(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"schema": {"type": "array", "items": items, "description": description}}


DOCUMENTED: dict[str, Any] = {
    "parameters": [
        *READ["parameters"],
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "With follow: go on after this position, whatever `after` says.",
            "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
            "example": "3",
        },
    ],
    "responses": {
        "200": {
            "content": {
                NDJSON.decode(): _as_items(
                    {"anyOf": [shared("schemas", "LoggedOut"), CLOUD_EVENT]},
                    "As JSON, one a line.",
                ),
                CLOUD_EVENTS.decode(): _as_items(CLOUD_EVENT, "A batch of CloudEvents."),
                EVENT_STREAM.decode(): {
                    "schema": {
                        "type": "string",
                        "description": "Server-sent events: `id` is the position, `data` the entry "
                        "as JSON.",
                    }
                },
            }
        }
    },
}
"""What the document says of this route beyond what FastAPI derives."""


@router.get(
    "/log",
    response_model=LogPage,
    dependencies=[needs("log:read")],
    openapi_extra=DOCUMENTED,
    summary="Read the log",
)
@refuses(UnknownStoredName)
async def get_log(call: Call, query: Annotated[LogQuery, FromQuery()]) -> Answered:
    """The entries of your tenant, in the order of positions; to an auditor of all tenants, all.

    `Accept: application/x-ndjson` gives every entry there is, one a line. `follow=true` gives each
    as it is written, too, as server-sent events; they go on after `Last-Event-ID`, or `after`, and
    end when the key is dead. `format=cloudevents` shows each entry as a CloudEvent, and a page as
    a batch of them, whose next page is under `Link`. Of some types a page may hold few entries, or
    none, and yet there are more: go by `hasMore`.
    """
    names = None if query.types is None else stored_names_of(query.types)
    last_id = last_event_id(call)
    if query.follow and query.as_of is not None:
        raise InvalidField(field="asOf", reason="what is to come has not been yet")
    until = None if query.as_of is None else await call.resolve(AskHead(), query.as_of)
    wanted = Wanted(
        after=last_id if query.follow and last_id is not None else query.after,
        until=until,
        limit=query.limit,
        types=names,
        stream=query.stream,
        as_cloud_events=query.format == "cloudevents",
    )
    if query.follow:
        return await followed(call, wanted)
    if NDJSON in _accepted(call):
        return await lines(call, wanted)
    return await _page(call, wanted)


async def _page(call: Call, wanted: Wanted) -> Answered:
    at_most = min(wanted.limit or PAGE, PAGE_AT_MOST)
    page = await anext(pages(call, wanted, at_a_time=at_most))
    shown = [wanted.shown(entry) for entry in page.entries]
    if wanted.as_cloud_events:
        headers = []
        if page.has_more:
            following = call.url.include_query_params(after=page.position)
            headers.append((b"link", f'<{following.path}?{following.query}>; rel="next"'.encode()))
        return Answered(200, _encode(shown), headers, media_type=CLOUD_EVENTS)
    return call.show(
        {
            "data": shown,
            "pagination": Pagination(cursor=str(page.position), hasMore=page.has_more),
        }
    )


def _accepted(call: Call) -> list[bytes]:
    """The media types that the client names."""
    ranges = call.sent.get(b"accept", b"").lower().split(b",")
    return [one.partition(b";")[0].strip() for one in ranges]


@router.get(
    "/log/entries/{position}",
    response_model=EntryOut,
    dependencies=[needs("log:read")],
    openapi_extra=READ,
    summary="Show an entry",
)
@refuses(NotFound)
async def get_entry(call: Call, position: str) -> Answered:
    """One entry, exactly as it is stored: these bytes are what a hash of it is made of."""
    call.reads_the_log()
    return Answered(200, (await one_entry(call.fetch_log, position)).encode())


@router.get(
    "/log/access",
    response_model=AccessPage,
    dependencies=[needs("log:read")],
    openapi_extra=READ,
    summary="List who read the log",
)
@refuses(InvalidCursor)
async def get_access(call: Call, query: Annotated[PageOfList, FromQuery()]) -> Answered:
    """Which of your tenant's keys, agents and auditors read the log, by which route and in which
    minute, newest first and a few seconds behind; to an auditor of all tenants, everybody who did.
    """
    call.reads_the_log()
    page = await list_access(
        call.fetch_log, call.principal.tenant or None, cursor=query.cursor, limit=query.limit
    )
    return call.show(
        AccessPage(
            data=[
                ReadOut(
                    minute=one.minute,
                    principal=one.principal,
                    keyId=one.key_id,
                    tenant=one.tenant,
                    route=one.route,
                )
                for one in page.reads
            ],
            pagination=Pagination(cursor=page.cursor, hasMore=page.cursor is not None),
        )
    )
