"""Protective exits: the prices at which a position is sold whatever the strategy says."""

from decimal import Decimal

from binance_trade_agent.domain.money import plain, times
from binance_trade_agent.domain.order import OrderIntent
from binance_trade_agent.domain.position import Position
from binance_trade_agent.risk_management_agent.figures import amount, percent
from binance_trade_agent.risk_management_agent.limits import RiskLimits

_STOP_LOSS = "stop-loss"
_TRAILING_STOP = "trailing stop"


def is_stop(intent: OrderIntent) -> bool:
    """True for an order that sells at a stop-loss or a trailing stop, sent by a pass or waiting on the exchange.

    Of those that passes send, the reason is what the book keeps.
    """
    return intent.stop_price is not None or intent.reason.startswith((f"{_STOP_LOSS}:", f"{_TRAILING_STOP}:"))


def protective_reason(limits: RiskLimits, position: Position, price: Decimal, peak_price: Decimal) -> str | None:
    """Why `position` must be sold at `price`, with the figures; None when it may be kept.

    `peak_price` is the highest price since the purchase. A position that cost nothing has no stop-loss or take-profit.
    """
    average = position.average_price
    if position.quantity <= 0 or price <= 0:
        return None
    if average > 0 and limits.stop_loss_pct and price <= times(average, 1 - limits.stop_loss_pct):
        return _sentence(_STOP_LOSS, price, f"{percent(limits.stop_loss_pct)} or more below the average price {amount(average)}")
    if limits.trailing_stop_pct and price <= times(peak_price, 1 - limits.trailing_stop_pct):
        return _sentence(_TRAILING_STOP, price, f"{percent(limits.trailing_stop_pct)} or more below the highest {plain(peak_price)}")
    if average > 0 and limits.take_profit_pct and price >= times(average, 1 + limits.take_profit_pct):
        return _sentence("take-profit", price, f"{percent(limits.take_profit_pct)} or more above the average price {amount(average)}")
    return None


def _sentence(name: str, price: Decimal, place: str) -> str:
    return f"{name}: price {plain(price)} is {place}"
