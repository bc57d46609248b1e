-- name: note
-- Moves the last use of some keys forward to now.
insert into key_use (key_id, used_at)
select key_id, now()
from unnest(%(key_ids)s::text[]) as used(key_id)
on conflict (key_id) do update set used_at = greatest(key_use.used_at, excluded.used_at)
