-- Whose agents there are: each partner in each of its environments, the oldest partner first, of
-- one partner or with one agent if wanted; and whether it has any.
select
    tenant.name,
    partner.key,
    partner.row ->> 'name',
    tenant.environment,
    exists (
        select from state
        where fold = 'agent' and (row ->> 'tenant') collate "C" = tenant.name
    )
from state as partner
cross join lateral (
    select value as environment, value || '/' || partner.key as name
    from json_array_elements_text(partner.row -> 'environments')
) as tenant
where partner.fold = 'partner'
    and (%(partner)s::text is null or partner.key = %(partner)s)
    and (
        %(root)s::text is null
        or tenant.name = (
            select row ->> 'tenant' from state where fold = 'agent' and key = %(root)s
        )
    )
order by partner.row ->> 'approved_at', partner.key, tenant.environment desc
