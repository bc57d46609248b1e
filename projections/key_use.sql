-- When keys were last used.
select key_id, to_char(used_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
from key_use
where key_id = any(%(key_ids)s)
