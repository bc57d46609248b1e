"""Events: participation in, and the list of what was reported."""

from typing import Annotated, Literal

from fastapi import APIRouter
from fastapi import Query as FromQuery
from pydantic import Field
from typing_extensions import TypeAliasType, TypedDict

from application.ids import new_id
from application.log.submission import Repeat
from domain.entity import ActorType, Participation, RecordParticipation
from domain.event_types import ACTIONS_BY_CATEGORY, EVENT_TYPES, check_event_type
from domain.refusals import BackfillRequired, InvalidCursor, InvalidEventType, InvalidOccurredAt
from interfaces.api.call import Answered, Call
from interfaces.api.mir.agent_rules import OF_EVENTS, may_send_event
from interfaces.api.openapi import IDEMPOTENT, READ, refuses
from interfaces.api.route import LeanRoute, holds_agents_to, needs
from interfaces.api.wire import (
    ExternalId,
    Id,
    Moment,
    OccurredAt,
    PageOfList,
    Pagination,
    Time,
    Wire,
    occurred_at_of,
)
from projections.events import list_events

router = APIRouter(route_class=LeanRoute, tags=["Events"])


# What is none of them is refused by the domain, with the nearest.
EventType = TypeAliasType(
    "EventType",
    Annotated[
        str,
        Field(
            description="One of GET /v1/event-types.",
            examples=["transaction.completed"],
            json_schema_extra={"enum": sorted(EVENT_TYPES)},
        ),
    ],
)

# Bounds on each branch are checked in Rust; on the union they would be checked in Python.
WEIGHT = Field(ge=0, le=1_000_000)


class EventIn(Wire):
    """A participation event: who did what, when, and how significant it was."""

    user_external_id: ExternalId
    event_type: EventType
    occurred_at: OccurredAt = Field(
        None,
        description="Absent: the time of recording. More than 30 days ago needs batchType "
        "BACKFILL.",
    )
    weight: Annotated[int, WEIGHT] | Annotated[float, WEIGHT] = Field(
        1, description="Stored and shown, never used for the tier."
    )
    actor_type: ActorType = Field("UNKNOWN", description="What kind of actor did it.")
    batch_type: Literal["BACKFILL"] | None = Field(None, description="Marks old history.")

    def command(self, call: Call) -> RecordParticipation:
        """The command that records it. Raises InvalidOccurredAt."""
        return RecordParticipation(
            id=new_id(),
            lookup=call.lookup(self.user_external_id),
            kind=self.event_type,
            occurred_at=occurred_at_of(self.occurred_at),
            # Not -0.0, which is no weight of its own.
            weight=self.weight or 0,
            actor_type=self.actor_type,
            backfill=self.batch_type is not None,
        )

    def repeat(self, call: Call) -> Repeat:
        """How a repeat is known by what it says."""
        return Repeat(
            call.services.hashes.automatic_key(
                call.principal.tenant,
                self.user_external_id,
                self.event_type,
                self.occurred_at or "",
            )
        )


class EventOut(TypedDict):
    """A recorded event. ``userExternalId`` is shown only where the request gave it."""

    id: Id
    entityId: Id
    userExternalId: str | None
    eventType: str
    weight: int | float
    actorType: ActorType
    occurredAt: Moment
    recordedAt: Moment
    backfill: bool
    position: int


def event_out(done: Participation, external_id: str | None = None) -> EventOut:
    """What is shown of a recorded event."""
    event = done.event
    return {
        "id": done.id,
        "entityId": done.entity_id,
        "userExternalId": external_id,
        "eventType": event.kind,
        "weight": event.weight,
        "actorType": event.actor_type,
        "occurredAt": event.occurred_at,
        "recordedAt": done.recorded_at,
        "backfill": event.backfill,
        "position": done.position,
    }


class EventList(TypedDict):
    """A page of events, newest first."""

    data: list[EventOut]
    pagination: Pagination


class EventsQuery(PageOfList):
    """Which events to list."""

    user_external_id: ExternalId | None = None
    event_type: EventType | None = None
    since: Time | None = Field(None, description="Recorded at this time or later.")
    until: Time | None = Field(None, description="Recorded at this time or earlier.")


class EventTypes(TypedDict):
    """The catalogue of event types."""

    categories: Annotated[dict[str, list[str]], Field(description="Event types by category.")]


@router.post(
    "/events",
    status_code=201,
    response_model=EventOut,
    dependencies=[needs("events:write")],
    openapi_extra=IDEMPOTENT,
    summary="Submit an event",
)
@refuses(InvalidEventType, InvalidOccurredAt, BackfillRequired, *OF_EVENTS)
@holds_agents_to(may_send_event)
async def submit_event(call: Call, item: EventIn) -> Answered:
    """Record that somebody did something on your platform; the entity is created when it is new.

    Without an Idempotency-Key, an event with the same userExternalId, eventType and occurredAt is
    taken for a repeat for 24 hours, and answered with the first reply: send occurredAt.
    """
    repeat = call.repeat()
    automatic = repeat is None
    if repeat is None:
        repeat = item.repeat(call)
    return await call.commit(
        item.command(call),
        event_out,
        status=201,
        repeat=repeat,
        event_type=item.event_type,
        automatic=automatic,
        echo={"userExternalId": item.user_external_id},
    )


@router.get(
    "/events",
    response_model=EventList,
    dependencies=[needs("events:read")],
    openapi_extra=READ,
    summary="List events",
)
@refuses(InvalidCursor, InvalidEventType)
async def get_events(call: Call, query: Annotated[EventsQuery, FromQuery()]) -> Answered:
    """Your own events, newest first."""
    if query.event_type is not None:
        check_event_type(query.event_type)
    external_id = query.user_external_id
    page = await list_events(
        call.fetch,
        call.principal.tenant,
        lookup=None if external_id is None else call.lookup(external_id),
        kind=query.event_type,
        since=query.moment("since"),
        until=query.moment("until"),
        cursor=query.cursor,
        limit=query.limit,
    )
    return call.show(
        EventList(
            data=[event_out(done, external_id) for done in page.events],
            pagination=Pagination(cursor=page.cursor, hasMore=page.cursor is not None),
        )
    )


@router.get(
    "/event-types",
    response_model=EventTypes,
    dependencies=[needs("events:read")],
    openapi_extra=READ,
    summary="List event types",
)
async def get_event_types(call: Call) -> Answered:
    """Every event type that is taken, by category."""
    await call.reach()
    await call.confirm()
    return call.show(
        EventTypes(
            categories={
                category: [f"{category}.{action}" for action in actions]
                for category, actions in ACTIONS_BY_CATEGORY.items()
            }
        )
    )
