-- name: any_partner
-- Whether anybody was ever let in.
select exists (select from state where fold = 'partner')

-- name: forget_contact
-- How a partner may be reached, as it said when it registered.
delete from document where name = 'contact-' || %(partner_id)s
