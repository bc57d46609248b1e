-- name: into_state
copy {state} (fold, key, version, position, row) from stdin (format binary)

-- name: into_snapshot
copy {snapshot} (fold, key, version, position, row) from stdin (format binary)

-- name: from_state
-- Stored rows of a partition.
copy (
    select key, version, position, row from {state}
    where %(partitions)s = 1
        or (hashtextextended(key, 0) & 2147483647) %% %(partitions)s = %(part)s
) to stdout (format binary)

-- name: from_snapshot
-- Stored snapshots of a partition.
copy (
    select key, version, position, row from {snapshot}
    where %(partitions)s = 1
        or (hashtextextended(key, 0) & 2147483647) %% %(partitions)s = %(part)s
) to stdout (format binary)
