-- One page of a tenant's decisions. Of the three branches one is executed, each along an index: a
-- person's, those on one action, or the newest on each action that was ever judged. The time is
-- turned into a position first, so that nothing is read and thrown away; each lateral look-up reads
-- no further than the page.
with recursive bounds as materialized (
    select
        coalesce(log_position_at(%(since)s::timestamptz - interval '1 millisecond'), 0) as after,
        %(before)s::bigint - 1 as until
), entity as materialized (
    select entity_id
    from subject
    where lookup = decode(%(lookup)s, 'hex')
), judged(action) as (
    select min(action)
    from log
    where %(lookup)s::text is null and %(action)s::text is null
        and tenant = %(tenant)s
    union all
    select (select min(action) from log where tenant = %(tenant)s and action > judged.action)
    from judged
    where judged.action is not null
), wanted as (
    select action from judged
    union all
    select %(action)s::text where %(lookup)s::text is null
), newest as (
    select found.position
    from bounds
    cross join entity
    cross join lateral (
        select position
        from log
        where about = entity.entity_id and type = 'policy.decided.v1'
            and (%(action)s::text is null or action = %(action)s)
            and position > bounds.after and position <= bounds.until
        order by position desc
        limit %(limit)s::bigint
    ) as found
    union all
    select found.position
    from bounds
    cross join wanted
    cross join lateral (
        select position
        from log
        where tenant = %(tenant)s and action = wanted.action
            and position > bounds.after and position <= bounds.until
        order by position desc
        limit %(limit)s::bigint
    ) as found
    order by position desc
    limit %(limit)s::bigint
)
select log.position, log.entry::text
from newest
join log using (position)
order by log.position desc
