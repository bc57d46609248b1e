-- The next events of an entity after a version: when each was recorded, when it happened.
select
    version,
    entry ->> 'recorded_at',
    entry -> 'data' ->> 'occurred_at',
    coalesce((entry -> 'data' ->> 'backfill')::boolean, false)
from log
where stream = %(source)s
    and kind is not null
    and version > %(after)s::integer
    and version <= stream_version_at(%(source)s, %(until)s::bigint)
order by version
limit %(limit)s::bigint
