-- name: since
-- How far the log was looked at beyond a position, and by tenant the last entry of what is waited
-- for: of the types that begin so.
with fresh as materialized (
    select position, tenant, type
    from log where position > %(after)s::bigint order by position limit %(slice)s::bigint
)
select coalesce((select max(position) from fresh), %(after)s::bigint), coalesce(
    (
        select json_object_agg(tenant, position)
        from (
            select tenant, max(position) as position
            from fresh where starts_with(type, %(types)s) and tenant is not null group by tenant
        ) as grown
    ),
    '{}'
)
