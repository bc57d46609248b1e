-- A place in the log, given as a position or a time, with the recorded time of its entry.
select place.position, log_recorded_at(place.position)
from (
    select coalesce(%(position)s::bigint, log_position_at(%(moment)s::timestamptz)) as position
) as place
