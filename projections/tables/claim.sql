-- Lists of claims, newest first: those that a tenant filed, those against an entity.
create index on state_claim (
    ((row ->> 'tenant') collate "C"), ((row ->> 'status') collate "C"),
    ((row ->> 'filed_at') collate "C"), key
);
create index on state_claim (
    ((row ->> 'entity_id') collate "C"), ((row ->> 'status') collate "C"),
    ((row ->> 'filed_at') collate "C"), key
)
