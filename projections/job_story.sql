-- One job of a tenant, and one page of the entries of its stream, in order.
select job.row::text, told.version::bigint, told.position, told.entry
from state as job
left join lateral (
    select version, position, entry::text as entry
    from log
    where stream = 'job-' || %(job_id)s and version > %(after)s::integer
    order by version
    limit %(limit)s::bigint
) as told on true
where job.fold = 'job' and job.key = %(job_id)s and (job.row ->> 'tenant') = %(tenant)s
order by told.version
