"""Billing: what clients are invoiced, what developers get, and the entries of the ledger behind."""

from typing import Annotated

from fastapi import APIRouter
from fastapi import Query as FromQuery
from typing_extensions import TypedDict

from domain.ledger import FEES, AccountKind, MoveKind
from domain.money import Money
from domain.refusals import InvalidCursor, NotFound
from interfaces.api.call import Answered, Call
from interfaces.api.map.route import MapRoute, member, member_id
from interfaces.api.map.wire import JobNumber, MapPage, number_of, page_out
from interfaces.api.openapi import READ, refuses
from interfaces.api.route import needs
from interfaces.api.wire import Id, Moment, Pagination
from projections.money import (
    Balance,
    Invoice,
    Payout,
    Posted,
    balances_of,
    invoices_of,
    ledger_of,
    one_invoice,
    payouts_of,
)

router = APIRouter(route_class=MapRoute, tags=["Marketplace: money"])


class InvoiceOut(TypedDict):
    """The one invoice of a job, issued at its end and known by the job's number. ``credited`` was
    moved back since.
    """

    invoice_id: int
    job_id: int
    amount: str
    credited: str
    currency: str
    units: int
    issued_at: Moment


class InvoiceList(TypedDict):
    """A page of invoices, newest first."""

    data: list[InvoiceOut]
    pagination: Pagination


class PayoutOut(TypedDict):
    """What a developer gets for a job. ``reclaimed`` was moved back since."""

    job_id: int
    agent_id: Id
    amount: str
    reclaimed: str
    currency: str
    units: int
    paid_at: Moment


class PayoutList(TypedDict):
    """A page of payouts, newest first."""

    data: list[PayoutOut]
    pagination: Pagination


class PostingOut(TypedDict):
    """A change of one account, a debit when positive."""

    party: str
    account: AccountKind
    amount: str


class EntryOut(TypedDict):
    """An entry of the ledger: its postings sum to zero."""

    entry_id: Id
    job_id: int
    kind: MoveKind
    currency: str
    postings: list[PostingOut]
    item_ref: str | None
    posted_at: Moment
    position: int


class BalanceOut(TypedDict):
    """How an account stands, a debit when positive."""

    account: AccountKind
    amount: str
    currency: str


class LedgerOut(TypedDict):
    """How your accounts stand, and a page of the entries that made it so, newest first."""

    balances: list[BalanceOut]
    data: list[EntryOut]
    pagination: Pagination


def invoice_out(invoice: Invoice) -> InvoiceOut:
    """What is shown of an invoice, everywhere the same."""
    return {
        "invoice_id": invoice.job_id,
        "job_id": invoice.job_id,
        "amount": str(invoice.total),
        "credited": str(invoice.credited),
        "currency": invoice.total.currency,
        "units": invoice.units,
        "issued_at": invoice.issued_at,
    }


def payout_out(payout: Payout) -> PayoutOut:
    """What is shown of a payout."""
    return {
        "job_id": payout.job_id,
        "agent_id": payout.agent_id,
        "amount": str(payout.total),
        "reclaimed": str(payout.reclaimed),
        "currency": payout.total.currency,
        "units": payout.units,
        "paid_at": payout.paid_at,
    }


def entry_out(posted: Posted) -> EntryOut:
    """What is shown of an entry of the ledger."""
    event = posted.event
    return {
        "entry_id": posted.id,
        "job_id": posted.job_id,
        "kind": event.kind,
        "currency": event.currency,
        "postings": [
            {
                "party": one.party,
                "account": one.kind,
                "amount": str(Money(one.minor, event.currency)),
            }
            for one in event.postings
        ],
        "item_ref": event.item_ref,
        "posted_at": posted.posted_at,
        "position": posted.position,
    }


def balance_out(balance: Balance) -> BalanceOut:
    """What is shown of a balance."""
    return {
        "account": balance.kind,
        "amount": str(balance.amount),
        "currency": balance.amount.currency,
    }


@router.get(
    "/invoices",
    response_model=InvoiceList,
    dependencies=member("jobs:post"),
    openapi_extra=READ,
    summary="List invoices",
)
@refuses(InvalidCursor)
async def get_invoices(call: Call, query: Annotated[MapPage, FromQuery()]) -> Answered:
    """What you were invoiced, newest first: the approved outcomes of each job that has ended."""
    page = await invoices_of(
        call.across,
        call.principal.tenant,
        member_id(call),
        cursor=query.cursor,
        limit=query.limit,
    )
    return call.show(
        InvoiceList(
            data=[invoice_out(one) for one in page.invoices], pagination=page_out(page.cursor)
        )
    )


@router.get(
    "/invoices/{invoice_id}",
    response_model=InvoiceOut,
    dependencies=member("jobs:post"),
    openapi_extra=READ,
    summary="Show an invoice",
)
@refuses(NotFound)
async def get_invoice(call: Call, invoice_id: JobNumber) -> Answered:
    """The invoice of a job of yours, by the job's number."""
    invoice = await one_invoice(
        call.across, call.principal.tenant, member_id(call), number_of(invoice_id)
    )
    return call.show(invoice_out(invoice))


@router.get(
    "/payouts",
    response_model=PayoutList,
    dependencies=member("listings:write"),
    openapi_extra=READ,
    summary="List payouts",
)
@refuses(InvalidCursor)
async def get_payouts(call: Call, query: Annotated[MapPage, FromQuery()]) -> Answered:
    """What you got for the approved work of your agents, newest first."""
    page = await payouts_of(
        call.across,
        call.principal.tenant,
        member_id(call),
        cursor=query.cursor,
        limit=query.limit,
    )
    return call.show(
        PayoutList(data=[payout_out(one) for one in page.payouts], pagination=page_out(page.cursor))
    )


@router.get(
    "/ledger",
    response_model=LedgerOut,
    dependencies=[*member("market:read"), needs("members:write")],
    openapi_extra=READ,
    summary="Show your ledger",
)
@refuses(InvalidCursor)
async def get_ledger(call: Call, query: Annotated[MapPage, FromQuery()]) -> Answered:
    """Your accounts; with the platform's key, those in which it keeps its fees. Double entry:
    nothing is ever changed, and what was wrong is moved back.
    """
    fetch, tenant = call.across, call.principal.tenant
    member = call.principal.member
    platform, _ = FEES
    party = platform if member is None else member.member_id
    page = await ledger_of(fetch, tenant, party, cursor=query.cursor, limit=query.limit)
    balances = await balances_of(fetch, tenant, party)
    return call.show(
        LedgerOut(
            balances=[balance_out(one) for one in balances],
            data=[entry_out(one) for one in page.entries],
            pagination=page_out(page.cursor),
        )
    )
