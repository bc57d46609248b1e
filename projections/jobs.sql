-- One page of the jobs that a member sees, newest first, of some statuses: all of a tenant for a
-- supervisor, else their own, those that their agents work on, and those that are open for a
-- developer. Each branch goes along an index of its own and reads no further than the page.
with seen as (
    (
        select key::bigint as number
        from state
        where %(sees_all)s::boolean
            and fold = 'job'
            and (row ->> 'tenant') collate "C" = %(tenant)s
            and key::bigint < %(before)s::bigint
            and (row ->> 'status') = any(%(statuses)s::text[])
        order by key::bigint desc
        limit %(limit)s::bigint
    )
    union
    (
        select key::bigint
        from state
        where fold = 'job'
            and (row ->> 'client_id') collate "C" = %(member_id)s
            and key::bigint < %(before)s::bigint
            and (row ->> 'status') = any(%(statuses)s::text[])
        order by key::bigint desc
        limit %(limit)s::bigint
    )
    union
    (
        select key::bigint
        from state
        where fold = 'job'
            and (row #>> '{engagement,terms,developer_id}') collate "C" = %(member_id)s
            and key::bigint < %(before)s::bigint
            and (row ->> 'status') = any(%(statuses)s::text[])
        order by key::bigint desc
        limit %(limit)s::bigint
    )
    union
    (
        select key::bigint
        from state
        where %(sees_open)s::boolean
            and fold = 'job'
            and (row ->> 'status') = 'OPEN'
            and 'OPEN' = any(%(statuses)s::text[])
            and (row ->> 'tenant') collate "C" = %(tenant)s
            and key::bigint < %(before)s::bigint
        order by key::bigint desc
        limit %(limit)s::bigint
    )
    order by number desc
    limit %(limit)s::bigint
)
select job.row::text, brief.content ->> 'title'
from seen
join state as job on job.fold = 'job' and job.key = seen.number::text
left join document as brief on brief.name = (job.row #>> '{brief,place}')
order by seen.number desc
