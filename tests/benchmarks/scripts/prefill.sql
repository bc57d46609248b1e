-- name: new_entities
-- As many new entities, none of which was ever seen.
create temporary table new_entity as
select number, gen_random_uuid()::text as entity_id
from generate_series(0, %(entities)s::integer - 1) as number

-- name: find_new_entity
create index on new_entity (number)

-- name: grow_log
-- Copies of the last entry, dealt out to the new entities in turn, each with an id of its own.
with template as (
    select * from log order by position desc limit 1
)
insert into log (position, stream, version, type, tenant, recorded_at, kind, entry)
select
    template.position + 1 + copy, 'entity-' || entity_id, copy / %(entities)s + 1,
    type, tenant, recorded_at, kind,
    regexp_replace(
        replace(
            replace(entry::text, entry ->> 'id', gen_random_uuid()::text),
            template.stream, 'entity-' || entity_id
        ),
        '"version": *\d+', '"version":' || copy / %(entities)s + 1
    )::json
from template
cross join generate_series(0, %(entries)s::integer - 1) as copy
join new_entity on new_entity.number = mod(copy, %(entities)s)
order by copy

-- name: grow_states
-- The rows of the entity copied, for each new entity.
insert into state (fold, key, version, position, row)
select
    fold, new_entity.entity_id, %(entries)s / %(entities)s, position,
    replace(row::text, %(entity_id)s, new_entity.entity_id)::json
from state cross join new_entity
where state.key = %(entity_id)s

-- name: grow_subjects
-- A way from an unknown person to each new entity.
insert into subject (lookup, entity_id)
select sha256(convert_to(entity_id, 'UTF8')), entity_id from new_entity

-- name: grow_records
-- A kept reply for each entry copied.
with template as (
    select * from idempotency order by recorded_at desc limit 1
)
insert into idempotency (key, recorded_at, position, fingerprint, status, body)
select
    sha256(convert_to(gen_random_uuid()::text, 'UTF8')), recorded_at, %(position)s + copy,
    fingerprint, status, body
from template cross join generate_series(1, %(entries)s::integer) as copy

-- name: grow_entity
-- Further entries of one stream: copies of its last, with the versions that follow.
with template as (
    select * from log where stream = %(stream)s order by version desc limit 1
), head as (
    select position, recorded_at from log order by position desc limit 1
)
insert into log (position, stream, version, type, tenant, recorded_at, kind, entry)
select
    head.position + copy, stream, version + copy, type, tenant, head.recorded_at, kind,
    regexp_replace(
        replace(entry::text, entry ->> 'id', gen_random_uuid()::text),
        '"version": *\d+', '"version":' || version + copy
    )::json
from template cross join head
cross join generate_series(1, %(entries)s::integer) as copy
order by copy

-- name: grow_versions
-- What counts the entries of that stream.
update state set version = version + %(entries)s where key = %(entity_id)s
