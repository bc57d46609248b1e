-- name: views
-- The folds that have a view for analysts.
select relname from pg_class where relnamespace = to_regnamespace('read') and relkind = 'v'

-- name: not_append_only
-- Tables whose changes are not refused: the trigger is gone, disabled, or of another kind. The bits
-- of its type are delete (8), update (16) and truncate (32).
select name
from unnest(array['log', 'authority', 'projection_switch']) as name
where not exists (
    select from pg_trigger
    where tgrelid = name::regclass
        and tgname = name || '_is_append_only'
        and tgfoid = 'refuse_change'::regproc
        and tgenabled in ('O', 'A')
        and tgtype & 56 = 56
)

-- name: wrong_rights
-- What the roles may not do and must, or may do and must never.
select format('%s may%s %s %s', role, case when needed then ' not' else '' end, privilege, name)
from (values
    ('tenure_writer', 'log', 'select, insert', true),
    ('tenure_writer', 'log', 'update, delete, truncate', false),
    ('tenure_writer', 'authority', 'select, insert', true),
    ('tenure_writer', 'authority', 'update, delete, truncate', false),
    ('tenure_writer', 'state', 'select, insert, update, delete', true),
    ('tenure_writer', 'subject', 'select, insert, delete', true),
    ('tenure_writer', 'idempotency', 'select, insert, delete', true),
    ('tenure_writer', 'document', 'select, insert, delete', true),
    ('tenure_writer', 'rate_count', 'select, insert, update, delete', true),
    ('tenure_writer', 'key_use', 'select, insert, update', true),
    ('tenure_reader', 'log', 'select', true),
    ('tenure_reader', 'log', 'insert, update, delete, truncate', false),
    ('tenure_reader', 'state', 'select, insert, update, delete, truncate', false),
    ('tenure_reader', 'idempotency', 'select', false),
    ('tenure_reader', 'document', 'select', false),
    ('tenure_projection', 'state', 'select', true),
    ('tenure_projection', 'state', 'insert, update, delete, truncate', false),
    ('tenure_projection', 'log', 'select, insert, update, delete, truncate', false),
    ('tenure_writer', 'log_access', 'select, insert', true),
    ('tenure_writer', 'log_access', 'update, delete, truncate', false),
    ('tenure_reader', 'log_access', 'select', true),
    ('tenure_analyst', 'log', 'select', false),
    ('tenure_analyst', 'log_access', 'select', false),
    ('tenure_analyst', 'state', 'select', false),
    ('tenure_analyst', 'subject', 'select', false),
    ('tenure_analyst', 'idempotency', 'select', false),
    ('tenure_analyst', 'document', 'select', false)
) as expected(role, name, privileges, needed)
cross join lateral regexp_split_to_table(privileges, ', ') as privilege
where has_table_privilege(role, name, privilege) <> needed
union all
select format('%s is not a member of %s', current_user, role)
from unnest(array['tenure_writer', 'tenure_reader', 'tenure_projection']) as role
where not pg_has_role(current_user, role, 'member')
union all
select format('%s may log in, or see past row security', rolname)
from pg_roles
where rolname in ('tenure_writer', 'tenure_reader', 'tenure_analyst', 'tenure_projection')
    and (rolcanlogin or rolsuper or rolbypassrls)
union all
select format('row security is off on %s', relname)
from pg_class
where oid in ('log'::regclass, 'log_access'::regclass) and not relrowsecurity

-- name: ends_of_log
-- The first and the last position; 0 when the log is empty.
select coalesce(min(position), 0), coalesce(max(position), 0) from log

-- name: count_log
-- The number of entries up to a position, from the index alone.
select count(*) from log where position <= %(head)s::bigint

-- name: stretches
-- Of stretches spread evenly over the log, each at a random place of its share: how many entries
-- were looked at, how many are missing, and how many were recorded before the one they follow.
with share as (
    select ceil(%(head)s::numeric / %(stretches)s)::bigint as length
), part as (
    select number * length as before, least(length, %(head)s::bigint - number * length) as entries
    from share cross join generate_series(0, %(stretches)s::bigint - 1) as number
    where number * length < %(head)s::bigint
), stretch as materialized (
    select before + 1 + floor(random() * (entries - size + 1))::bigint as first, size
    from part cross join lateral (select least(entries, %(length)s::bigint)) as looked (size)
), looked_at as (
    select position, recorded_at,
           lag(recorded_at) over (order by position) > recorded_at as goes_back
    from stretch
    cross join lateral (
        select position, recorded_at
        from log
        where position between first and first + size - 1
        offset 0
    ) as found
), wanted as (
    select sum(size) as entries from stretch
)
select count(*), max(wanted.entries)::bigint - count(*), count(*) filter (where goes_back)
from wanted left join looked_at on true

-- name: rows_from
-- Some rows of a fold from a key on.
select fold, key, position
from state
where fold = %(fold)s and key >= %(key)s
order by key
limit %(limit)s::bigint

-- name: entries_at
-- The entries at some positions.
select position, entry::text
from log
where position = any(%(positions)s::bigint[])

-- name: of_stream
-- A stream, up to a number of entries.
select position, entry::text
from log
where stream = %(source)s
order by version
limit %(limit)s::bigint

-- name: about
-- What concerns an entity in other streams, of some types, up to a number of entries.
select position, entry::text
from log
where about = %(source)s and type = any(%(types)s::text[])
order by position
limit %(limit)s::bigint

-- name: row
-- A row as it is stored.
select version, position, row::text
from state
where fold = %(fold)s and key = %(key)s

-- name: kept_replies
-- The partitions that should be there for now and for next, those that are there, and whether
-- replies had to be kept outside of all.
select
    array(
        select 'idempotency_' || to_char(starts at time zone 'UTC', 'YYYYMMDD_HH24')
        from generate_series(0, 1) as later
        cross join lateral (
            select date_bin('12 hours', now(), timestamptz '2000-01-01 00:00Z')
                + later * interval '12 hours'
        ) as half_day(starts)
    ),
    array(
        select relname::text
        from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'idempotency'::regclass
    ),
    exists (select from idempotency_default)

-- name: clock
-- The database's time and that of the newest entry, in seconds since 1970.
select
    extract(epoch from clock_timestamp())::float8,
    (select extract(epoch from recorded_at)::float8 from log order by position desc limit 1)
