-- name: by_stream
-- Entries of some types, of the streams whose aggregates fall into a partition.
copy (
    select position, entry from log
    where position > %(after)s and position <= %(until)s and type = any(%(types)s)
        and (
            %(partitions)s = 1
            or (hashtextextended(substr(stream, strpos(stream, '-') + 1), 0) & 2147483647)
                %% %(partitions)s = %(part)s
        )
    order by position
) to stdout (format binary)

-- name: by_about
-- Entries of some types about the entities that fall into a partition.
copy (
    select position, entry from log
    where position > %(after)s and position <= %(until)s and type = any(%(types)s)
        and (
            %(partitions)s = 1
            or (hashtextextended(about, 0) & 2147483647) %% %(partitions)s = %(part)s
        )
    order by position
) to stdout (format binary)

-- name: all
-- Entries of some types.
copy (
    select position, entry from log
    where position > %(after)s and position <= %(until)s and type = any(%(types)s)
    order by position
) to stdout (format binary)
