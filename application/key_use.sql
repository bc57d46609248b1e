-- name: note
-- Moves each key's last use forward, never back.
insert into key_use (key_id, used_at)
select key_id, used_at
from json_to_recordset(%(uses)s::json) as used(key_id text, used_at timestamptz)
on conflict (key_id) do update set used_at = greatest(key_use.used_at, excluded.used_at)
