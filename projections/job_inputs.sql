-- One job of a tenant, with what its client gave to work on.
select job.row::text, inputs.content::text
from state as job
left join document as inputs on inputs.name = (job.row #>> '{inputs,place}')
where job.fold = 'job' and job.key = %(job_id)s and (job.row ->> 'tenant') = %(tenant)s
