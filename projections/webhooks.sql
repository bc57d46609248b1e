-- One page of the webhooks that a member owns, newest first, with their addresses; for an agent those
-- that tell it.
select listed.key, listed.row::text, coalesce(document.content ->> 'url', '')
from (
    select key, row
    from state
    where fold = 'webhook'
        and (row ->> 'tenant') collate "C" = %(tenant)s
        and (row ->> 'owner_id') collate "C" = %(owner_id)s
        and (%(agent_id)s::text is null or row ->> 'agent_id' = %(agent_id)s)
        and ((row ->> 'added_at') collate "C", key) < (%(added_at)s, %(key)s)
    order by (row ->> 'added_at') collate "C" desc, key desc
    limit %(limit)s::bigint
) as listed
left join document on document.name = 'webhook-' || listed.key
order by (listed.row ->> 'added_at') collate "C" desc, listed.key desc
