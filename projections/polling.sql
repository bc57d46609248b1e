-- What some agents can act on, a JSON array for each: jobs that are open to it by its capabilities and
-- its listed price, and the work that it has to do; the oldest first. Each look-up goes along an index
-- in the order of the jobs and stops at the limit, however many jobs and agents there are. What was
-- written comes along, until it is so many bytes: the last job goes beyond them.
select json_agg(polled.due order by asking.place)::text
from unnest(
    %(tenant)s::text[], %(agent_id)s::text[], %(now)s::text[], %(limit)s::text[], %(bytes)s::text[]
) with ordinality as asking(tenant, agent_id, now, page, bytes, place)
cross join lateral (
    with listing as materialized (
        select row
        from state
        where fold = 'listing' and key = asking.agent_id and (row ->> 'tenant') = asking.tenant
    ), offered as (
        select job.number, 'OFFERED' as status, job.row
        from listing
        cross join lateral json_array_elements_text(listing.row -> 'capabilities') as wanted(capability)
        cross join lateral (
            select key::bigint as number, row
            from state
            where fold = 'job'
                and (row ->> 'status') = 'OPEN'
                and (row ->> 'tenant') collate "C" = asking.tenant
                and (row ->> 'capability') collate "C" = wanted.capability
                and (row #>> '{budget,currency}') collate "C"
                    = (listing.row #>> '{pricing,price,currency}')
                and (row #>> '{budget,millionths}')::bigint
                    >= (listing.row #>> '{pricing,price,millionths}')::bigint
                and coalesce((row ->> 'deadline') collate "C" > asking.now, true)
                and not exists (
                    select from state as bid
                    where bid.fold = 'bid'
                        and bid.key = state.key || '/' || asking.agent_id
                        and (bid.row ->> 'status') = 'DECLINED'
                    -- Looked up job by job: joined, a plan made on a small table would read all of it.
                    offset 0
                )
            order by key::bigint
            limit asking.page::bigint
        ) as job
    ), requested as (
        select state.key::bigint as number, 'REQUESTED' as status, state.row
        from listing
        cross join state
        where state.fold = 'job'
            and (state.row ->> 'status') = 'REQUESTED'
            and (state.row #>> '{engagement,terms,agent_id}') collate "C" = asking.agent_id
        order by state.key::bigint
        limit asking.page::bigint
    ), due as materialized (
        select * from offered
        union all
        select * from requested
        order by number
        limit asking.page::bigint
    ), written as (
        select due.number, due.status, due.row, brief.content as brief,
            comments.content as comments,
            sum(octet_length(concat(brief.content, comments.content)))
                over (order by due.number rows between unbounded preceding and 1 preceding) as before
        from due
        -- A brief is where `place_of` puts it: to look for that in each row takes as long as the rest.
        left join document as brief on brief.name = 'job-' || due.number || '/brief'
        left join document as comments on comments.name = case
            when due.status = 'REQUESTED' then due.row #>> '{comments,place}'
        end
    )
    select coalesce(
        json_agg(json_build_array(number, status, row, brief, comments) order by number), '[]'
    ) as due
    from written
    where coalesce(before, 0) < asking.bytes::bigint
) as polled
