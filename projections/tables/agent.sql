-- Lists of a tenant's agents of a status, newest first.
create index on state_agent (
    ((row ->> 'tenant') collate "C"), ((row ->> 'status') collate "C"),
    ((row ->> 'created_at') collate "C"), key
)
