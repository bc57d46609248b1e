"""The ledger: nothing can be said in it that does not sum to zero."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import Moved, Posting, balance_of, moved
from domain.money import Money
from tests.builders import TENANT, History
from tests.domain.test_events import GOLDEN


@given(st.integers(), st.integers())
def test_an_entry_that_does_not_sum_to_zero_cannot_be_made(debit: int, credit: int) -> None:
    postings = (Posting("client", "held", debit), Posting("client", "free", credit))

    if debit >= 0 and debit + credit == 0:
        Moved(kind="HOLD", currency="USD", postings=postings)
    else:
        with pytest.raises(ValueError, match="a debit and the credit"):
            Moved(kind="HOLD", currency="USD", postings=postings)


def test_nor_can_it_be_read() -> None:
    line, *_ = (GOLDEN / "job.money_moved.v1.json").read_bytes().splitlines()
    wrong = msgspec.json.encode(msgspec.json.decode(line)["data"]).replace(b"-250", b"-249")

    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(wrong, type=Moved)


def test_a_move_debits_one_account_and_credits_the_other() -> None:
    entry = moved("HOLD", Money(250, "USD"), debit=("c", "held"), credit=("c", "free"))

    assert entry.postings == (Posting("c", "held", 250), Posting("c", "free", -250))


def test_an_account_that_nothing_touched_stands_at_zero() -> None:
    assert balance_of(TENANT, ("c", "held"), "USD", History().known()) == 0
