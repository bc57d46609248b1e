"""The ledger: double entry. Each entry takes an amount from one account to another, so there is
none that does not sum to zero.

An account is a party's, of one kind, in one currency. Entries are never changed: what was wrong is
moved back by another. They stand in the stream of the job that they are about, where the database
itself refuses one that does not sum to zero, and a second charge of an item.
"""

from typing import Literal

import msgspec

from domain.events import Entry, Event, stored
from domain.fold import Fold
from domain.known import Known
from domain.money import Money

AccountKind = Literal["free", "held", "unbilled", "receivable", "earned", "payable", "fees"]
MoveKind = Literal["HOLD", "RELEASE", "CHARGE", "FEE", "INVOICE", "PAYOUT", "REVERSAL"]
SPENT: tuple[AccountKind, ...] = ("held", "unbilled", "receivable")
"""What counts against a client's cap: work agreed on, approved, and invoiced."""


class Posting(msgspec.Struct, frozen=True):
    """A change of one account, a debit when positive.

    ``held`` is reserved out of what a client has ``free``; ``unbilled`` is approved and becomes
    ``receivable`` by invoice; ``earned`` becomes ``payable`` by payout.
    """

    party: str
    kind: AccountKind
    minor: int


Account = tuple[str, AccountKind]
"""Whose, and for what."""

FEES: Account = ("platform", "fees")
"""Where the platform's share goes."""


# Events


@stored("job.money_moved.v1")
class Moved(Event, frozen=True, kw_only=True):
    """An amount went from one account to another: a debit, and the credit that it equals.

    ``item_ref`` is the item of the job that was charged, where one was.
    """

    kind: MoveKind
    currency: str
    postings: tuple[Posting, Posting]
    item_ref: str | None = None

    def __post_init__(self) -> None:
        debit, credit = self.postings
        if debit.minor < 0 or debit.minor + credit.minor:
            raise ValueError("a debit and the credit that it equals")


def moved(
    kind: MoveKind,
    amount: Money,
    *,
    debit: Account,
    credit: Account,
    item_ref: str | None = None,
) -> Moved:
    """An entry of the ledger."""
    return Moved(
        kind=kind,
        currency=amount.currency,
        postings=(Posting(*debit, amount.minor), Posting(*credit, -amount.minor)),
        item_ref=item_ref,
    )


# Balances


class Turnover(msgspec.Struct, frozen=True):
    """All that one side of an account has taken, in minor units; of the credit side, negative."""

    minor: int


def turnover_key(tenant: str, account: Account, currency: str) -> str:
    """The key of one side of an account; both sides have the same."""
    party, kind = account
    return f"{tenant}/{party}/{kind}/{currency}"


def _side(name: str, side: int) -> Fold[Turnover]:
    """The fold of one side: of an entry's two postings it reads one."""

    def evolve(turnover: Turnover | None, entry: Entry) -> Turnover:
        assert isinstance(entry.data, Moved)
        before = 0 if turnover is None else turnover.minor
        return Turnover(before + entry.data.postings[side].minor)

    def keys(entry: Entry) -> tuple[str, ...]:
        assert isinstance(entry.data, Moved)
        posting = entry.data.postings[side]
        account = posting.party, posting.kind
        return (turnover_key(entry.tenant or "", account, entry.data.currency),)

    return Fold(name=name, state=Turnover, events=(Moved,), evolve=evolve, keys=keys)


DEBITS, CREDITS = _side("debits", 0), _side("credits", 1)
"""Two folds, because each entry touches two accounts, and a fold is not told which it folds."""


def balance_of(tenant: str, account: Account, currency: str, known: Known) -> int:
    """How an account stands, in minor units, a debit when positive."""
    key = turnover_key(tenant, account, currency)
    sides = known.get(DEBITS, key), known.get(CREDITS, key)
    return sum(side.minor for side in sides if side is not None)


def spent_by(tenant: str, client_id: str, currency: str, known: Known) -> int:
    """What counts against a client's cap, in minor units."""
    return sum(balance_of(tenant, (client_id, kind), currency, known) for kind in SPENT)
