-- One job of a tenant, with what was written on it that is small: the brief, and the last comments.
select job.row::text, brief.content::text, comments.content::text
from state as job
left join document as brief on brief.name = (job.row #>> '{brief,place}')
left join document as comments on comments.name = (job.row #>> '{comments,place}')
where job.fold = 'job' and job.key = %(job_id)s and (job.row ->> 'tenant') = %(tenant)s
