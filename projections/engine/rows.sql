-- Rows as they were at a position, each as what it is folded from: the newest row that is kept from
-- then or before, with its version, be it the present one or a snapshot; then the entries after it.
--   asked: [{number, fold, key, stream, about, types, person, after}], of which
-- a person's lookup gives the entity that it stands for today, and `after` a position to read on from
-- where no kept row is wanted. All comes in the order of the numbers, each in the order of the log, so
-- that the next statement goes on where this one was cut off. A row that is the present one, because
-- nothing changed it since, is whole: no entry is looked for.
with begun as materialized (
    select asked.*, newest.*
    from json_to_recordset(%(asked)s::json) as asked(
        number integer, fold text, key text, stream text, about text, types json, person text,
        after bigint
    )
    left join lateral (
        select kept.*
        from (
            (
                select version, position, row, true as is_whole
                from state
                where fold = asked.fold and state.key = asked.key
                    and position <= %(until)s::bigint
                offset 0
            )
            union all
            (
                select version, position, row, false
                from snapshot
                where fold = asked.fold and snapshot.key = asked.key
                    and position <= %(until)s::bigint
                order by position desc
                limit 1
            )
        ) as kept
        where asked.after is null
        order by kept.position desc, kept.is_whole desc
        limit 1
    ) as newest on true
), going_on as materialized (
    select number, stream, about, types, coalesce(after, position, 0) as after
    from begun
    where is_whole is not true
)
select number, position, version, row::text as document
from begun
where row is not null
union all
select begun.number, 0, 0, to_json(found.entity_id)::text
from begun
cross join lateral (
    select entity_id from subject where lookup = decode(begun.person, 'hex') offset 0
) as found
union all
select going_on.number, found.position, null, found.entry::text
from going_on
cross join lateral (
    select position, entry
    from log
    where stream = going_on.stream
        and version > case
            when going_on.after = 0 then 0 else stream_version_at(going_on.stream, going_on.after)
        end
        and version <= stream_version_at(going_on.stream, %(until)s::bigint)
    order by version
    limit %(limit)s::bigint
) as found
union all
select going_on.number, found.position, null, found.entry::text
from going_on
cross join lateral json_array_elements_text(going_on.types) as wanted(type)
cross join lateral (
    select position, entry
    from log
    where about = going_on.about
        and type = wanted.type
        and position > going_on.after
        and position <= %(until)s::bigint
    order by position
    limit %(limit)s::bigint
) as found
order by number, position
limit %(limit)s::bigint
