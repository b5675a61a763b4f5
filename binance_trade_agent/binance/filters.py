"""From exchangeInfo's filters to the bounds in SymbolRules. Source: filters.md."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

import msgspec

from binance_trade_agent.domain.errors import BadAnswerError
from binance_trade_agent.domain.symbol_rules import SymbolRules

AMOUNT_PATTERN = r"\A[0-9]{1,20}(\.[0-9]{1,18})?\Z"
Amount = Annotated[str, msgspec.Meta(pattern=AMOUNT_PATTERN)]
"""A decimal number that is not negative, as the exchange writes one: digits and a point, no sign, exponent, NaN or blanks."""


class SymbolFilter(msgspec.Struct, rename="camel", gc=False):
    """One entry of a symbol's `filters`. Which fields are there depends on `filter_type`; kinds we do not know keep only that."""

    filter_type: str
    min_price: Amount | None = None
    max_price: Amount | None = None
    tick_size: Amount | None = None
    min_qty: Amount | None = None
    max_qty: Amount | None = None
    step_size: Amount | None = None
    min_notional: Amount | None = None
    max_notional: Amount | None = None
    apply_to_market: bool | None = None
    apply_min_to_market: bool | None = None
    max_num_algo_orders: Annotated[int, msgspec.Meta(ge=0)] | None = None

    def amount(self, symbol: str, field: str) -> Decimal:
        """The value of `field` (Binance's spelling); raises BadAnswerError, naming symbol, filter and field, when it is not there."""
        text = getattr(self, _ATTRIBUTES[field])
        if text is None:
            raise BadAnswerError(f"exchange_info: {symbol}: filter {self.filter_type[:40]} lacks {field}")
        return Decimal(text)


_ATTRIBUTES = dict(zip(SymbolFilter.__struct_encode_fields__, SymbolFilter.__struct_fields__, strict=True))


def apply_filters(rules: SymbolRules, filters: Iterable[SymbolFilter]) -> SymbolRules:
    """`rules` with the bounds that `filters` set; filters that bind no order of ours are passed over."""
    for entry in filters:
        apply = _APPLY.get(entry.filter_type)
        if apply is not None:
            rules = apply(rules, entry)
    return rules


def _price_filter(rules: SymbolRules, entry: SymbolFilter) -> SymbolRules:
    symbol = rules.symbol
    return replace(
        rules,
        min_price=entry.amount(symbol, "minPrice"),
        max_price=entry.amount(symbol, "maxPrice"),
        tick_size=entry.amount(symbol, "tickSize"),
    )


def _lot_size(rules: SymbolRules, entry: SymbolFilter) -> SymbolRules:
    symbol = rules.symbol
    return replace(
        rules,
        min_quantity=entry.amount(symbol, "minQty"),
        max_quantity=entry.amount(symbol, "maxQty"),
        step_size=entry.amount(symbol, "stepSize"),
    )


def _market_lot_size(rules: SymbolRules, entry: SymbolFilter) -> SymbolRules:
    symbol = rules.symbol
    return replace(
        rules,
        market_min_quantity=entry.amount(symbol, "minQty"),
        market_max_quantity=entry.amount(symbol, "maxQty"),
        market_step_size=entry.amount(symbol, "stepSize"),
    )


def _min_notional(rules: SymbolRules, entry: SymbolFilter) -> SymbolRules:
    return _with_least_value(rules, entry.amount(rules.symbol, "minNotional"), applies_to_market=entry.apply_to_market is not False)


def _notional(rules: SymbolRules, entry: SymbolFilter) -> SymbolRules:
    least = entry.amount(rules.symbol, "minNotional")
    bounded = _with_least_value(rules, least, applies_to_market=entry.apply_min_to_market is not False)
    return replace(bounded, max_notional=entry.amount(rules.symbol, "maxNotional"))


def _max_num_algo_orders(rules: SymbolRules, entry: SymbolFilter) -> SymbolRules:
    return replace(rules, max_stop_orders=entry.max_num_algo_orders or 0)


def _with_least_value(rules: SymbolRules, least: Decimal, *, applies_to_market: bool) -> SymbolRules:
    """A symbol may carry MIN_NOTIONAL and NOTIONAL together: the larger bound holds, and for market orders if either says so."""
    already = rules.min_notional > 0 and rules.min_notional_applies_to_market
    return replace(rules, min_notional=max(rules.min_notional, least), min_notional_applies_to_market=already or applies_to_market)


_APPLY: dict[str, Callable[[SymbolRules, SymbolFilter], SymbolRules]] = {
    "PRICE_FILTER": _price_filter,
    "LOT_SIZE": _lot_size,
    "MARKET_LOT_SIZE": _market_lot_size,
    "MIN_NOTIONAL": _min_notional,
    "NOTIONAL": _notional,
    "MAX_NUM_ALGO_ORDERS": _max_num_algo_orders,
}
