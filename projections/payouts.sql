-- One page of a developer's payouts, newest first, each with what was moved back since: what the
-- client was given back, less the platform's share of it.
select payout.position, payout.entry::text, coalesce(back.minor, 0)::bigint
from (
    select position, stream, version, tenant, entry
    from log
    where type = 'job.paid_out.v1'
        and tenant = %(tenant)s
        and entry #>> '{data,developer_id}' = %(developer_id)s
        and position < %(before)s::bigint
    order by position desc
    limit %(limit)s::bigint
) as payout
left join lateral (
    select sum((reversed.entry #>> '{data,earned_minor}')::bigint) as minor
    from log as reversed
    where reversed.stream = payout.stream and reversed.version > payout.version
        and reversed.type = 'job.evaluation_reversed.v1'
        and reversed.entry #>> '{data,agent_id}' = payout.entry #>> '{data,agent_id}'
) as back on true
order by payout.position desc
