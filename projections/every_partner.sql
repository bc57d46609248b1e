-- Every partner, oldest first, with how it may be reached.
select state.key, state.row::text, document.content::text
from state
left join document on document.name = 'contact-' || state.key
where state.fold = 'partner'
order by state.row ->> 'approved_at', state.key
