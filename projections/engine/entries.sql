-- The next entries of the whole log.
select position, entry::text
from log
where position > %(after)s and position <= %(until)s
order by position
limit %(limit)s
