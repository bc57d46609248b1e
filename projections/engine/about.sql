-- The next entries about an entity after a position, none beyond another.
select position, position as place, entry::text
from log
where about = %(source)s
    and position > %(after)s::bigint
    and position <= %(until)s::bigint
order by position
limit %(limit)s::bigint
