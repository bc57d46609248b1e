-- One page of claims, newest first: those that a tenant filed or, of a person, those against all whom
-- the person is one with. Who that is, is looked up by the same statement, so whoever left sees
-- nothing of what comes after; or they are given, as they were at some time. Of the two branches one
-- is executed. Each lateral look-up is of one
-- status, along an index, and reads no further than the page.
with person as materialized (
    select entity_id from subject where lookup = decode(%(lookup)s, 'hex')
), one_with_it as materialized (
    select json_array_elements_text(%(entities)s::json) as entity_id
    union
    select entity_id from person
    union
    select json_object_keys(joined.row -> 'tenants')
    from person
    join state as member on member.fold = 'membership' and member.key = entity_id
    join state as joined on joined.fold = 'group' and joined.key = member.row ->> 'group_id'
), found as (
    select filed.key, filed.row
    from unnest(%(statuses)s::text[]) as wanted(status)
    cross join lateral (
        select key, row
        from state
        where %(lookup)s::text is null and %(entities)s::json is null
            and fold = 'claim'
            and (row ->> 'tenant') collate "C" = %(tenant)s
            and (row ->> 'status') collate "C" = wanted.status
            and ((row ->> 'filed_at') collate "C", key) < (%(filed_at)s, %(key)s)
        order by (row ->> 'filed_at') collate "C" desc, key desc
        limit %(limit)s::bigint
    ) as filed
    union all
    select against.key, against.row
    from one_with_it
    cross join unnest(%(statuses)s::text[]) as wanted(status)
    cross join lateral (
        select key, row
        from state
        where fold = 'claim'
            and (row ->> 'entity_id') collate "C" = one_with_it.entity_id
            and (row ->> 'status') collate "C" = wanted.status
            and ((row ->> 'filed_at') collate "C", key) < (%(filed_at)s, %(key)s)
        order by (row ->> 'filed_at') collate "C" desc, key desc
        limit %(limit)s::bigint
    ) as against
), page as (
    select key, row
    from found
    order by (row ->> 'filed_at') collate "C" desc, key desc
    limit %(limit)s::bigint
)
select page.key, page.row::text, issuer.row ->> 'name'
from page
left join state as issuer
    on issuer.fold = 'partner' and issuer.key = split_part(page.row ->> 'tenant', '/', 2)
order by (page.row ->> 'filed_at') collate "C" desc, page.key desc
