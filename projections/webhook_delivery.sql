-- Whether a webhook was to be told something under an id.
select 1 from webhook_delivery where delivery_id = %(delivery_id)s and webhook_id = %(webhook_id)s
