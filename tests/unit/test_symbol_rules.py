"""Quantities and prices fitted to a symbol's filters are ones that the exchange accepts."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from binance_trade_agent.domain.errors import RuleViolationError
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus

RULES = SymbolRules(
    symbol="BTCUSDT",
    base_asset="BTC",
    quote_asset="USDT",
    status=SymbolStatus.TRADING,
    tick_size=Decimal("0.01"),
    min_price=Decimal("0.01"),
    max_price=Decimal("1000000"),
    step_size=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal("9000"),
    market_max_quantity=Decimal("120"),
    min_notional=Decimal("5"),
    max_notional=Decimal("9000000"),
)
QUANTITIES = st.decimals(min_value=0, max_value=20_000, places=10)
PRICES = st.decimals(min_value=Decimal("0.01"), max_value=200_000, places=6)


@given(QUANTITIES, st.booleans())
def test_a_fitted_quantity_is_never_more_than_asked_and_fits_the_lot(quantity, market):
    fitted = RULES.fit_quantity(quantity, market=market)
    assert 0 <= fitted <= quantity
    assert fitted % RULES.step_size == 0
    assert fitted <= RULES.most_quantity(market)
    if fitted:
        replace(RULES, min_notional=Decimal(0), max_notional=Decimal(0)).check(fitted, Decimal("1.00"), market=market)


@given(PRICES, st.booleans())
def test_the_smallest_quantity_passes_the_check_and_one_step_less_does_not(price, market):
    price = RULES.fit_price(price)
    if price == 0:
        return
    smallest = RULES.smallest_quantity_at(price, market=market)
    if smallest > RULES.most_quantity(market):
        return
    RULES.check(smallest, price, market=market)
    with pytest.raises(RuleViolationError):
        RULES.check(smallest - RULES.step_size, price, market=market)


def test_a_quantity_below_the_minimum_fits_to_nothing():
    assert RULES.fit_quantity(Decimal("0.000009")) == 0


def test_market_orders_are_capped_by_the_market_lot_and_limit_orders_by_the_lot():
    assert RULES.fit_quantity(Decimal("500"), market=True) == 120
    assert RULES.fit_quantity(Decimal("500"), market=False) == 500


@pytest.mark.parametrize(
    ("quantity", "price", "market", "rule"),
    [
        ("0", "50000", True, "LOT_SIZE"),
        ("0.000015", "5000000", True, "LOT_SIZE"),
        ("121", "50000", True, "LOT_SIZE"),
        ("1", "50000.001", False, "PRICE_FILTER"),
        ("0.00001", "50000", False, "NOTIONAL"),
        ("119", "90000", True, "NOTIONAL"),
    ],
)
def test_an_order_that_the_exchange_would_refuse_is_refused_by_name(quantity, price, market, rule):
    with pytest.raises(RuleViolationError) as caught:
        RULES.check(Decimal(quantity), Decimal(price), market=market)
    assert caught.value.rule == rule


def test_a_minimum_notional_that_spares_market_orders_does():
    spared = replace(RULES, min_notional_applies_to_market=False)
    spared.check(Decimal("0.00001"), Decimal("50000"), market=True)
    with pytest.raises(RuleViolationError):
        spared.check(Decimal("0.00001"), Decimal("50000"), market=False)
