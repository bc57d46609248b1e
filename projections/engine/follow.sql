-- name: ahead
-- How far the next step of a version reads; no row where nobody follows it any more.
select least(%(after)s::bigint + %(limit)s, coalesce((select max(position) from log), 0))
from projection as one
left join live_projection as live on live.name = one.name
where one.name = %(name)s and one.version = %(number)s and one.state = 'built'
    and not (one.inline and live.version is not distinct from one.version)

-- name: entries
-- The entries that it reads.
select position, entry::text from log
where position > %(after)s and position <= %(until)s and type = any(%(types)s)
order by position

-- name: rows
-- The rows that they touch.
select key, version, position, row::text from {state} where key = any(%(keys)s)

-- name: fold
-- The rows as they are then.
insert into {state} (fold, key, version, position, row)
select {fold}, key, version, position, row::json
from unnest(
    %(keys)s::text[], %(versions)s::integer[], %(positions)s::bigint[], %(rows)s::text[]
) as folded(key, version, position, row)
on conflict (fold, key) do update
    set version = excluded.version, position = excluded.position, row = excluded.row

-- name: keep
-- Snapshots.
insert into {snapshot} (fold, key, version, position, row)
select {fold}, key, version, position, row::json
from unnest(
    %(keys)s::text[], %(versions)s::integer[], %(positions)s::bigint[], %(rows)s::text[]
) as kept(key, version, position, row)

-- name: drop_rows
-- Rows that are to go.
delete from {state} where key = any(%(keys)s)

-- name: place
-- How far a version has read. It is held until the transaction ends, so one step goes after another.
select position from follower where name = %(follower)s for update

-- name: move
-- A version has read to a position.
update follower set position = %(position)s, seen_at = now(), cause = null
where name = %(follower)s
