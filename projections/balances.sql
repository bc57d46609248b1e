-- How each account of a party stands: its debits less its credits, which are kept as negative.
select split_part(substr(key, length(%(prefix)s) + 1), '/', 1),
       split_part(substr(key, length(%(prefix)s) + 1), '/', 2),
       sum((row ->> 'minor')::bigint)::bigint
from state
where fold in ('debits', 'credits') and key >= %(prefix)s and key < %(prefix)s || chr(1114111)
group by 1, 2
order by 1, 2
