-- name: load
-- The head of the log, the entities of people, documents and kept replies, as one JSON document. A
-- person's subject brings along the rows that some folds have for its entity, so that one question is
-- enough. $1 lookups of people · $2 keys of kept replies · $3 names of documents
with found as materialized (
    select lookup, entity_id from subject where lookup = any($1::bytea[])
), loaded as (
    select 'subject' as kind, encode(lookup, 'hex') as key, 0 as version, 0::bigint as position,
           to_json(entity_id) as row
    from found
    {along}
    union all
    select 'document', name, 0, 0, content from document where name = any($3::text[])
    union all
    select 'record', encode(key, 'hex'), 0, position, json_build_object(
        'fingerprint', encode(fingerprint, 'hex'), 'status', status, 'body', body
    )
    from idempotency
    where key = any($2::bytea[]) and recorded_at > now() - interval '24 hours'
)
select json_build_object(
    'position', coalesce((select max(position) from log), 0),
    'recorded_at', (select entry ->> 'recorded_at' from log order by position desc limit 1),
    'authority', coalesce((select max(position) from authority), 0),
    'generation', coalesce((select max(generation) from projection_switch), 0),
    'rows', coalesce((select json_agg(
        json_build_array(kind, key, version, position, row)
    ) from loaded), '[]')
)

-- name: along
-- The rows of one fold that are brought along. It is named in the statement, because whatever may be
-- any fold's opens the partitions of all.
union all
select fold, key, version, position, row
from state
where fold = {fold} and key = any(array(select entity_id from found))
