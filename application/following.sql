-- name: lead
-- Whether this session leads a follower from now on; it does until it ends.
select pg_try_advisory_lock(hashtextextended('tenure follower ' || %(name)s::text, 0))

-- name: listen
-- Be told of whatever is written.
listen log

-- name: place
-- How far a follower has read, from 0 when it is new. Whoever looks is about to try again.
insert into follower (name, position, seen_at)
values (%(name)s, 0, now())
on conflict (name) do update set cause = null
returning position

-- name: move
-- A follower has read to a position.
update follower
set position = %(position)s, seen_at = now()
where name = %(name)s

-- name: stop
-- A follower cannot take the entry after its position.
update follower
set seen_at = now(), cause = %(cause)s
where name = %(name)s
