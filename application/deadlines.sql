-- name: due
-- The jobs whose deadline has passed and that still take work, the longest ago first.
select row ->> 'tenant', key
from state
where fold = 'job' and row ->> 'ended_at' is null and row ->> 'closed' is null
    and (row ->> 'deadline') collate "C" <= %(now)s
order by (row ->> 'deadline') collate "C"
limit %(limit)s::bigint

-- name: next
-- In how many seconds the next deadline passes that has not yet; null when there is none.
select extract(epoch from (deadline::timestamptz - %(now)s::timestamptz))
from (
    select min((row ->> 'deadline') collate "C") as deadline
    from state
    where fold = 'job' and row ->> 'ended_at' is null and row ->> 'closed' is null
        and (row ->> 'deadline') collate "C" > %(now)s
) as next
