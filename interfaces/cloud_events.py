"""Entries as CloudEvents 1.0, in their JSON format, with the extensions for order and partitions.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

import msgspec

from domain.instants import Instant
from projections.log import Logged

SOURCE = "/v1/log"
SEQUENCE_DIGITS = 19


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry as a CloudEvent. ``sequence`` is its position, of one width, so that text order is
    the log's; ``partitionkey`` is its stream, whose entries belong together.
    """

    specversion: str
    id: str
    source: str
    type: str
    subject: str
    time: Instant
    datacontenttype: str
    sequence: str
    partitionkey: str
    streamversion: int
    tenant: str | None = None
    principal: str
    requestid: str
    data: msgspec.Raw


def cloud_event(entry: Logged) -> CloudEvent:
    """An entry as a CloudEvent."""
    return CloudEvent(
        specversion="1.0",
        id=entry.id,
        source=SOURCE,
        type=entry.type,
        subject=entry.stream,
        time=entry.recorded_at,
        datacontenttype="application/json",
        sequence=f"{entry.position:0{SEQUENCE_DIGITS}}",
        partitionkey=entry.stream,
        streamversion=entry.version,
        tenant=entry.tenant,
        principal=entry.principal,
        requestid=entry.request_id,
        data=entry.data,
    )
