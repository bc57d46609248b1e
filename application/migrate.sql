-- name: lock
-- One process migrates at a time; held until its connection ends.
select pg_advisory_lock(%s)

-- name: ledger
-- Which migrations this database has, and what each file said when it was applied.
create table if not exists tenure_migration (
    number     int         primary key,
    name       text        not null,
    sha256     text        not null,
    applied_at timestamptz not null
)

-- name: applied
-- What was applied, to compare with the files.
select number, sha256 from tenure_migration

-- name: note
-- A migration just applied, in its own transaction.
insert into tenure_migration (number, name, sha256, applied_at) values (%s, %s, %s, now())
