"""What agents are held to, before anything else is looked at that they sent."""

from typing import Any

from domain.principal import ActingAgent
from domain.refusals import (
    AgentBackfillForbidden,
    AgentEventTypeNotAllowed,
    AgentIdempotencyRequired,
    Refusal,
)
from interfaces.api.call import Call

OF_EVENTS: tuple[type[Refusal], ...] = (
    AgentIdempotencyRequired,
    AgentEventTypeNotAllowed,
    AgentBackfillForbidden,
)
"""What agents are refused with that report events."""


def names_repeats(call: Call, agent: ActingAgent) -> None:
    """Raise AgentIdempotencyRequired when a key is due and not there."""
    agent.must_name_repeats(call.idempotency_key)


def may_send_event(call: Call, agent: ActingAgent) -> None:
    """Raise what ``names_repeats`` and ``may_report`` do."""
    names_repeats(call, agent)
    may_report(agent, call.document)


def may_report(agent: ActingAgent, event: Any) -> None:
    """Hold an event, as it was sent, against what an agent may report.

    Raises AgentEventTypeNotAllowed and AgentBackfillForbidden; whatever else is wrong with it is
    for others to find.
    """
    if isinstance(event, dict):
        event_type = event.get("eventType")
        if isinstance(event_type, str):
            agent.must_report(event_type)
        if event.get("batchType") == "BACKFILL":
            raise AgentBackfillForbidden
