-- One page of the claims that a tenant filed, newest first; of the two branches one is executed.
(
    select key, row::text
    from state
    where %(status)s::text is null
        and fold = 'claim_v1'
        and (row ->> 'tenant') collate "C" = %(tenant)s
        and ((row ->> 'filed_at') collate "C", key) < (%(filed_at)s, %(key)s)
    order by (row ->> 'filed_at') collate "C" desc, key desc
    limit %(limit)s::bigint
)
union all
(
    select key, row::text
    from state
    where %(status)s::text is not null
        and fold = 'claim_v1'
        and (row ->> 'tenant') collate "C" = %(tenant)s
        and (row ->> 'status') collate "C" = %(status)s
        and ((row ->> 'filed_at') collate "C", key) < (%(filed_at)s, %(key)s)
    order by (row ->> 'filed_at') collate "C" desc, key desc
    limit %(limit)s::bigint
)
