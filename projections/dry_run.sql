-- Of the last 10,000 decisions on an action, those that some verdicts would flip: how many decisions
-- there are, how many flip, and the newest 1,000 of these as [{id, recorded, would_be}]. Positions
-- come first, from the index alone: it is then the cheapest whatever the planner believed.
with latest as materialized (
    select position
    from log
    where tenant = %(tenant)s and action = %(action)s
    order by position desc
    limit 10000
), judged as materialized (
    select log.position, log.entry
    from latest
    join log using (position)
), flips as materialized (
    select
        judged.position,
        judged.entry ->> 'id' as id,
        recorded.decision as recorded,
        verdict.decision as would_be
    from judged
    cross join lateral json_to_record(judged.entry -> 'data')
        as recorded(tier integer, claim_status text, decision text)
    join json_to_recordset(%(verdicts)s::json)
        as verdict(tier integer, claim_status text, decision text)
        using (tier, claim_status)
    where verdict.decision <> recorded.decision
)
select
    (select count(*) from judged),
    (select count(*) from flips),
    (
        select coalesce(json_agg(newest order by position desc), '[]')::text
        from (select * from flips order by position desc limit 1000) as newest
    )
