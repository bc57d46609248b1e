-- One job of a tenant, and one page of its items, by their names, each with what was handed in; and
-- whether it is within so many bytes: the first that is not, and all after it, are for another page.
with page as materialized (
    select job.row::text as job, item.key, item.row::text as item, result.content::text as content,
        sum(octet_length(result.content::text)) over (
            order by item.key rows between unbounded preceding and 1 preceding
        ) as before
    from state as job
    left join lateral (
        select key, row
        from state
        where fold = 'item'
            and key > %(after)s and key < %(job_id)s || '0'
        order by key
        limit %(limit)s::bigint
    ) as item on true
    left join document as result on result.name = (item.row ->> 'place')
    where job.fold = 'job' and job.key = %(job_id)s and (job.row ->> 'tenant') = %(tenant)s
), fitting as (
    select *, coalesce(before, 0) < %(bytes)s::bigint as fits from page
)
select job, key, item, case when fits then content end, fits
from fitting
order by key
