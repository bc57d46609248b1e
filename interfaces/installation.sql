-- name: note
-- What a database is begun with; what it has already stays.
insert into installation (name, value)
select name, value from unnest(%(names)s::text[], %(values)s::text[]) as new(name, value)
on conflict do nothing

-- name: begun
-- Whether anything was noted in this database at all.
select to_regclass('installation') is not null

-- name: noted
-- What the database was begun with.
select name, value from installation
