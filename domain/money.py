"""Money: whole minor units inside, decimal text outside, by ISO 4217.

A price of one unit may be finer than a minor unit: it is held in millionths of the major unit. A
line, so many units at a price, is rounded once, half to even.
"""

import re
from functools import lru_cache

import msgspec
from iso4217 import Currency

from domain.refusals import InvalidValue

DECIMALS_AT_MOST = 6
MILLION = 10**DECIMALS_AT_MOST
PRICE_AT_MOST = 1_000_000
"""In major units, so that a sum over as many units still fits 64 bits."""

_DECIMAL = re.compile(r"\d{1,12}(\.\d{1,20})?", re.ASCII)


@lru_cache(maxsize=512)
def exponent_of(currency: str) -> int:
    """How many decimals a currency's minor unit has. Raises InvalidValue for one that has none."""
    try:
        exponent = Currency(currency).exponent
    except ValueError as error:
        raise InvalidValue(field="currency", reason="must be a code of ISO 4217") from error
    if exponent is None:
        raise InvalidValue(field="currency", reason="must be a currency that has minor units")
    return int(exponent)


class Money(msgspec.Struct, frozen=True):
    """An amount in minor units of a currency."""

    minor: int
    currency: str

    def __str__(self) -> str:
        return decimal(self.minor, exponent_of(self.currency))


class Price(msgspec.Struct, frozen=True):
    """What one unit costs, in millionths of a currency's major unit."""

    millionths: int
    currency: str

    @lru_cache(maxsize=4096)  # noqa: B019 - a price is a value, and small
    def __str__(self) -> str:
        whole = decimal(self.millionths, DECIMALS_AT_MOST)
        shown, least = whole.rstrip("0"), exponent_of(self.currency)
        decimals = max(len(shown.partition(".")[2]), least)
        return whole[: len(whole) - DECIMALS_AT_MOST + decimals].rstrip(".")

    def line(self, units: int) -> Money:
        """What so many units cost together."""
        return Money(
            half_even(self.millionths * units * self._minor_in_major, MILLION), self.currency
        )

    def at_most(self, units: int) -> Money:
        """What so many units never cost more than, however they are parted into lines."""
        return Money(-(-self.millionths * self._minor_in_major // MILLION) * units, self.currency)

    @property
    def _minor_in_major(self) -> int:
        return int(10 ** exponent_of(self.currency))


def read_price(text: str, currency: str, field: str = "price_per_unit") -> Price:
    """Read decimal text as the price of one unit. Raises InvalidValue."""
    exponent_of(currency)
    return Price(read_millionths(text, field), currency)


def read_millionths(text: str, field: str = "price_per_unit") -> int:
    """Read decimal text as the price of one unit in any currency. Raises InvalidValue."""
    if _DECIMAL.fullmatch(text) is None:
        raise InvalidValue(field=field, reason="must be a decimal number > 0")
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    if len(decimals) > DECIMALS_AT_MOST:
        raise InvalidValue(field=field, reason=f"must have at most {DECIMALS_AT_MOST} decimals")
    millionths: int = int(whole) * MILLION + int(decimals.ljust(DECIMALS_AT_MOST, "0"))
    if millionths == 0:
        raise InvalidValue(field=field, reason="must be > 0")
    if millionths > PRICE_AT_MOST * MILLION:
        raise InvalidValue(field=field, reason=f"must be at most {PRICE_AT_MOST}")
    return millionths


def read_amount(text: str, currency: str, field: str) -> Money:
    """Read decimal text as an amount. Raises InvalidValue, also for parts of a minor unit."""
    exponent = exponent_of(currency)
    if _DECIMAL.fullmatch(text) is None:
        raise InvalidValue(field=field, reason="must be a decimal number")
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    if len(decimals) > exponent:
        raise InvalidValue(field=field, reason=f"must have at most {exponent} decimals")
    return Money(int(whole + decimals.ljust(exponent, "0")), currency)


def share_of(amount: Money, basis_points: int) -> Money:
    """So many hundredths of a percent of an amount, rounded half to even."""
    return Money(half_even(amount.minor * basis_points, 10_000), amount.currency)


def half_even(numerator: int, denominator: int) -> int:
    """A quotient of whole numbers, rounded to the nearest, half to even."""
    quotient, remainder = divmod(numerator, denominator)
    twice = 2 * remainder
    return quotient + (twice > denominator or (twice == denominator and quotient % 2 == 1))


def decimal(number: int, decimals: int) -> str:
    """A whole number of the smallest part, as decimal text."""
    sign, digits = "-" if number < 0 else "", str(abs(number)).rjust(decimals + 1, "0")
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)
