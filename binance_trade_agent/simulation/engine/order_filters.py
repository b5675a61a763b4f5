"""The symbol filters that the simulated exchange enforces on a new order (filters.md), written apart from the client's own fitting."""

from decimal import Decimal

from binance_trade_agent.domain.money import ZERO, times
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.simulation.engine.records import NewOrder
from binance_trade_agent.simulation.engine.refusals import filter_failure, refused
from binance_trade_agent.simulation.engine.terms import OrderType

MOST_OPEN_ORDERS = 200
"""MAX_NUM_ORDERS: open orders of one account on one symbol."""


def notional_filter(rules: SymbolRules) -> str:
    """Which of the two notional filters the symbol has: NOTIONAL when there is an upper bound, else MIN_NOTIONAL."""
    return "NOTIONAL" if rules.max_notional > 0 else "MIN_NOTIONAL"


def check_order(order: NewOrder, rules: SymbolRules, last_price: Decimal) -> None:
    """Raise ExchangeRefusedError (-1013, "Filter failure: ...") for the first filter that forbids `order`.

    Market orders are valued at `last_price`, as with avgPriceMins 0.
    """
    if order.price is not None:
        _check_price(order.price, rules)
    if order.quantity is not None:
        _check_quantity(order.quantity, rules, market=order.type is OrderType.MARKET)
    _check_notional(order, rules, last_price)


def check_market_quantity(quantity: Decimal, rules: SymbolRules) -> None:
    """Raise ExchangeRefusedError (-1013) when the quantity found for a quoteOrderQty breaks a lot filter."""
    _check_quantity(quantity, rules, market=True)


def _check_price(price: Decimal, rules: SymbolRules) -> None:
    if price <= 0:
        raise refused(-1013, "Invalid price.")
    if _outside(price, rules.min_price, rules.max_price, rules.tick_size):
        raise filter_failure("PRICE_FILTER")


def _check_quantity(quantity: Decimal, rules: SymbolRules, *, market: bool) -> None:
    if quantity <= 0 and rules.min_quantity <= 0:
        raise refused(-1013, "Invalid quantity.")
    if _outside(quantity, rules.min_quantity, rules.max_quantity, rules.step_size):
        raise filter_failure("LOT_SIZE")
    if market and _outside(quantity, rules.market_min_quantity, rules.market_max_quantity, rules.market_step_size):
        raise filter_failure("MARKET_LOT_SIZE")


def _check_notional(order: NewOrder, rules: SymbolRules, last_price: Decimal) -> None:
    market = order.type is OrderType.MARKET
    if order.quote_quantity is not None:
        value = order.quote_quantity
    else:
        value = times(order.quantity or ZERO, last_price if order.price is None else order.price)
    if value < rules.min_notional and (not market or rules.min_notional_applies_to_market):
        raise filter_failure(notional_filter(rules))
    if not market and 0 < rules.max_notional < value:
        raise filter_failure(notional_filter(rules))


def _outside(value: Decimal, least: Decimal, most: Decimal, step: Decimal) -> bool:
    """True when `value` breaks a bound or the step; 0 turns a rule off."""
    return value < least or 0 < most < value or (step > 0 and value % step != 0)
