-- Who read the log: once for each credential, route and minute, for as long as the log is kept.

create table log_access (
    minute timestamptz(3) not null,
    key_id text collate "C" not null,
    route text collate "C" not null,
    principal text collate "C" not null,
    tenant text collate "C",
    primary key (minute, key_id, route)
);

create index log_access_by_tenant on log_access (tenant, minute, key_id, route);


-- With `log_by_tenant`, which has the participations, all of a tenant's entries in their order. An
-- entry is in one of the two, so a participation costs no more to write.

create index log_by_tenant_others on log (tenant, position) where kind is null;


-- Analysts: they see the views of the schema `read`, which `make_views` makes, and nothing else.

do $roles$
begin
    create role tenure_analyst nologin;
exception
    when duplicate_object or unique_violation then null;
end
$roles$;

create schema read;
grant usage on schema read to tenure_analyst;

revoke execute on function
    log_position_at, log_head, log_recorded_at, stream_version_at, tenure_housekeep
    from public;
grant execute on function log_position_at, log_head, log_recorded_at, stream_version_at
    to tenure_writer, tenure_reader;


-- Rights. The reader sees who read the log of the tenant that is set, as it sees the log.

grant select, insert on log_access to tenure_writer;
grant select on log_access to tenure_reader;

alter table log_access enable row level security;

create policy writer_sees_all on log_access to tenure_writer using (true) with check (true);

create policy reader_sees_its_tenant on log_access for select to tenure_reader
    using (tenant = current_setting('tenure.tenant', true));
