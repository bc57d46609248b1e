-- The next entries of some types about an entity after a position, none beyond another. Each type is
-- read along its own part of the index: who has a few claims and many decisions has a short past.
select found.position, found.position as place, found.entry::text
from json_array_elements_text(%(types)s::json) as wanted(type)
cross join lateral (
    select position, entry
    from log
    where about = %(source)s
        and type = wanted.type
        and position > %(after)s::bigint
        and position <= %(until)s::bigint
    order by position
    limit %(limit)s::bigint
) as found
order by found.position
limit %(limit)s::bigint
