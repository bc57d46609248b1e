-- One job of a tenant, and the counter-offers that its client may take.
select job.row::text, offer.key, offer.row::text
from state as job
left join lateral (
    select key, row
    from state
    where fold = 'counter_offer'
        and (row ->> 'job')::bigint = (%(job_id)s::text)::bigint
        and (row ->> 'status') = 'OPEN'
    order by key
    limit %(limit)s::bigint
) as offer on true
where job.fold = 'job' and job.key = %(job_id)s and (job.row ->> 'tenant') = %(tenant)s
