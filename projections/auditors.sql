-- Every auditor, oldest first.
select key, row::text
from state
where fold = 'auditor'
order by row ->> 'created_at', key
