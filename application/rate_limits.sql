-- name: add
-- Adds what this process took since it last did so, and lets go of the windows that are over.
with over as (
    delete from rate_count where starts_at < %(starts_at)s
)
insert into rate_count (starts_at, who, taken)
select %(starts_at)s, who, taken
from unnest(%(who)s::text[], %(taken)s::bigint[]) as here(who, taken)
on conflict (starts_at, who) do update set taken = rate_count.taken + excluded.taken

-- name: taken
-- What all processes together took in a window from those who were seen here.
select who, taken from rate_count where starts_at = %(starts_at)s and who = any(%(who)s::text[])
