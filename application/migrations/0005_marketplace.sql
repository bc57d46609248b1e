-- What the log itself refuses of the marketplace's money, whatever the code does: an entry of the
-- ledger that does not sum to zero, a second charge of an item, a second invoice or payout of a job.

alter table log add constraint money_moves_sum_to_zero check (
    type <> 'job.money_moved.v1' or coalesce(
        (entry #>> '{data,postings,0,minor}')::bigint + (entry #>> '{data,postings,1,minor}')::bigint = 0
            and entry #> '{data,postings,2}' is null,
        false
    )
) not valid;

create unique index one_charge_an_item on log (stream, (entry #>> '{data,item_ref}'))
    where type = 'job.money_moved.v1' and entry #>> '{data,kind}' = 'CHARGE';

create unique index one_invoice_a_job on log (stream) where type = 'job.invoiced.v1';

create unique index one_payout_an_agent_and_job on log (stream, (entry #>> '{data,agent_id}'))
    where type = 'job.paid_out.v1';


-- Lists of a party's money, newest first: what it was debited and credited, its invoices, its payouts.

create index log_money_by_debtor
    on log (tenant, (entry #>> '{data,postings,0,party}'), position)
    where type = 'job.money_moved.v1';

create index log_money_by_creditor
    on log (tenant, (entry #>> '{data,postings,1,party}'), position)
    where type = 'job.money_moved.v1';

create index log_invoices on log (tenant, (entry #>> '{data,client_id}'), position)
    where type = 'job.invoiced.v1';

create index log_payouts on log (tenant, (entry #>> '{data,developer_id}'), position)
    where type = 'job.paid_out.v1';
