-- One page of a tenant's events. Of the three branches one is executed, each along its own index;
-- times are turned into positions and versions first, so that nothing is read and thrown away. Each
-- lateral look-up reads no further than the page, and positions alone, which the index holds: it is
-- then the cheapest way whatever the planner believed of the tables' sizes.
with bounds as materialized (
    select
        coalesce(log_position_at(%(since)s::timestamptz - interval '1 millisecond'), 0) as after,
        least(%(before)s::bigint - 1, log_position_at(%(until)s::timestamptz)) as until
), entity as materialized (
    select
        'entity-' || entity_id as stream,
        stream_version_at('entity-' || entity_id, bounds.after) as after,
        stream_version_at('entity-' || entity_id, bounds.until) as until
    from subject
    cross join bounds
    where lookup = decode(%(lookup)s, 'hex')
), newest as (
    select found.position
    from bounds
    cross join lateral (
        select position
        from log
        where %(lookup)s::text is null and %(kind)s::text is null
            and tenant = %(tenant)s and kind is not null
            and position > bounds.after and position <= bounds.until
        order by position desc
        limit %(limit)s::bigint
    ) as found
    union all
    select found.position
    from bounds
    cross join lateral (
        select position
        from log
        where %(lookup)s::text is null and %(kind)s::text is not null
            and tenant = %(tenant)s and kind = %(kind)s
            and position > bounds.after and position <= bounds.until
        order by position desc
        limit %(limit)s::bigint
    ) as found
    union all
    select found.position
    from entity
    cross join lateral (
        select position
        from log
        where stream = entity.stream
            and kind is not null and (%(kind)s::text is null or kind = %(kind)s)
            and version > entity.after and version <= entity.until
        order by version desc
        limit %(limit)s::bigint
    ) as found
)
select log.position, log.entry::text
from newest
join log using (position)
order by log.position desc
