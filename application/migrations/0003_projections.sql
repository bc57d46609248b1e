-- Versions of projections: the rows of one fold, built by one code, in tables of their own,
-- `state_{name}_{version}` and `snapshot_{name}_{version}`. The live one is a partition of `state` and
-- `snapshot`. `fingerprint` is of the code; `position` is how far the log was read in partitions;
-- `cause` is what stopped the building. A number is never given twice, so what was dropped stays noted.

create table projection (
    name text collate "C" not null,
    version integer not null,
    fingerprint text collate "C" not null,
    inline boolean not null,
    state text collate "C" not null check (state in ('building', 'built', 'dropped')),
    partitions integer not null,
    position bigint not null,
    began_at timestamptz(3) not null default now(),
    built_at timestamptz(3),
    cause text,
    primary key (name, version)
);


-- Partitions of before have no version; what is in them is folded anew at the next start.

do $former$
declare
    former regclass;
begin
    for former in
        select inhrelid from pg_inherits
        where inhparent in ('state'::regclass, 'snapshot'::regclass)
    loop
        execute format('drop table %s', former);
    end loop;
end
$former$;


-- Which partitions of a version are built. Noted in the transaction that writes their rows, so a
-- rebuild that was killed goes on where it was.

create table projection_part (
    name text collate "C" not null,
    version integer not null,
    part integer not null,
    entries bigint not null,
    rows bigint not null,
    primary key (name, version, part)
);


-- Every switch there was. The greatest generation is the present one: whoever keeps in mind which
-- folds are live compares it with the one it last saw.

create table projection_switch (
    generation bigint primary key,
    name text collate "C" not null,
    version integer not null,
    position bigint not null,
    switched_at timestamptz(3) not null default now()
);

create trigger projection_switch_is_append_only
    before update or delete or truncate on projection_switch
    for each statement execute function refuse_change();

create view live_projection as
select distinct on (name) name, version, position, generation, switched_at
from projection_switch
order by name, generation desc;


-- Whoever runs the queries of a projection sees all rows, and changes nothing.

do $roles$
begin
    begin
        create role tenure_projection nologin;
    exception
        when duplicate_object or unique_violation then null;
    end;
    grant tenure_projection to current_user;
end
$roles$;

grant select on state to tenure_projection;
grant select on projection, projection_part, projection_switch, live_projection to tenure_writer;
grant select on projection, projection_switch, live_projection to tenure_reader;
