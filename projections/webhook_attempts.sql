-- One page of the attempts to send a webhook anything, newest first, and how each delivery stands.
-- One delivery has no two attempts at the same time.
select delivery_id, topic, number,
    to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), milliseconds, tried.status, error,
    delivery.status, to_char(due_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
from (
    select *
    from webhook_attempt
    where webhook_id = %(webhook_id)s
        and (at, delivery_id) < (%(at)s::timestamptz, %(delivery_id)s)
    order by at desc, delivery_id desc
    limit %(limit)s::bigint
) as tried
join webhook_delivery as delivery using (delivery_id)
order by at desc, delivery_id desc
