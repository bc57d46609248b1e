-- The exact text of an entry.
select entry::text from log where position = %(position)s::bigint
