-- Whose a slug is.
select row ->> 'partner_id' from state where fold = 'slug_v1' and key = %(slug)s
