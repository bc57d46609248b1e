-- Followers: how far each has read the log, and what stopped it.
-- `seen_at` moves while somebody leads it; `cause` says why it stopped at the entry after `position`.

create table follower (
    name text collate "C" primary key,
    position bigint not null,
    seen_at timestamptz(3) not null,
    cause text
);


-- Snapshots: the row of every thousandth entry of a key, so that the past of a long one is not read
-- from its beginning. A partition a fold, as of `state`, in whose place the version built next is put.

create table snapshot (
    fold text collate "C" not null,
    key text collate "C" not null,
    version integer not null,
    position bigint not null,
    row json not null,
    primary key (fold, key, position)
) partition by list (fold);


-- A fold's rows have its name, whatever their version. What was stored under a name with a version
-- in it is folded anew at the next start.

do $former$
declare
    former regclass;
begin
    for former in select inhrelid from pg_inherits where inhparent = 'state'::regclass loop
        execute format('drop table %s', former);
    end loop;
end
$former$;


grant select, insert, update, delete on follower to tenure_writer;
grant select, insert, update, delete on snapshot to tenure_writer;
grant select on follower to tenure_reader;
