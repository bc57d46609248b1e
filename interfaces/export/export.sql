-- name: head
-- How far the log goes, and the id of its first entry, by which it is known.
select coalesce(max(position), 0), (select entry ->> 'id' from log where position = 1) from log

-- name: documents
-- The exact entries of a range, one a line, some to a row so that a row is no cost.
copy (
    select convert_to(string_agg(entry::text, E'\n' order by position), 'UTF8')
    from log
    where position between {first} and {last}
    group by (position - {first}) / {rows}
    order by min(position)
) to stdout (format binary)

-- name: described
-- The entries of a range, each after its position and what stands beside it, as lines of JSON.
copy (
    select convert_to(
        string_agg(
            concat(
                '[', position, ',',
                coalesce(to_json(kind)::text, 'null'), ',',
                coalesce(to_json(about)::text, 'null'), ',',
                coalesce(to_json(action)::text, 'null'), ',',
                entry, ']'
            ),
            E'\n' order by position
        ),
        'UTF8'
    )
    from log
    where position between {first} and {last}
    group by (position - {first}) / {rows}
    order by min(position)
) to stdout (format binary)
