-- name: note
-- Who read the log, by which route, in which minute; another worker may have noted it.
insert into log_access (minute, key_id, route, principal, tenant)
select *
from unnest(
    %(minutes)s::timestamptz[], %(key_ids)s::text[], %(routes)s::text[], %(principals)s::text[],
    %(tenants)s::text[]
)
on conflict do nothing
