-- name: begin
-- Sets whose part of the log the next statement sees; tells how far the log is, and which generation of rows.
select
    set_config('tenure.tenant', %(tenant)s, true),
    coalesce((select max(position) from authority), 0),
    log_head(),
    coalesce((select max(generation) from projection_switch), 0)
