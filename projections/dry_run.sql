-- Of a tenant's decisions on an action, newest first, so many before a position and within some time,
-- those that some verdicts would flip: how many decisions there are, the position of the last of them,
-- how many flip, and the newest so many of these as [{id, decided_at, recorded, would_be}].
-- A decision with a reason that stands whatever the action asks for does not flip. Positions come
-- first, from the index alone: it is then the cheapest whatever the planner believed.
with bounds as materialized (
    select
        coalesce(log_position_at(%(since)s::timestamptz - interval '1 millisecond'), 0) as after,
        least(%(before)s::bigint - 1, log_position_at(%(until)s::timestamptz)) as until
), latest as materialized (
    select found.position
    from bounds
    cross join lateral (
        select position
        from log
        where tenant = %(tenant)s and action = %(action)s
            and position > bounds.after and position <= bounds.until
        order by position desc
        limit %(limit)s::bigint
    ) as found
), judged as materialized (
    select log.position, log.entry
    from latest
    join log using (position)
), flips as materialized (
    select
        judged.position,
        judged.entry ->> 'id' as id,
        judged.entry ->> 'recorded_at' as decided_at,
        json_build_object('decision', recorded.decision, 'reasons', recorded.reasons) as recorded,
        json_build_object('decision', verdict.decision, 'reasons', verdict.reasons) as would_be
    from judged
    cross join lateral json_to_record(judged.entry -> 'data')
        as recorded(tier integer, claim_status text, decision text, reasons json)
    join json_to_recordset(%(verdicts)s::json)
        as verdict(tier integer, claim_status text, decision text, reasons json)
        using (tier, claim_status)
    where verdict.decision <> recorded.decision
        and recorded.reasons ->> 0
            <> all (array(select json_array_elements_text(%(standing)s::json)))
)
select
    (select count(*) from judged),
    (select min(position) from judged),
    (select count(*) from flips),
    (
        select coalesce(json_agg(newest order by position desc), '[]')::text
        from (select * from flips order by position desc limit %(shown)s::bigint) as newest
    )
