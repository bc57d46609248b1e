-- name: lock
-- The lock under which the log is written, so that two starts do not make the same views.
select pg_advisory_xact_lock(hashtext('tenure log'))

-- name: there
-- The views there are, with what is said of them.
select relname, obj_description(oid, 'pg_class')
from pg_class
where relnamespace = 'read'::regnamespace and relkind = 'v'
    and obj_description(oid, 'pg_class') ~ '\[[0-9a-f]{16}\]$'

-- name: select
-- What a view shows: always of the table of all rows, whatever its partitions are.
select {columns} from public.state where fold = {fold}

-- name: make
-- Make a view, or change one whose columns only grew.
create or replace view read.{view} as {select}

-- name: drop
-- A view, and what others built upon it.
drop view read.{view} cascade

-- name: grant
-- Analysts see it.
grant select on read.{view} to tenure_analyst

-- name: comment
-- What it is, and by what it is known to be as it should.
comment on view read.{view} is {comment}

-- name: scalar
-- A text, a number, a truth or a time.
({value} #>> '{{}}')::{type}

-- name: array
-- A list of one of these.
case json_typeof({value}) when 'array'
    then array(select json_array_elements_text({value}))::{type} end

-- name: document
-- Anything else, as JSON.
nullif({value}::jsonb, 'null'::jsonb)

-- name: documents
-- A list, each item of which is made anew.
case json_typeof({value}) when 'array' then (
    select coalesce(jsonb_agg({item} order by number), '[]')
    from json_array_elements({value}) with ordinality as each(item, number)
) end

-- name: members
-- An object, made anew of some of its members.
case json_typeof({value}) when 'object' then jsonb_build_object({members}) end
