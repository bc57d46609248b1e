-- name: listen
-- Be told when something may be due.
listen webhook

-- name: due
-- The oldest that is due of each webhook whose turn it is, those first who have waited longest. One
-- that is disabled or deleted has its turn until that is read.
select turn.webhook_id, turn.webhook, address.url, delivery.delivery_id, delivery.topic,
    told.entry, job.row, delivery.tries, delivery.begun_at
from (
    select webhook_id, in_use.webhook
    from webhook_turn
    cross join lateral (
        select row::text as webhook
        from state
        where fold = 'webhook' and key = webhook_turn.webhook_id
            and row ->> 'disabled_at' is null
        offset 0
    ) as in_use
    where turn_at <= %(now)s::timestamptz and webhook_id <> all(%(busy)s::text[])
    order by turn_at
    limit %(limit)s::bigint
) as turn
cross join lateral (
    select delivery_id, topic, position, tries, begun_at
    from webhook_delivery
    where webhook_id = turn.webhook_id and due_at <= %(now)s::timestamptz
    order by due_at
    limit 1
) as delivery
cross join lateral (
    select stream, entry::text from log where position = delivery.position offset 0
) as told
cross join lateral (
    select content ->> 'url' as url from document where name = 'webhook-' || turn.webhook_id offset 0
) as address
left join lateral (
    select row::text
    from state
    where fold = 'job' and told.stream like 'job-%%' and key = substr(told.stream, 5)
    offset 0
) as job on true

-- name: next
-- In how many seconds it is the next one's turn; null when nobody waits for one.
select greatest(0.05, extract(epoch from turn_at - %(now)s::timestamptz))
from (
    select min(turn_at) as turn_at from webhook_turn where webhook_id <> all(%(busy)s::text[])
) as next

-- name: lock
-- A webhook's row, so that what is noted of it is all that there is.
select from webhook_turn where webhook_id = %(webhook_id)s for update

-- name: note
-- An attempt at a delivery, and when the next is; without one, how it ended. If meanwhile it was made
-- due anew, it stays so.
with tried as (
    update webhook_delivery
    set attempts = attempts + 1,
        tries = case when begun_at = %(begun_at)s then tries + 1 else tries end,
        due_at = case when begun_at = %(begun_at)s then %(due_at)s::timestamptz else due_at end,
        status = case
            when begun_at = %(begun_at)s and %(due_at)s::timestamptz is null then %(settled)s
            else status
        end
    where delivery_id = %(delivery_id)s
    returning delivery_id, webhook_id, attempts
)
insert into webhook_attempt (delivery_id, number, webhook_id, at, milliseconds, status, error)
select delivery_id, attempts, webhook_id, %(at)s::timestamptz, %(milliseconds)s, %(status)s, %(error)s
from tried

-- name: turn
-- The next turn of a webhook that was just sent to: behind all who wait by now; none when nothing is
-- left.
update webhook_turn
set turn_at = (
    select greatest(%(now)s::timestamptz, due_at)
    from webhook_delivery
    where webhook_id = %(webhook_id)s and due_at is not null
    order by due_at
    limit 1
)
where webhook_id = %(webhook_id)s

-- name: count
-- How many deliveries are due, of which no more than 10,000 are counted, and for how long the oldest.
select count(*), coalesce(extract(epoch from %(now)s::timestamptz - min(due_at)), 0)
from (
    select due_at from webhook_delivery where due_at <= %(now)s::timestamptz
    order by due_at
    limit 10000
) as due
