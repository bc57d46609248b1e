-- The lock under which the log is written.
select pg_advisory_xact_lock(hashtext('tenure log'))
