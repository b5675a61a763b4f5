"""A symbol's trading rules, and fitting quantities and prices to them before anything is sent.

Source: Binance filters.md (PRICE_FILTER, LOT_SIZE, MARKET_LOT_SIZE, MIN_NOTIONAL, NOTIONAL) and rest-api.md, "Exchange information".
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from binance_trade_agent.domain.errors import RuleViolationError
from binance_trade_agent.domain.money import ZERO, ceil_to_step, floor_to_step, plain, times


class SymbolStatus(StrEnum):
    """Binance's symbol status (enums.md)."""

    TRADING = "TRADING"
    END_OF_DAY = "END_OF_DAY"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class SymbolRules:
    """The filters that bind a plain market or limit order. A value of 0 means that the exchange does not enforce that bound.

    `max_stop_orders` is how many stops may be open at a time (MAX_NUM_ALGO_ORDERS).
    """

    symbol: str
    base_asset: str
    quote_asset: str
    status: SymbolStatus
    tick_size: Decimal
    min_price: Decimal
    max_price: Decimal
    step_size: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    market_step_size: Decimal = ZERO
    market_min_quantity: Decimal = ZERO
    market_max_quantity: Decimal = ZERO
    min_notional: Decimal = ZERO
    max_notional: Decimal = ZERO
    min_notional_applies_to_market: bool = True
    max_stop_orders: int = 0
    base_precision: int = 8
    quote_precision: int = 8

    def quantity_step(self, market: bool) -> Decimal:
        """The step that a quantity must be a multiple of; LOT_SIZE binds always, MARKET_LOT_SIZE market orders as well."""
        return max(self.step_size, self.market_step_size) if market else self.step_size

    def is_too_little_to_sell(self, quantity: Decimal) -> bool:
        """Less than one step can never be sold by itself, and less than nothing neither."""
        return quantity <= 0 or floor_to_step(quantity, self.quantity_step(market=True)) == 0

    def least_quantity(self, market: bool) -> Decimal:
        """The smallest quantity allowed."""
        return max(self.min_quantity, self.market_min_quantity) if market else self.min_quantity

    def most_quantity(self, market: bool) -> Decimal:
        """The largest quantity allowed, 0 for no bound."""
        bounds = [self.max_quantity, self.market_max_quantity] if market else [self.max_quantity]
        return min((bound for bound in bounds if bound > 0), default=ZERO)

    def fit_quantity(self, quantity: Decimal, *, market: bool = True) -> Decimal:
        """`quantity` rounded down to the step and capped at the maximum; 0 when it is below the minimum."""
        most = self.most_quantity(market)
        capped = min(quantity, most) if most > 0 else quantity
        fitted = floor_to_step(capped, self.quantity_step(market))
        return fitted if fitted >= self.least_quantity(market) and fitted > 0 else ZERO

    def fit_price(self, price: Decimal) -> Decimal:
        """`price` rounded down to the tick."""
        return floor_to_step(price, self.tick_size)

    def smallest_quantity_at(self, price: Decimal, *, market: bool = True) -> Decimal:
        """The smallest quantity whose value at `price` satisfies LOT_SIZE and NOTIONAL together."""
        step = self.quantity_step(market)
        least = max(self.least_quantity(market), step)
        if price > 0 and self.min_notional > 0:
            least = max(least, ceil_to_step(self.min_notional / price, step))
            while times(least, price) < self.min_notional:
                least += step if step > 0 else Decimal("1e-8")
        return least

    def check(self, quantity: Decimal, price: Decimal, *, market: bool) -> None:
        """Raise RuleViolationError, naming the filter, when an order of `quantity` at `price` would be refused by the exchange."""
        if quantity <= 0 or quantity < self.least_quantity(market):
            raise RuleViolationError("LOT_SIZE", f"quantity {plain(quantity)} is below the minimum {plain(self.least_quantity(market))}")
        most = self.most_quantity(market)
        if most and quantity > most:
            raise RuleViolationError("LOT_SIZE", f"quantity {plain(quantity)} is above the maximum {plain(most)}")
        step = self.quantity_step(market)
        if floor_to_step(quantity, step) != quantity:
            raise RuleViolationError("LOT_SIZE", f"quantity {plain(quantity)} is no multiple of the step {plain(step)}")
        if not market and floor_to_step(price, self.tick_size) != price:
            raise RuleViolationError("PRICE_FILTER", f"price {plain(price)} is no multiple of the tick {plain(self.tick_size)}")
        notional = times(quantity, price)
        if notional < self.min_notional and (not market or self.min_notional_applies_to_market):
            raise RuleViolationError("NOTIONAL", f"value {plain(notional)} is below the minimum {plain(self.min_notional)}")
        if self.max_notional and notional > self.max_notional:
            raise RuleViolationError("NOTIONAL", f"value {plain(notional)} is above the maximum {plain(self.max_notional)}")
