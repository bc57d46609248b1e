-- One page of the agents that list a capability, or of all that are listed, the best first, without
-- those that may not act. The rank is worked out over all of them, so a page costs as much as there
-- are agents of a capability.
with found as materialized (
    select (row ->> 'agent_id') as agent_id
    from state
    where fold = 'offering' and key >= %(prefix)s and key < %(prefix)s || chr(1114111)
), ranked as materialized (
    select distinct
        found.agent_id, listing.row::text as listing, reputation.row::text as reputation,
        coalesce((reputation.row ->> 'score')::bigint, %(middle)s::bigint) as score
    from found
    join state as agent
        on agent.fold = 'agent' and agent.key = found.agent_id
        and (agent.row ->> 'status') = 'ACTIVE'
    join state as listing on listing.fold = 'listing' and listing.key = found.agent_id
    left join state as reputation
        on reputation.fold = 'reputation' and reputation.key = found.agent_id
)
select agent_id, listing, reputation, score
from ranked
where (-score, agent_id collate "C") > (-%(score)s::bigint, %(agent_id)s)
order by score desc, agent_id collate "C"
limit %(limit)s::bigint
