-- One page of what awaits an evaluation in a tenant, the oldest first, without the work of the
-- supervisor's own agents.
select row::text
from state
where fold = 'job'
    and (row ->> 'awaiting_since') is not null
    and (row ->> 'tenant') collate "C" = %(tenant)s
    and ((row ->> 'awaiting_since') collate "C", key::bigint)
        > (%(since)s, %(number)s::bigint)
    and coalesce((row #>> '{engagement,terms,developer_id}') <> %(supervisor_id)s, true)
order by (row ->> 'awaiting_since') collate "C", key::bigint
limit %(limit)s::bigint
