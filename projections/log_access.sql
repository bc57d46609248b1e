-- One page of who read the log, newest first. Of the two branches one is executed, each along its
-- own index.
with page as (
    select found.*
    from (select coalesce(%(minute)s::timestamptz, 'infinity') as minute) as before
    cross join lateral (
        (
            select minute, key_id, route, principal, tenant
            from log_access
            where %(tenant)s::text is null
                and (minute, key_id, route) < (before.minute, %(key_id)s::text, %(route)s::text)
            order by minute desc, key_id desc, route desc
            limit %(limit)s::bigint
        )
        union all
        (
            select minute, key_id, route, principal, tenant
            from log_access
            where tenant = %(tenant)s
                and (minute, key_id, route) < (before.minute, %(key_id)s::text, %(route)s::text)
            order by minute desc, key_id desc, route desc
            limit %(limit)s::bigint
        )
    ) as found
)
select to_char(minute, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), key_id, route, principal, tenant
from page
order by minute desc, key_id desc, route desc
