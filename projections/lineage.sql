-- An agent, those it comes from, and, if wanted, those that come from it directly, made until a
-- position if one is given, each with when it was last active. Direct children stand in one range of
-- the genealogy's keys, whose rows never change.
with self as materialized (
    select key, row
    from state
    where fold = 'agent' and key = %(agent_id)s and (row ->> 'tenant') collate "C" = %(tenant)s
), line as (
    select key from self
    union all
    select json_array_elements_text(row -> 'path') from self
    union all
    select kin.row ->> 'agent_id'
    from self
    cross join lateral (
        select row
        from state
        where fold = 'genealogy' and key >= self.key || '/' and key < self.key || '0'
            and (%(until)s::bigint is null or position <= %(until)s::bigint)
        offset 0
    ) as kin
    where %(children)s::boolean
)
select agent.key, agent.row::text, active.at
from line
cross join lateral (
    select key, row from state where fold = 'agent' and state.key = line.key offset 0
) as agent
left join lateral (
    select to_char(used_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as at
    from key_use
    where key_id = agent.key
    offset 0
) as active on true
