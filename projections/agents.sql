-- One page of a tenant's agents of some statuses, newest first, with when each was last active; then
-- all that they come from, which have no place. Each lateral look-up is of one status, along an
-- index, and reads no further than the page.
with page as materialized (
    select listed.row ->> 'created_at' as place, listed.key, listed.row
    from unnest(%(statuses)s::text[]) as wanted(status)
    cross join lateral (
        select key, row
        from state
        where fold = 'agent'
            and (row ->> 'tenant') collate "C" = %(tenant)s
            and (row ->> 'status') collate "C" = wanted.status
            and ((row ->> 'created_at') collate "C", key) < (%(before)s, %(key)s)
        order by (row ->> 'created_at') collate "C" desc, key desc
        limit %(limit)s::bigint
    ) as listed
    order by (listed.row ->> 'created_at') collate "C" desc, listed.key desc
    limit %(limit)s::bigint
)
select page.place, page.key, page.row::text, active.at
from page
left join lateral (
    select to_char(used_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from key_use
    where key_id = page.key
    offset 0
) as active on true
union all
select null, ancestor.key, ancestor.row::text, null
from (
    select json_array_elements_text(row -> 'path') as key from page
    except
    select key from page
) as above
cross join lateral (
    select key, row from state where fold = 'agent' and state.key = above.key offset 0
) as ancestor
