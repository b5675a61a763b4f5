"""Trailing stops: when one begins to follow the price, what it remembers, and when the price has turned far enough.

Source: faqs/trailing-stop-faq.md. A sell follows the highest price and works once it has fallen from there by the delta, a buy the lowest.
"""

from decimal import Decimal

from msgspec.structs import replace

from binance_trade_agent.domain.money import times
from binance_trade_agent.domain.order import Side
from binance_trade_agent.simulation.engine.records import ExchangeOrder

BASIS_POINTS = 10_000


def following_from(order: ExchangeOrder, price: Decimal, time_ms: int) -> ExchangeOrder:
    """The order once it follows the price, which is the best that it has seen so far."""
    return replace(order, trailing_price=price, trailing_ms=time_ms)


def followed(order: ExchangeOrder, price: Decimal) -> ExchangeOrder:
    """The order after it has seen `price`: itself unless that is the best so far."""
    best = order.trailing_price
    if best is not None and (price <= best if order.side is Side.SELL else price >= best):
        return order
    return replace(order, trailing_price=price)


def has_turned(order: ExchangeOrder, price: Decimal) -> bool:
    """True when `price` is as far from the best one as the delta says."""
    best, delta = order.trailing_price, order.trailing_delta
    if best is None or delta is None:
        return False
    if order.side is Side.SELL:
        return times(price, Decimal(BASIS_POINTS)) <= times(best, Decimal(BASIS_POINTS - delta))
    return times(price, Decimal(BASIS_POINTS)) >= times(best, Decimal(BASIS_POINTS + delta))
