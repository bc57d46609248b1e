-- name: last_stream
select stream from log where stream like 'entity-%%' order by position desc limit 1

-- name: load_parameters
-- What the committer asks for to append to an entity: its subject, its rows, and a new key.
select
    (select json_agg(encode(lookup, 'hex')) from subject where entity_id = %(entity_id)s)::text
        as subjects,
    (select json_build_array(encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex')))::text
        as records,
    '[]' as asked,
    (select array_agg(fold) from state where key = %(entity_id)s) as along

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
    head.position::text as position,
    json_build_array(regexp_replace(
        replace(entry::text, entry ->> 'id', gen_random_uuid()::text),
        '"version": *\d+', '"version":' || last.version + 1
    )::json)::text as entries,
    (
        select json_agg(json_build_object(
            'fold', fold, 'key', key, 'version', state.version + 1,
            'position', head.position + 1, 'row', row
        ))
        from state where key = %(entity_id)s
    )::text as rows,
    '[]' as subjects,
    json_build_array(json_build_object(
        'key', encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex'),
        'recorded_at', now(), 'position', head.position + 1,
        'fingerprint', encode(kept.fingerprint, 'hex'), 'status', kept.status, 'body', kept.body
    ))::text as records,
    '[]' as authority
from head cross join last cross join kept

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
