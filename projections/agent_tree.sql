-- A part of a tenant's forest: an agent and all who come from it, or everybody, made until a position
-- if one is given, each parent before its children, with when each was last active; then all that they
-- come from, which have no place. Everybody below an agent stands in one range of the genealogy's
-- keys, whose rows never change.
with root as materialized (
    select
        %(tenant)s || coalesce(
            (select string_agg('/' || value, '' order by ordinality)
             from json_array_elements_text(row -> 'path') with ordinality),
            ''
        ) || '/' || key as first,
        json_array_length(row -> 'path') as depth,
        row -> 'path' as path
    from state
    where fold = 'agent' and key = %(root)s and (row ->> 'tenant') collate "C" = %(tenant)s
    union all
    select %(tenant)s, 0, '[]' where %(root)s::text is null
), page as materialized (
    select kin.key as place, agent.key, agent.row
    from (
        select key, row
        from state
        where fold = 'genealogy'
            and key >= (select first from root) and key < (select first || '0' from root)
            and key > %(after)s
            and row ->> 'tenant' = %(tenant)s
            and (%(until)s::bigint is null or position <= %(until)s::bigint)
            -- The tenant is two parts of a key, each agent is one.
            and (
                %(depth)s::integer is null
                or split_part(key, '/', 4 + %(depth)s::integer + (select depth from root)) = ''
            )
    ) as kin
    cross join lateral (
        select key, row
        from state
        where fold = 'agent' and state.key = kin.row ->> 'agent_id'
        offset 0
    ) as agent
    where (%(status)s::text is null or agent.row ->> 'status' = %(status)s)
    order by kin.key
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
    union
    select json_array_elements_text(path) from root
    union
    select %(root)s where exists (select from root)
    except
    select key from page
) as above
cross join lateral (
    select key, row from state where fold = 'agent' and state.key = above.key offset 0
) as ancestor
