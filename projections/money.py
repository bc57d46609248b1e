"""What is a party of the marketplace owed and billed, and by which entries of the ledger?"""

from pathlib import Path

import msgspec

from domain.events import decode
from domain.instants import Instant
from domain.job import CATEGORY, Invoiced, PaidOut
from domain.ledger import AccountKind, Moved
from domain.money import Money
from domain.ports import Fetch
from domain.refusals import NotFound
from projections.cursors import write_cursor
from projections.events import END, position_of

_STATEMENTS = Path(__file__).parent
INVOICES = (_STATEMENTS / "invoices.sql").read_bytes()
PAYOUTS = (_STATEMENTS / "payouts.sql").read_bytes()
LEDGER = (_STATEMENTS / "ledger.sql").read_bytes()
BALANCES = (_STATEMENTS / "balances.sql").read_bytes()


class Invoice(msgspec.Struct, frozen=True):
    """The one invoice of a job, known by the job's number. ``credited`` was moved back since."""

    job_id: int
    total: Money
    credited: Money
    units: int
    issued_at: Instant
    position: int


class Payout(msgspec.Struct, frozen=True):
    """What a developer gets for a job. ``reclaimed`` was moved back since."""

    job_id: int
    agent_id: str
    total: Money
    reclaimed: Money
    units: int
    paid_at: Instant
    position: int


class Posted(msgspec.Struct, frozen=True):
    """An entry of the ledger."""

    id: str
    job_id: int
    event: Moved
    posted_at: Instant
    position: int


class Balance(msgspec.Struct, frozen=True):
    """How an account stands, a debit when positive."""

    kind: AccountKind
    amount: Money


class InvoicesPage(msgspec.Struct, frozen=True):
    """Some invoices, and the cursor to the older ones, None on the last page."""

    invoices: list[Invoice]
    cursor: str | None


class PayoutsPage(msgspec.Struct, frozen=True):
    """Some payouts, and the cursor to the older ones, None on the last page."""

    payouts: list[Payout]
    cursor: str | None


class LedgerPage(msgspec.Struct, frozen=True):
    """Some entries, and the cursor to the older ones, None on the last page."""

    entries: list[Posted]
    cursor: str | None


async def invoices_of(
    fetch: Fetch, tenant: str, client_id: str, *, cursor: str | None = None, limit: int = 50
) -> InvoicesPage:
    """One page of a client's invoices, newest first. Raises InvalidCursor."""
    invoices = await _invoices(fetch, tenant, client_id, cursor, limit + 1)
    page = invoices[:limit]
    return InvoicesPage(page, _older(page[-1].position) if len(invoices) > limit else None)


async def one_invoice(fetch: Fetch, tenant: str, client_id: str, job_id: int) -> Invoice:
    """The invoice of a client's job. Raises NotFound."""
    found = await _invoices(fetch, tenant, client_id, None, 1, stream=f"{CATEGORY}-{job_id}")
    if not found:
        raise NotFound
    return found[0]


async def payouts_of(
    fetch: Fetch, tenant: str, developer_id: str, *, cursor: str | None = None, limit: int = 50
) -> PayoutsPage:
    """One page of a developer's payouts, newest first. Raises InvalidCursor."""
    rows = await fetch(
        PAYOUTS,
        {
            "tenant": tenant,
            "developer_id": developer_id,
            "before": _before(cursor),
            "limit": str(limit + 1),
        },
    )
    payouts = [_payout(*row) for row in rows[:limit]]
    return PayoutsPage(payouts, _older(payouts[-1].position) if len(rows) > limit else None)


async def ledger_of(
    fetch: Fetch, tenant: str, party: str, *, cursor: str | None = None, limit: int = 50
) -> LedgerPage:
    """One page of the entries that debit or credit a party, newest first. Raises InvalidCursor."""
    rows = await fetch(
        LEDGER,
        {"tenant": tenant, "party": party, "before": _before(cursor), "limit": str(limit + 1)},
    )
    entries = [_posted(*row) for row in rows[:limit]]
    return LedgerPage(entries, _older(entries[-1].position) if len(rows) > limit else None)


async def balances_of(fetch: Fetch, tenant: str, party: str) -> list[Balance]:
    """How each account of a party stands."""
    rows = await fetch(BALANCES, {"prefix": f"{tenant}/{party}/"})
    return [Balance(kind, Money(minor, currency)) for kind, currency, minor in rows]


async def _invoices(
    fetch: Fetch,
    tenant: str,
    client_id: str,
    cursor: str | None,
    limit: int,
    *,
    stream: str | None = None,
) -> list[Invoice]:
    rows = await fetch(
        INVOICES,
        {
            "tenant": tenant,
            "client_id": client_id,
            "before": _before(cursor),
            "stream": stream,
            "limit": str(limit),
        },
    )
    return [_invoice(*row) for row in rows]


def _before(cursor: str | None) -> str:
    return str(END if cursor is None else position_of(cursor))


def _older(position: int) -> str:
    return write_cursor(str(position))


def _invoice(position: int, document: str, credited: int) -> Invoice:
    entry = decode(document)
    assert isinstance(entry.data, Invoiced)
    invoiced = entry.data
    return Invoice(
        job_id=int(entry.aggregate_id),
        total=Money(invoiced.minor, invoiced.currency),
        credited=Money(credited, invoiced.currency),
        units=invoiced.units,
        issued_at=entry.recorded_at,
        position=position,
    )


def _payout(position: int, document: str, reclaimed: int) -> Payout:
    entry = decode(document)
    assert isinstance(entry.data, PaidOut)
    paid = entry.data
    return Payout(
        job_id=int(entry.aggregate_id),
        agent_id=paid.agent_id,
        total=Money(paid.minor, paid.currency),
        reclaimed=Money(reclaimed, paid.currency),
        units=paid.units,
        paid_at=entry.recorded_at,
        position=position,
    )


def _posted(position: int, document: str) -> Posted:
    entry = decode(document)
    assert isinstance(entry.data, Moved)
    return Posted(entry.id, int(entry.aggregate_id), entry.data, entry.recorded_at, position)
