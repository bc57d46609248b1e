-- The next entries of a stream after a position, none beyond another; the first row tells how far
-- there was to read, even if there is none. Along a stream versions and positions rise together.
with bounds as materialized (
    select
        least(coalesce(%(until)s::bigint, log_head()), log_head()) as until,
        stream_version_at(%(stream)s, %(after)s::bigint) as after
)
select bounds.until, found.position, found.entry::text
from bounds
left join lateral (
    select position, entry
    from log
    where stream = %(stream)s
        and version > bounds.after
        and position <= bounds.until
    order by version
    limit %(limit)s::bigint
) as found on true
order by found.position
