-- The entity that a person's lookup stands for today.
select entity_id from subject where lookup = decode(%(lookup)s, 'hex')
