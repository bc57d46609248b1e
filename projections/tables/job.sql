-- Polling: what is open to an agent by a capability, oldest first; the budget is last, so that what
-- pays too little is passed over without a look at its row.
create index on state_job (
    ((row ->> 'tenant') collate "C"), ((row ->> 'capability') collate "C"),
    ((row #>> '{budget,currency}') collate "C"), (key::bigint),
    ((row #>> '{budget,millionths}')::bigint)
) where row ->> 'status' = 'OPEN';
-- Polling: the work that an agent has to do, oldest first.
create index on state_job (
    ((row #>> '{engagement,terms,agent_id}') collate "C"), (key::bigint)
) where row ->> 'status' = 'REQUESTED';
-- Lists of jobs, newest first: all of a tenant, those that are open, a client's, a developer's.
create index on state_job (((row ->> 'tenant') collate "C"), (key::bigint));
create index on state_job (((row ->> 'tenant') collate "C"), (key::bigint))
    where row ->> 'status' = 'OPEN';
create index on state_job (((row ->> 'client_id') collate "C"), (key::bigint));
create index on state_job (
    ((row #>> '{engagement,terms,developer_id}') collate "C"), (key::bigint)
);
-- The review queue: what awaits an evaluation, the oldest first.
create index on state_job (
    ((row ->> 'tenant') collate "C"), ((row ->> 'awaiting_since') collate "C"),
    (key::bigint)
) where row ->> 'awaiting_since' is not null;
-- The clock: deadlines of what is not over.
create index on state_job (((row ->> 'deadline') collate "C"))
    where row ->> 'deadline' is not null and row ->> 'ended_at' is null and row ->> 'closed' is null;
