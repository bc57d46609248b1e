-- What an agent can act on, as one JSON array: jobs that are open to it by its capabilities and its
-- listed price, and the work that it has to do; the oldest first. Each look-up goes along an index in
-- the order of the jobs and stops at the limit, however many jobs and agents there are. What was
-- written comes along, until it is so many bytes: the last job goes beyond them.
with listing as materialized (
    select row
    from state
    where fold = 'listing' and key = %(agent_id)s and (row ->> 'tenant') = %(tenant)s
), offered as (
    select job.number, 'OFFERED' as status, job.row
    from listing
    cross join lateral json_array_elements_text(listing.row -> 'capabilities') as wanted(capability)
    cross join lateral (
        select key::bigint as number, row
        from state
        where fold = 'job'
            and (row ->> 'status') = 'OPEN'
            and (row ->> 'tenant') collate "C" = %(tenant)s
            and (row ->> 'capability') collate "C" = wanted.capability
            and (row #>> '{budget,currency}') collate "C"
                = (listing.row #>> '{pricing,price,currency}')
            and (row #>> '{budget,millionths}')::bigint
                >= (listing.row #>> '{pricing,price,millionths}')::bigint
            and coalesce((row ->> 'deadline') collate "C" > %(now)s, true)
            and not exists (
                select from state as bid
                where bid.fold = 'bid'
                    and bid.key = state.key || '/' || %(agent_id)s
                    and (bid.row ->> 'status') = 'DECLINED'
                -- Looked up job by job: joined, a plan made on a small table would read all of it.
                offset 0
            )
        order by key::bigint
        limit %(limit)s::bigint
    ) as job
), requested as (
    select state.key::bigint as number, 'REQUESTED' as status, state.row
    from listing
    cross join state
    where state.fold = 'job'
        and (state.row ->> 'status') = 'REQUESTED'
        and (state.row #>> '{engagement,terms,agent_id}') collate "C" = %(agent_id)s
    order by state.key::bigint
    limit %(limit)s::bigint
), due as materialized (
    select * from offered
    union all
    select * from requested
    order by number
    limit %(limit)s::bigint
), written as (
    select due.number, due.status, due.row, brief.content as brief,
        comments.content as comments,
        sum(octet_length(concat(brief.content, comments.content)))
            over (order by due.number rows between unbounded preceding and 1 preceding) as before
    from due
    -- A job's brief is where `place_of` puts it: to look for that in each row takes as long as the rest.
    left join document as brief on brief.name = 'job-' || due.number || '/brief'
    left join document as comments on comments.name = case
        when due.status = 'REQUESTED' then due.row #>> '{comments,place}'
    end
)
select coalesce(
    json_agg(json_build_array(number, status, row, brief, comments) order by number), '[]'
)::text
from written
where coalesce(before, 0) < %(bytes)s::bigint
