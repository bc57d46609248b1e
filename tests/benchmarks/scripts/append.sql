-- name: last_stream
select stream from log where stream like 'entity-%%' order by position desc limit 1

-- name: load_parameters
-- What the committer asks for to append to an entity: its subject, its rows, and a new key.
select
    (select array_agg(lookup) from subject where entity_id = %(entity_id)s)::text as subjects,
    array[sha256(convert_to(gen_random_uuid()::text, 'UTF8'))]::text as records,
    '{}' as names

-- name: write_parameters
-- What it writes: the entity's last entry once more, its rows, and a kept reply.
with head as (
    select max(position) as position from log
), last as (
    select * from log where stream = %(stream)s order by version desc limit 1
), kept as (
    select * from idempotency order by recorded_at desc limit 1
)
select
    head.position::text as head,
    last.recorded_at::text as recorded_at,
    array[last.stream]::text as streams,
    array[last.version + 1]::text as versions,
    array[last.type]::text as types,
    array[last.tenant]::text as tenants,
    array[last.kind]::text as kinds,
    array[last.about]::text as abouts,
    array[last.action]::text as actions,
    array[regexp_replace(
        replace(entry::text, entry ->> 'id', gen_random_uuid()::text),
        '"version": *\d+', '"version":' || last.version + 1
    )::json]::text as entries,
    rows.*,
    '{}' as lookups,
    '{}' as entities,
    array[sha256(convert_to(gen_random_uuid()::text, 'UTF8'))]::text as record_keys,
    array[head.position + 1]::text as record_positions,
    array[kept.fingerprint]::text as fingerprints,
    array[kept.status]::text as statuses,
    array[kept.body]::text as bodies,
    '{}' as authority
from head cross join last cross join kept cross join (
    select
        array_agg(fold)::text as folds,
        array_agg(key)::text as keys,
        array_agg(state.version + 1)::text as row_versions,
        array_agg(head.position + 1)::text as row_positions,
        array_agg(row)::text as states
    from state cross join head where key = %(entity_id)s
) as rows

-- name: counters
-- What the server itself counted: buffers of all clients, rows and scans of all tables, its log.
select
    (
        select sum(hits + reads) from pg_stat_io
        where backend_type = 'client backend' and object = 'relation'
    )::float8 as buffers,
    tables.index_scans::float8 as index_scans,
    tables.rows_by_index::float8 as rows_by_index,
    tables.rows_by_scan::float8 as rows_by_scan,
    (select wal_records from pg_stat_wal)::float8 as wal_records,
    (select wal_fpi from pg_stat_wal)::float8 as full_pages
from (
    select
        sum(idx_scan) as index_scans, sum(idx_tup_fetch) as rows_by_index,
        sum(seq_tup_read) as rows_by_scan
    from pg_stat_user_tables
) as tables
