-- name: compared
-- Pairs of rows of two versions by what became of them: rows that an entry touched beyond the position
-- that both have read to are told apart.
with compared as (
    select
        key,
        case
            when greatest(one.position, other.position) > %(common)s or key = any(%(touched)s)
                then 'touched since'
            when other.key is null then 'only in A'
            when one.key is null then 'only in B'
            when one.row::text <> other.row::text then 'changed'
            when one.version <> other.version or one.position <> other.position
                then 'equal, of other entries'
            else 'equal'
        end as verdict,
        one.version as one_version, one.position as one_position, one.row as one_row,
        other.version as other_version, other.position as other_position, other.row as other_row
    from {one} as one full join {other} as other using (key)
)

-- name: counts
select verdict, count(*) from compared group by verdict

-- name: page
select key, verdict, one_version, one_position, one_row::text,
       other_version, other_position, other_row::text
from compared
where verdict in ('only in A', 'only in B', 'changed') and key > %(after)s
order by key
limit %(limit)s

-- name: row
select key, verdict, one_version, one_position, one_row::text,
       other_version, other_position, other_row::text
from compared
where key = %(key)s

-- name: of_stream
-- The entries of a stream up to a position.
select position, entry::text from log
where stream = %(stream)s and type = any(%(types)s) and position <= %(until)s
order by version

-- name: of_entity
-- The entries about an entity up to a position.
select position, entry::text from log
where about = %(about)s and type = any(%(types)s) and position <= %(until)s
order by position
