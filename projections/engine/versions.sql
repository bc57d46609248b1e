-- name: all
-- Every version that was not dropped, oldest first, with how it stands. The rows of a live version that
-- is folded inline are always those of the head.
select
    one.name,
    one.version as number,
    one.fingerprint,
    one.inline,
    one.state as status,
    one.partitions,
    (
        select count(*) from projection_part as part
        where part.name = one.name and part.version = one.version
    ) as parts_built,
    one.position as built_to,
    coalesce(live.version = one.version, false) as is_live,
    to_regclass(format('state_%%s_%%s', one.name, one.version)) is not null as is_there,
    coalesce(inline.position, follower.position, one.position) as position,
    head.position as head,
    coalesce(one.cause, follower.cause) as cause,
    extract(epoch from now() - follower.seen_at)::float8 as unseen_seconds,
    coalesce(extract(epoch from now() - next.recorded_at), 0)::float8 as lag_seconds,
    coalesce(extract(epoch from now() - head.recorded_at), 0)::float8 as quiet_seconds
from projection as one
cross join (
    select coalesce(max(position), 0) as position, max(recorded_at) as recorded_at
    from (select position, recorded_at from log order by position desc limit 1) as newest
) as head
left join live_projection as live on live.name = one.name
left join follower on follower.name = 'projection ' || one.name || ' ' || one.version
left join lateral (
    select head.position where one.inline and live.version = one.version
) as inline on true
left join log as next
    on next.position = coalesce(inline.position, follower.position, one.position) + 1
where one.state <> 'dropped' and (%(name)s::text is null or one.name = %(name)s)
order by one.name, one.version

-- name: lock
-- The lock under which the log is written.
select pg_advisory_xact_lock(hashtext('tenure log'))

-- name: head
-- The newest position.
select coalesce(max(position), 0) from log

-- name: live
-- The names that have a live version, whose table nobody dropped by hand.
select name from live_projection
where to_regclass(format('state_%s_%s', name, version)) is not null

-- name: begin
-- A new version begins, with the next number of its name.
insert into projection (name, version, fingerprint, inline, state, partitions, position)
select %(name)s, coalesce(max(version), 0) + 1, %(fingerprint)s, %(inline)s, 'building',
       %(partitions)s, %(position)s
from projection
where name = %(name)s
returning version

-- name: make
-- Its tables. Room is left on each page of rows, so that a row changes in place.
create table {state} (like state, check (fold = {fold})) with (fillfactor = 80);
create table {snapshot} (like snapshot, check (fold = {fold}));
grant select, insert, update, delete on {state}, {snapshot} to tenure_writer

-- name: key
-- Their keys, after the rows.
alter table {state} add primary key (fold, key);
alter table {snapshot} add primary key (fold, key, position)

-- name: built
-- A version is built, and is followed from there.
with built as (
    update projection set state = 'built', built_at = now(), cause = null
    where name = %(name)s and version = %(number)s
    returning position
)
insert into follower (name, position, seen_at)
select %(follower)s, position, now() from built

-- name: stopped
-- A version cannot be built: what stopped it, and after which position.
update projection set cause = %(cause)s, position = %(position)s
where name = %(name)s and version = %(number)s

-- name: part
-- Whether a partition is built; its builder alone may look until it ends.
select
    pg_advisory_xact_lock(hashtextextended(
        concat_ws(' ', 'tenure part', %(name)s::text, %(number)s, %(part)s), 0
    )),
    exists (
        select from projection_part
        where name = %(name)s and version = %(number)s and part = %(part)s
    )

-- name: part_built
-- A partition is built.
insert into projection_part (name, version, part, entries, rows)
values (%(name)s, %(number)s, %(part)s, %(entries)s, %(rows)s)

-- name: rebuilding
-- Whether this session alone builds and drops versions of a name from now on, until it ends.
select pg_try_advisory_lock(hashtextextended('tenure rebuild ' || %(name)s::text, 0))

-- name: dropped
-- A version is gone, and so is its follower's place.
with noted as (
    update projection set state = 'dropped' where name = %(name)s and version = %(number)s
)
delete from follower where name = %(follower)s

-- name: drop
-- Its tables go.
drop table if exists {state}, {snapshot}

-- name: not_rebuilding
-- It does no more.
select pg_advisory_unlock(hashtextextended('tenure rebuild ' || %(name)s::text, 0))
