-- The next entries after a position, of some types if wanted, and none beyond another: those of a
-- tenant, or all. A bounded number is examined, by the index that has them in order; the rows tell
-- how far that was, the first of them even if none is of a wanted type.
with bounds as materialized (
    select least(coalesce(%(until)s::bigint, log_head()), log_head()) as until
), examined as materialized (
    select found.position, found.type
    from bounds
    cross join lateral (
        (
            select position, type
            from log
            where %(tenant)s::text is null
                and position > %(after)s::bigint and position <= bounds.until
            order by position
            limit %(examined)s::bigint
        )
        union all
        (
            select position, type
            from log
            where tenant = %(tenant)s and kind is not null
                and position > %(after)s::bigint and position <= bounds.until
            order by position
            limit %(examined)s::bigint
        )
        union all
        (
            select position, type
            from log
            where tenant = %(tenant)s and kind is null
                and position > %(after)s::bigint and position <= bounds.until
            order by position
            limit %(examined)s::bigint
        )
    ) as found
    order by found.position
    limit %(examined)s::bigint
), wanted as materialized (
    select position
    from examined
    where %(types)s::text[] is null or type = any(%(types)s::text[])
    order by position
    limit %(limit)s::bigint
), reached as materialized (
    select case
        when (select count(*) from wanted) = %(limit)s::bigint
            then (select max(position) from wanted)
        when (select count(*) from examined) = %(examined)s::bigint
            then (select max(position) from examined)
        else greatest(bounds.until, %(after)s::bigint)
    end as position
    from bounds
)
select reached.position, bounds.until, log.position, log.entry::text
from bounds
cross join reached
left join wanted on true
left join log on log.position = wanted.position
order by log.position
