-- name: read
-- The entries after a position that change which webhooks there are, and those of tenants that have
-- one by then; and where the reading ends, which has no entry.
with slice as materialized (
    select position, type, tenant, entry
    from log
    where position > %(after)s and position <= %(after)s + %(limit)s and type = any(%(types)s)
), begun as materialized (
    select tenant, min(position) as position from slice where type = any(%(own)s) group by tenant
)
select position, entry::text
from slice
where type = any(%(own)s)
    or exists (select from webhook_turn where webhook_turn.tenant = slice.tenant)
    or exists (
        select from begun where begun.tenant = slice.tenant and begun.position < slice.position
    )
union all
select greatest(%(after)s, least(%(after)s + %(limit)s, (select coalesce(max(position), 0) from log))), null
order by 1, 2 nulls last

-- name: tell
-- Tell whoever sends that something may be due.
select pg_notify('webhook', '')

-- name: add
-- A webhook is told of topics from here on.
insert into webhook_turn (webhook_id, tenant, listener, topics)
values (%(webhook_id)s, %(tenant)s, %(listener)s, %(topics)s)
on conflict do nothing

-- name: remove
-- Nothing more is sent to a webhook.
delete from webhook_turn where webhook_id = %(webhook_id)s

-- name: give_up
-- What a webhook had not been told, it is told no more.
update webhook_delivery
set due_at = null, status = 'GIVEN_UP'
where webhook_id = %(webhook_id)s and due_at is not null

-- name: forget
-- A webhook's address, and all that it was told.
with addresses as (
    delete from document where name = %(document)s
)
delete from webhook_delivery where webhook_id = %(webhook_id)s

-- name: turn
-- Something is due for a webhook from a time on.
update webhook_turn
set turn_at = least(turn_at, %(at)s::timestamptz)
where webhook_id = %(webhook_id)s

-- name: replay
-- A delivery is due again, as if it never had been tried.
update webhook_delivery
set due_at = %(at)s::timestamptz, begun_at = %(at)s::timestamptz, tries = 0, status = 'PENDING'
where delivery_id = %(delivery_id)s and webhook_id = %(webhook_id)s

-- name: job
-- The row of the job that an entry is about.
select row::text from state where fold = 'job' and key = %(number)s

-- name: told
-- The webhooks of some listeners that are told of a topic.
select webhook_id
from webhook_turn
where listener = any(%(listeners)s::text[])
    and tenant = %(tenant)s and %(topic)s = any(topics)

-- name: supervisors
-- The webhooks of all supervisors of a tenant that are told of a topic.
select webhook_id
from webhook_turn
cross join lateral (
    select from state
    where fold = 'member' and key = listener and (row -> 'roles')::jsonb @> '"supervisor"'
    offset 0
) as supervisor
where tenant = %(tenant)s and %(topic)s = any(topics)

-- name: candidates
-- The webhooks, told of offers, of the active agents that list what a job asks for within its budget
-- and have not declined it: those of the best reputation, ties by id. New ones stand in the middle.
select unnest(webhook_ids)
from (
    select webhook_ids
    from (
        select row ->> 'agent_id' as agent_id
        from state
        where fold = 'offering' and key >= %(offered)s and key < %(offered)s || chr(1114111)
            and row #>> '{pricing,price,currency}' = %(currency)s
            and (row #>> '{pricing,price,millionths}')::bigint <= %(millionths)s
        offset 0
    ) as offering
    cross join lateral (
        select array_agg(webhook_id) as webhook_ids
        from webhook_turn
        where listener = offering.agent_id and tenant = %(tenant)s and %(topic)s = any(topics)
        offset 0
    ) as listening
    cross join lateral (
        select from state
        where fold = 'agent' and key = offering.agent_id and row ->> 'status' = 'ACTIVE'
        offset 0
    ) as agent
    left join lateral (
        select (row ->> 'score')::bigint as score
        from state where fold = 'reputation' and key = offering.agent_id
        offset 0
    ) as reputation on true
    left join lateral (
        select row ->> 'status' as status
        from state where fold = 'bid' and key = %(bids)s || offering.agent_id
        offset 0
    ) as bid on true
    where webhook_ids is not null and bid.status is distinct from 'DECLINED'
    order by coalesce(score, %(middle)s) desc, agent_id collate "C"
    limit %(limit)s::bigint
) as candidate

-- name: owe
-- One delivery of an entry for each of some webhooks that are there, due at once. Its id is made of
-- the entry's and the webhook's, so there is no second one.
with written as (
    insert into webhook_delivery (
        delivery_id, webhook_id, topic, position, happened_at, begun_at, due_at
    )
    select 'msg_' || left(encode(sha256(convert_to(%(entry_id)s || webhook_id, 'UTF8')), 'hex'), 32),
        webhook_id, %(topic)s, %(position)s,
        %(at)s::timestamptz, %(at)s::timestamptz, %(at)s::timestamptz
    from webhook_turn
    where webhook_id = any(%(webhook_ids)s::text[])
    on conflict do nothing
    returning webhook_id
)
update webhook_turn
set turn_at = least(turn_at, %(at)s::timestamptz)
where webhook_id = any(array(select webhook_id from written))
