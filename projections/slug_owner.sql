-- Whose a slug is.
select row ->> 'partner_id' from state where fold = 'slug' and key = %(slug)s
