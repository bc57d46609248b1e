-- One job of a tenant, and the next entries of its stream, in order, each with the result that it
-- hands in, if it does.
select job.row::text, told.version::bigint, told.position, told.entry::text, result.content::text
from state as job
left join lateral (
    select version, position, entry
    from log
    where stream = 'job-' || %(job_id)s and version > %(after)s::integer
    order by version
    limit %(limit)s::bigint
) as told on true
left join document as result on result.name = (told.entry #>> '{data,result,place}')
where job.fold = 'job' and job.key = %(job_id)s and (job.row ->> 'tenant') = %(tenant)s
order by told.version
