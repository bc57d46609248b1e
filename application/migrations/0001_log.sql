-- The log, the rows folded from it, and the little that is kept beside it.

do $roles$
declare
    role_name text;
begin
    foreach role_name in array array['tenure_writer', 'tenure_reader'] loop
        begin
            execute format('create role %I nologin', role_name);
        exception
            when duplicate_object or unique_violation then null;
        end;
        execute format('grant %I to current_user', role_name);
    end loop;
end
$roles$;


-- The log: one row an entry, at positions 1, 2, 3 … with no hole, in commit order.
-- `entry` is the exact text that is hashed; the columns before it are copies for SQL.

create table log (
    position bigint primary key,
    stream text collate "C" not null,
    version integer not null,
    type text collate "C" not null,
    tenant text collate "C",
    recorded_at timestamptz(3) not null,
    kind text collate "C",
    about text collate "C",
    action text collate "C",
    entry json not null check (octet_length(entry::text) <= 65535),
    unique (stream, version)
);

comment on column log.kind is 'the event type of a participation; null for every other entry';

comment on column log.about is
    'the entity that an entry of another stream is about: a claim, a link, a decision; else null';

comment on column log.action is 'the action that a decision judges; null for every other entry';

create index log_by_entity on log (about, type, position) where about is not null;

create index log_by_action on log (tenant, action, position) where action is not null;

create index log_by_tenant on log (tenant, position) where kind is not null;
create index log_by_tenant_and_kind on log (tenant, kind, position) where kind is not null;


-- Positions at which a credential, a status or a right changed. Whoever keeps such things in
-- memory compares the greatest with the one it last saw.

create table authority (
    position bigint primary key
);


-- Rows: the state that a fold has for a key. One partition a fold, made when the fold is.

create table state (
    fold text collate "C" not null,
    key text collate "C" not null,
    version integer not null,
    position bigint not null,
    row json not null,
    primary key (fold, key)
) partition by list (fold);


-- The only way from a person to an entity. Deleting the row makes the person unidentifiable.

create table subject (
    lookup bytea primary key,
    entity_id text collate "C" not null
);

create index subject_by_entity on subject (entity_id);


-- What people wrote, and under what they may be reached, under a name such as `contact-{id}`. The
-- log never holds it, so it can be erased.

create table document (
    name text collate "C" primary key,
    content json not null
);


-- Replies kept for repeats of a request, in partitions that are dropped whole.
-- `key` and `fingerprint` are keyed hashes; `position` is the last entry that the request wrote.

create table idempotency (
    key bytea not null,
    recorded_at timestamptz(3) not null,
    position bigint not null,
    fingerprint bytea,
    status smallint not null,
    body text not null,
    primary key (key, recorded_at)
) partition by range (recorded_at);

create index idempotency_by_position on idempotency (position);

create table idempotency_default partition of idempotency default;


-- When a key was last used: an operator's convenience, written now and then, never in the log.

create table key_use (
    key_id text collate "C" primary key,
    used_at timestamptz(3) not null
);


-- How many requests were taken from somebody since a window of time began (seconds of the epoch).
-- Shared by the workers, worth nothing after a crash.

create unlogged table rate_count (
    starts_at bigint not null,
    who text collate "C" not null,
    taken bigint not null,
    primary key (starts_at, who)
);


-- What belongs to the database as a whole: fingerprints of the secrets that it was begun with.

create table installation (
    name text collate "C" primary key,
    value text not null
);


-- The log in the words of the eventsourcing library, for its readers and subscriptions.

create view stored_events as
select
    position as notification_id,
    stream as originator_id,
    version::bigint as originator_version,
    type as topic,
    convert_to(entry::text, 'UTF8') as state
from log;


-- Append-only, even to the owner. A guard against mistakes, not a wall.

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the % is append-only: % refused', tg_table_name, tg_op
        using errcode = 'integrity_constraint_violation';
end
$$;

create trigger log_is_append_only
    before update or delete or truncate on log
    for each statement execute function refuse_change();

create trigger authority_is_append_only
    before update or delete or truncate on authority
    for each statement execute function refuse_change();


-- The position of the last entry recorded at or before a time; 0 when there is none.
-- Recorded times never go back along the log, so the place is found by halving.

create function log_position_at(moment timestamptz) returns bigint
language plpgsql stable strict security definer set search_path from current as $$
declare
    low bigint := 0;
    high bigint := coalesce((select max(position) from log), 0);
    middle bigint;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        if (select recorded_at from log where position = middle) <= moment then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end
$$;


-- The newest position, whoever's the entry is.

create function log_head() returns bigint
language sql stable security definer set search_path from current as $$
    select coalesce(max(position), 0) from log
$$;


-- The recorded time of an entry, as the entry shows it, whoever's the entry is.

create function log_recorded_at(at_position bigint) returns text
language sql stable security definer set search_path from current as $$
    select entry ->> 'recorded_at' from log where position = at_position
$$;


-- The version that a stream had at a position of the log; 0 before it began. Along a stream versions
-- and positions rise together, so the place is found by halving.

create function stream_version_at(of_stream text, at_position bigint) returns integer
language plpgsql stable strict security definer set search_path from current as $$
declare
    low integer := 0;
    high integer := coalesce((select max(version) from log where stream = of_stream), 0);
    middle integer;
begin
    while low < high loop
        middle := (low + high + 1) / 2;
        if (select position from log where stream = of_stream and version = middle)
            <= at_position then
            low := middle;
        else
            high := middle - 1;
        end if;
    end loop;
    return low;
end
$$;


-- Keeps partitions of half a day for the replies: makes the present and the next, drops what
-- ended more than a day ago. Safe to run at any time, by the owner.

create function tenure_housekeep() returns void
language plpgsql set timezone to 'UTC' as $$
declare
    half_day constant interval := '12 hours';
    present constant timestamptz := date_bin(half_day, now(), timestamptz '2000-01-01 00:00Z');
    starts timestamptz;
    old record;
begin
    foreach starts in array array[present, present + half_day] loop
        begin
            execute format(
                'create table if not exists %I partition of idempotency for values from (%L) to (%L)',
                'idempotency_' || to_char(starts, 'YYYYMMDD_HH24'),
                starts,
                starts + half_day
            );
        exception
            -- Rows of that span are in the default partition already, where they may stay.
            when check_violation then null;
        end;
    end loop;
    for old in
        select inhrelid::regclass as partition
        from pg_inherits join pg_class on pg_class.oid = inhrelid
        where inhparent = 'idempotency'::regclass
          and relname ~ '^idempotency_\d{8}_\d\d$'
          and to_timestamp(substr(relname, 13), 'YYYYMMDD_HH24') < now() - interval '24 hours' - half_day
    loop
        execute format('drop table %s', old.partition);
    end loop;
    delete from idempotency_default where recorded_at < now() - interval '24 hours';
end
$$;


-- Rights. The writer appends and folds; the reader sees the log of one tenant, set per transaction
-- in `tenure.tenant`, and nothing when it is not set.

grant select, insert on log, authority, subject, document, idempotency to tenure_writer;
grant delete on subject, document, idempotency to tenure_writer;
grant select, insert, update, delete on state, rate_count to tenure_writer;
grant select, insert, update on key_use to tenure_writer;
grant select on stored_events to tenure_writer;
grant select on log, authority, subject, key_use to tenure_reader;

alter table log enable row level security;

create policy writer_sees_all on log to tenure_writer using (true) with check (true);

create policy reader_sees_its_tenant on log for select to tenure_reader
    using (tenant = current_setting('tenure.tenant', true));
