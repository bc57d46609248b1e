-- The next entries of a stream after a version, none beyond a position.
select position, version::bigint as place, entry::text
from log
where stream = %(source)s
    and version > %(after)s::integer
    and version <= stream_version_at(%(source)s, %(until)s::bigint)
order by version
limit %(limit)s::bigint
