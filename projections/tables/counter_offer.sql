-- The offers that a client may take, of one job.
create index on state_counter_offer (((row ->> 'job')::bigint), key) where row ->> 'status' = 'OPEN';
