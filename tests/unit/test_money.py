"""Money is exact or refused: parsing, stepping and printing of decimals."""

from decimal import Decimal, Inexact
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.errors import MoneyError
from binance_trade_agent.domain.money import ceil_to_step, floor_to_step, money, plain, ratio, times, total

AMOUNTS = st.decimals(min_value=-(10**12), max_value=10**12, places=8)
STEPS = st.sampled_from([Decimal(step) for step in ("0.00000001", "0.00001", "0.01", "0.5", "1", "10")])


@pytest.mark.parametrize("value", [0.1, float("nan"), "NaN", "Infinity", "-inf", "", "1,5", "0x10", None])
def test_what_is_no_exact_amount_is_refused(value):
    with pytest.raises(MoneyError):
        money(value)


@pytest.mark.parametrize(("value", "expected"), [("0.1", "0.1"), (7, "7"), (Decimal("1.50"), "1.50"), ("1e-8", "1e-8")])
def test_text_integers_and_decimals_are_taken_as_they_are(value, expected):
    assert money(value) == Decimal(expected)


def test_a_refusal_does_not_repeat_a_long_text():
    with pytest.raises(MoneyError) as caught:
        money("x" * 10_000)
    assert len(str(caught.value)) < 100


@given(AMOUNTS)
def test_plain_text_reads_back_as_the_same_amount_and_never_has_an_exponent(amount):
    text = plain(amount)
    assert Decimal(text) == amount
    assert "E" not in text
    assert text != "-0"


@pytest.mark.parametrize(("amount", "text"), [("1E+3", "1000"), ("1e-8", "0.00000001"), ("2.500", "2.5"), ("-0.00", "0"), ("100", "100")])
def test_plain_text_is_what_the_exchange_accepts(amount, text):
    assert plain(Decimal(amount)) == text


@given(AMOUNTS, STEPS)
def test_stepping_brackets_the_amount_by_less_than_a_step(amount, step):
    low, high = floor_to_step(amount, step), ceil_to_step(amount, step)
    assert low <= amount <= high
    assert amount - low < step
    assert high - amount < step
    assert low % step == 0
    assert high % step == 0


@given(AMOUNTS)
def test_a_step_of_zero_means_no_rule(amount):
    assert floor_to_step(amount, Decimal(0)) == amount == ceil_to_step(amount, Decimal(0))


@given(AMOUNTS, AMOUNTS)
def test_products_are_exact_beyond_the_default_precision(left, right):
    assert Fraction(times(left, right)) == Fraction(left) * Fraction(right)


def test_a_sum_keeps_every_digit_and_refuses_to_round():
    assert plain(total([Decimal("1e30"), Decimal("1e-30")])) == "1" + "0" * 30 + "." + "0" * 29 + "1"
    with pytest.raises(Inexact):
        total([Decimal("1e60"), Decimal("1e-60")])


def test_a_ratio_of_nothing_is_zero():
    assert ratio(Decimal(5), Decimal(0)) == 0
    assert ratio(Decimal(1), Decimal(3)) == Decimal("0.333333333333333333")
