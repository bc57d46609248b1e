-- The next entries of a stream, none beyond a position.
select position, version, entry::text
from log
where stream = %(stream)s
    and version > %(after)s::integer
    and version <= stream_version_at(%(stream)s, %(until)s::bigint)
order by version
limit %(limit)s::bigint
