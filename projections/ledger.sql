-- One page of the entries that debit or credit a party, newest first. Each branch goes along an
-- index of its own and reads no further than the page.
select position, entry::text
from (
    (
        select position, entry::text
        from log
        where type = 'job.money_moved.v1'
            and tenant = %(tenant)s
            and entry #>> '{data,postings,0,party}' = %(party)s
            and position < %(before)s::bigint
        order by position desc
        limit %(limit)s::bigint
    )
    union
    (
        select position, entry::text
        from log
        where type = 'job.money_moved.v1'
            and tenant = %(tenant)s
            and entry #>> '{data,postings,1,party}' = %(party)s
            and position < %(before)s::bigint
        order by position desc
        limit %(limit)s::bigint
    )
) as found
order by position desc
limit %(limit)s::bigint
