-- One page of a tenant's events. Of the three branches one is executed, each along its own index;
-- times are turned into positions first, so that nothing is read and thrown away.
with bounds as (
    select
        coalesce(log_position_at(%(since)s::timestamptz - interval '1 millisecond'), 0) as after,
        least(%(before)s::bigint - 1, log_position_at(%(until)s::timestamptz)) as until
), entity as (
    select 'entity-' || entity_id as stream
    from subject
    where lookup = decode(%(lookup)s, 'hex')
)
(
    select position, entry::text
    from log, bounds
    where %(lookup)s::text is null and %(kind)s::text is null
        and tenant = %(tenant)s and kind is not null
        and position > bounds.after and position <= bounds.until
    order by position desc
    limit %(limit)s::bigint
)
union all
(
    select position, entry::text
    from log, bounds
    where %(lookup)s::text is null and %(kind)s::text is not null
        and tenant = %(tenant)s and kind = %(kind)s
        and position > bounds.after and position <= bounds.until
    order by position desc
    limit %(limit)s::bigint
)
union all
(
    select position, entry::text
    from bounds, entity
    join log using (stream)
    where %(lookup)s::text is not null
        and kind is not null and (%(kind)s::text is null or kind = %(kind)s)
        and version > stream_version_at(entity.stream, bounds.after)
        and version <= stream_version_at(entity.stream, bounds.until)
    order by version desc
    limit %(limit)s::bigint
)
