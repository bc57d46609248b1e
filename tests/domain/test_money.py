"""Money: whole minor units inside, decimal text outside, each line rounded once."""

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import (
    PRICE_AT_MOST,
    Money,
    Price,
    exponent_of,
    half_even,
    read_amount,
    read_price,
    share_of,
)
from domain.refusals import InvalidValue

CURRENCIES = {"JPY": 0, "USD": 2, "EUR": 2, "KWD": 3, "CLF": 4}

currencies = st.sampled_from(sorted(CURRENCIES))
prices = st.builds(Price, st.integers(1, 10**9), currencies)
units = st.integers(1, 1_000_000)


def as_decimal(price: Price) -> Decimal:
    return Decimal(price.millionths).scaleb(-6)


# Currencies


@pytest.mark.parametrize(("currency", "exponent"), CURRENCIES.items())
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, exponent: int) -> None:
    assert exponent_of(currency) == exponent


@pytest.mark.parametrize("currency", ["XAU", "XXX", "XTS", "usd", "US", "", "ABC", "US$", "USDT"])
def test_a_code_without_minor_units_is_refused(currency: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        read_price("1", currency)
    assert refused.value.facts["field"] == "currency"


# Text


@pytest.mark.parametrize(
    ("text", "currency", "shown"),
    [
        ("2.5", "USD", "2.50"),
        ("2.500000", "USD", "2.50"),
        ("0.000001", "USD", "0.000001"),
        ("0.0125", "USD", "0.0125"),
        ("100", "JPY", "100"),
        ("0.5", "JPY", "0.5"),
        ("1", "KWD", "1.000"),
        ("007", "USD", "7.00"),
    ],
)
def test_a_price_is_shown_with_no_fewer_decimals_than_its_currency_has(
    text: str, currency: str, shown: str
) -> None:
    assert str(read_price(text, currency)) == shown


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("0", "must be > 0"),
        ("0.0", "must be > 0"),
        ("-1", "must be a decimal number > 0"),
        ("1e3", "must be a decimal number > 0"),
        ("NaN", "must be a decimal number > 0"),
        ("", "must be a decimal number > 0"),
        ("1.", "must be a decimal number > 0"),
        (".5", "must be a decimal number > 0"),
        ("\uff11", "must be a decimal number > 0"),
        ("0.0000001", "must have at most 6 decimals"),
        ("1000000.000001", "must be at most 1000000"),
    ],
)
def test_a_text_that_is_no_price_is_refused_and_names_its_field(text: str, reason: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        read_price(text, "USD", "pricePerUnit")

    assert str(refused.value) == f"pricePerUnit {reason}"


@given(prices)
def test_a_price_that_is_shown_reads_as_the_same(price: Price) -> None:
    assert read_price(str(price), price.currency) == price


@given(st.integers(0, 10**15), currencies)
def test_an_amount_that_is_shown_reads_as_the_same(minor: int, currency: str) -> None:
    if minor < 10 ** (12 + CURRENCIES[currency]):
        money = Money(minor, currency)
        assert read_amount(str(money), currency, "cap") == money


def test_an_amount_has_no_parts_of_a_minor_unit() -> None:
    with pytest.raises(InvalidValue):
        read_amount("1.5", "JPY", "cap")
    assert read_amount("1.50", "USD", "cap") == Money(150, "USD")
    assert str(Money(-5, "USD")) == "-0.05"
    assert str(Money(-5, "JPY")) == "-5"


# Lines


@given(prices, units)
def test_a_line_is_the_exact_product_rounded_once_half_to_even(price: Price, count: int) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = as_decimal(price) * count
        least = Decimal(1).scaleb(-exponent_of(price.currency))
        expected = exact.quantize(least, rounding=ROUND_HALF_EVEN)

    line = price.line(count)

    assert Decimal(line.minor).scaleb(-exponent_of(price.currency)) == expected


@pytest.mark.parametrize(("text", "minor"), [("0.005", 0), ("0.015", 2), ("0.025", 2)])
def test_half_a_minor_unit_goes_to_the_even_one(text: str, minor: int) -> None:
    assert read_price(text, "USD").line(1) == Money(minor, "USD")


@given(prices, st.lists(st.integers(1, 50), min_size=1, max_size=20))
def test_what_is_held_is_never_less_than_the_lines_however_it_is_parted(
    price: Price, parts: list[int]
) -> None:
    assert sum(price.line(part).minor for part in parts) <= price.at_most(sum(parts)).minor


def test_the_greatest_sum_fits_a_database() -> None:
    dearest = read_price(str(PRICE_AT_MOST), "CLF")

    assert dearest.at_most(1_000_000).minor < 2**63


@given(st.integers(0, 10**12), st.integers(0, 10_000))
def test_a_share_is_never_more_than_the_whole(minor: int, basis_points: int) -> None:
    assert 0 <= share_of(Money(minor, "USD"), basis_points).minor <= minor


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6))
def test_half_even_agrees_with_python(numerator: int, denominator: int) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(numerator) / Decimal(denominator)
        rounded = exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)

    assert half_even(numerator, denominator) == rounded
