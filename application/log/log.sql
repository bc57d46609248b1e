-- name: lock
-- One writer at a time. A statement of its own, so that the next one sees what the last writer did.
select pg_advisory_xact_lock(hashtext('tenure log'))

-- name: load
-- The head of the log and every row asked for, as one JSON document of one snapshot. A person's
-- subject brings the rows of its entity along, so that one question is enough.
with found as materialized (
    select asked.lookup, subject.entity_id
    from json_array_elements_text(%(subjects)s::json) as asked(lookup)
    join subject on subject.lookup = decode(asked.lookup, 'hex')
), loaded as (
    select 'subject' as kind, lookup as key, 0 as version, 0::bigint as position,
           to_json(entity_id) as row
    from found
    union all
    select fold, key, version, position, row
    from found join state on state.key = found.entity_id and state.fold = any(%(along)s::text[])
    union all
    select state.fold, state.key, state.version, state.position, state.row
    from json_to_recordset(%(asked)s::json) as asked(fold text, key text)
    join state on state.fold = asked.fold and state.key = asked.key
    union all
    select 'record', asked.key, 0, idempotency.position, json_build_object(
        'fingerprint', encode(fingerprint, 'hex'), 'status', status, 'body', body
    )
    from json_array_elements_text(%(records)s::json) as asked(key)
    join idempotency
        on idempotency.key = decode(asked.key, 'hex')
        and idempotency.recorded_at > now() - interval '24 hours'
)
select json_build_object(
    'position', coalesce((select max(position) from log), 0),
    'recorded_at', (select entry ->> 'recorded_at' from log order by position desc limit 1),
    'authority', coalesce((select max(position) from authority), 0),
    'rows', coalesce((select json_agg(
        json_build_array(kind, key, version, position, row)
    ) from loaded), '[]')
)::text

-- name: write
-- Everything that a batch does, in one statement: entries at their positions, the rows folded from
-- them, new subjects, kept replies, changes of authority; then one notification.
with entry as (
    select %(position)s::bigint + item.ordinality as position, item.value as entry, envelope.*
    from json_array_elements(%(entries)s::json) with ordinality as item
    cross join lateral json_to_record(item.value) as envelope(
        stream text, version integer, type text, tenant text, recorded_at timestamptz, data json
    )
), appended as (
    insert into log (position, stream, version, type, tenant, recorded_at, kind, entry)
    select position, stream, version, type, tenant, recorded_at, data ->> 'kind', entry
    from entry
    order by position
), folded as (
    insert into state (fold, key, version, position, row)
    select fold, key, version, position, row
    from json_to_recordset(%(rows)s::json)
        as changed(fold text, key text, version integer, position bigint, row json)
    on conflict (fold, key) do update
        set version = excluded.version, position = excluded.position, row = excluded.row
), met as (
    insert into subject (lookup, entity_id)
    select decode(lookup, 'hex'), entity_id
    from json_to_recordset(%(subjects)s::json) as new(lookup text, entity_id text)
), kept as (
    insert into idempotency (key, recorded_at, position, fingerprint, status, body)
    select decode(key, 'hex'), recorded_at, position, decode(fingerprint, 'hex'), status, body
    from json_to_recordset(%(records)s::json) as reply(
        key text, recorded_at timestamptz, position bigint, fingerprint text, status smallint,
        body text
    )
), marked as (
    insert into authority (position)
    select value::bigint from json_array_elements_text(%(authority)s::json)
)
select pg_notify('log', %(position)s::text)

-- name: drop_rows
-- Rows whose fold let them go.
delete from state
using json_to_recordset(%(rows)s::json) as gone(fold text, key text)
where state.fold = gone.fold and state.key = gone.key

-- name: forget
-- The erased: their subjects, and the replies kept for their events of the last days.
with forgotten as (
    select value as entity_id from json_array_elements_text(%(entities)s::json)
), subjects as (
    delete from subject using forgotten where subject.entity_id = forgotten.entity_id
)
delete from idempotency
using forgotten join log on log.stream = 'entity-' || forgotten.entity_id
where idempotency.position = log.position and log.recorded_at > now() - interval '3 days'

-- name: entry_at
-- Settles an unknown outcome: whether the entry that a lost commit wrote first is there.
select entry ->> 'id' from log where position = %(position)s
