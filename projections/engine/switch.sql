-- name: patience
-- Writers wait behind the log's lock, and so this must not wait long for a reader.
select set_config('lock_timeout', %(milliseconds)s::text, true)

-- name: detach
alter table state detach partition {state};
alter table snapshot detach partition {snapshot}

-- name: attach
alter table state attach partition {state} for values in ({fold});
alter table snapshot attach partition {snapshot} for values in ({fold})

-- name: switched
-- A switch, under the log's lock.
insert into projection_switch (generation, name, version, position)
select
    coalesce((select max(generation) from projection_switch), 0) + 1,
    %(name)s,
    %(number)s,
    coalesce((select max(position) from log), 0)
returning generation, position

-- name: follow
-- A version that writers no longer fold is followed from there.
insert into follower (name, position, seen_at)
values (%(follower)s, %(position)s, now())
on conflict (name) do update
    set position = excluded.position, seen_at = excluded.seen_at, cause = null

-- name: unfollow
-- A version that writers fold is followed by nobody.
delete from follower where name = %(follower)s

-- name: before
-- The version that was live before the present one, and can be again.
select switch.version
from projection_switch as switch
join projection on projection.name = switch.name and projection.version = switch.version
where switch.name = %(name)s and projection.state = 'built' and switch.version <> (
    select version from live_projection where live_projection.name = %(name)s
)
order by switch.generation desc
limit 1
