-- name: settings
-- What the database promises about an acknowledged commit, and whether Tenure can run on it at all.
select name, setting
from pg_settings
where name in
    ('fsync', 'full_page_writes', 'server_encoding', 'server_version_num', 'synchronous_commit')
