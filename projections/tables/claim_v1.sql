-- Lists of a tenant's claims, with and without a status, newest first.
create index on state_claim_v1 (
    ((row ->> 'tenant') collate "C"), ((row ->> 'filed_at') collate "C"), key
);
create index on state_claim_v1 (
    ((row ->> 'tenant') collate "C"), ((row ->> 'status') collate "C"),
    ((row ->> 'filed_at') collate "C"), key
)
