-- Lists of a member's webhooks, newest first.
create index on state_webhook (
    ((row ->> 'tenant') collate "C"), ((row ->> 'owner_id') collate "C"),
    ((row ->> 'added_at') collate "C"), key
)
