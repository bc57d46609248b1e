-- One page of a client's invoices, newest first, or one of them, each with what was moved back
-- since: whatever moves after an invoice moves back.
select invoice.position, invoice.entry::text, coalesce(back.minor, 0)::bigint
from (
    select position, stream, version, tenant, entry
    from log
    where type = 'job.invoiced.v1'
        and tenant = %(tenant)s
        and entry #>> '{data,client_id}' = %(client_id)s
        and position < %(before)s::bigint
        and (%(stream)s::text is null or stream = %(stream)s)
    order by position desc
    limit %(limit)s::bigint
) as invoice
left join lateral (
    select sum((entry #>> '{data,postings,0,minor}')::bigint) as minor
    from log
    where stream = invoice.stream and version > invoice.version
        and type = 'job.money_moved.v1'
        and entry #>> '{data,kind}' = 'REVERSAL'
        and entry #>> '{data,postings,1,kind}' = 'receivable'
) as back on true
order by invoice.position desc
