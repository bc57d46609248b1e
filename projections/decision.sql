-- A recorded decision by its id.
select position, entry::text
from log
where stream = 'decision-' || %(id)s::text and version = 1
