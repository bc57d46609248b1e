"""Logs made at once, by SQL: what thousands of events leave in the log, and nothing beside it."""

import psycopg

MANY_EVENTS = """
insert into log (position, stream, version, type, tenant, recorded_at, kind, entry)
select
    head + number,
    'entity-' || entity,
    (number - 1) / %(entities)s + 1,
    'entity.participated.v1',
    'sandbox/many',
    timestamptz '2026-01-01 00:00:00Z' + number * interval '1 second',
    kind,
    json_build_object(
        'id', gen_random_uuid(),
        'tenant', 'sandbox/many',
        'stream', 'entity-' || entity,
        'version', (number - 1) / %(entities)s + 1,
        'type', 'entity.participated.v1',
        'recorded_at', '2026-01-01T00:00:00.000Z',
        'principal', 'many',
        'request_id', '',
        'data', json_build_object('kind', kind, 'occurred_at', '2026-01-01T00:00:00.000Z')
    )
from (select coalesce(max(position), 0) as head from log) as log
cross join generate_series(1, %(events)s) as number
cross join lateral (
    select
        'many-' || head || '-' || (number - 1) %% %(entities)s as entity,
        (array['gig.started', 'gig.completed', 'signal.positive'])[number %% 3 + 1] as kind
) as event
order by number
"""


def grow(url: str, events: int, entities: int) -> None:
    """Append participation events of new entities, dealt out in turn."""
    with psycopg.connect(url, options="-c timezone=UTC") as connection:
        connection.execute(MANY_EVENTS, {"events": events, "entities": entities})
