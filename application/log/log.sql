-- name: begin
begin

-- name: lock
-- One writer at a time. A statement of its own, so that the next one sees what the last writer did.
select pg_advisory_xact_lock(hashtext('tenure log'))

-- name: snapshot
-- What follows, until the commit, sees one and the same state.
begin isolation level repeatable read read only

-- name: hold
-- No version is switched until the commit. Before the first look, so that none is older than a switch
-- whose rows it would find.
lock table only state in access share mode

-- name: rows
-- Rows of one fold, as a JSON array: $1 fold · $2 keys. The fold is a parameter of the statement and
-- of nothing within it, so only that fold's partition is opened.
select coalesce(json_agg(json_build_array(fold, key, version, position, row)), '[]')
from state
where fold = $1::text and key = any($2::text[])

-- name: range
-- All rows of one fold whose keys begin alike, as a JSON array: $1 fold · $2 how they begin.
select coalesce(json_agg(json_build_array(fold, key, version, position, row)), '[]')
from state
where fold = $1::text and key >= $2::text and key < $2::text || chr(1114111)

-- name: stands
-- The last change of authority, how far the log is, and which generation of rows is live.
select json_build_array(
    coalesce((select max(position) from authority), 0),
    coalesce((select max(position) from log), 0),
    coalesce((select max(generation) from projection_switch), 0)
)

-- name: live
-- The present generation, and by what code the live rows of each inline fold are made.
select json_build_object(
    'generation', coalesce((select max(generation) from projection_switch), 0),
    'fingerprints', coalesce((
        select json_object_agg(one.name, one.fingerprint)
        from live_projection as live
        join projection as one on one.name = live.name and one.version = live.version
        where one.inline
    ), '{}')
)

-- name: write
-- Everything that a batch does, or a slice of a large one, in one statement: entries at their
-- positions, the rows folded from them, new subjects, kept replies, changes of authority; then a
-- notification, equal in each slice, because PostgreSQL sends equal ones of a transaction once.
-- Rows come by columns: $1 head · $2 recorded at · of entries $3 streams · $4 versions · $5 types ·
-- $6 tenants · $7 kinds · $8 whom they are about · $9 actions · $10 entries · of rows $11 folds ·
-- $12 keys · $13 versions · $14 positions · $15 states · of subjects $16 lookups · $17 entities ·
-- of kept replies $18 keys · $19 positions · $20 fingerprints · $21 statuses · $22 bodies ·
-- $23 positions of authority
with appended as (
    insert into log (
        position, stream, version, type, tenant, recorded_at, kind, about, action, entry
    )
    select $1::bigint + ordinality, stream, version, type, tenant, $2::timestamptz,
           kind, about, action, entry
    from unnest(
        $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::json[]
    ) with ordinality as item(stream, version, type, tenant, kind, about, action, entry)
), folded as (
    insert into state (fold, key, version, position, row)
    select * from unnest($11::text[], $12::text[], $13::bigint[], $14::bigint[], $15::json[])
    on conflict (fold, key) do update
        set version = excluded.version, position = excluded.position, row = excluded.row
), met as (
    insert into subject (lookup, entity_id)
    select * from unnest($16::bytea[], $17::text[])
), kept as (
    insert into idempotency (key, recorded_at, position, fingerprint, status, body)
    select key, $2::timestamptz, position, fingerprint, status, body
    from unnest($18::bytea[], $19::bigint[], $20::bytea[], $21::bigint[], $22::text[])
        as reply(key, position, fingerprint, status, body)
), marked as (
    insert into authority (position)
    select * from unnest($23::bigint[])
)
select pg_notify('log', '')

-- name: keep
-- Snapshots: rows as they were at some of their versions. $1 folds · $2 keys · $3 versions ·
-- $4 positions · $5 states.
insert into snapshot (fold, key, version, position, row)
select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::json[])

-- name: file
-- New documents beside the log: $1 [{name, content}].
insert into document (name, content)
select name, content from json_to_recordset($1::json) as new(name text, content json)

-- name: drop_rows
-- Rows that a fold let go: $1 fold · $2 keys.
delete from state where fold = $1 and key = any($2::text[])

-- name: forget
-- The erased: their subjects, and the replies kept for what was lately written of them. The reply
-- to the erasure itself stays, for its repeats: it names nobody. $1 entities.
with forgotten as (
    select value as entity_id from json_array_elements_text($1::json)
), subjects as (
    delete from subject using forgotten where subject.entity_id = forgotten.entity_id
), written as (
    select recent.position
    from forgotten
    cross join lateral (
        (
            select position from log
            where stream = 'entity-' || forgotten.entity_id
                and recorded_at > now() - interval '3 days'
                and type <> 'entity.erased.v1'
            offset 0
        )
        union all
        (
            select position from log
            where about = forgotten.entity_id
                and recorded_at > now() - interval '3 days'
                and type <> 'group.left.v1'
            offset 0
        )
    ) as recent
)
delete from idempotency using written where idempotency.position = written.position

-- name: erase
-- What people wrote in some streams: the documents, and the replies kept for what was lately done
-- there. The reply to the erasure itself stays, for its repeats: it shows nothing. $1 streams.
with documents as (
    delete from document
    using unnest($1::text[]) as erased(stream)
    where name >= erased.stream || '/' and name < erased.stream || '0'
), written as (
    select recent.position
    from unnest($1::text[]) as erased(stream)
    cross join lateral (
        select position from log
        where stream = erased.stream
            and recorded_at > now() - interval '3 days'
            and type <> 'job.erased.v1'
        offset 0
    ) as recent
)
delete from idempotency using written where idempotency.position = written.position

-- name: commit
commit

-- name: rollback
rollback

-- name: entry_at
-- Settles an unknown outcome: the id of the entry at position $1, where a lost commit wrote first.
select entry ->> 'id' from log where position = $1::bigint
