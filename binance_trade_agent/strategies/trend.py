"""Trend: reading a line that swings around zero, as the MACD histogram and the distance of two averages do."""

from typing import NamedTuple

from binance_trade_agent.domain.market import Column
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.strategies.trigger import Trigger

# Below this share of the price a distance is rounding, not trend: after a long standstill averages meet and their sign is noise.
_NOISE = 1e-9


class TrendReading(NamedTuple):
    """What a swinging line says: the action, its confidence, and the side of zero it is on now."""

    action: Action
    confidence: float
    side: Action


def read_trend(line: Column, price: float, trigger: Trigger) -> TrendReading:
    """BUY above zero and SELL below, as `trigger` has it.

    `line` is in price units, newest last, at least two values. Confidence is 0.5 on zero, and 1 where the line is as far out as
    it ever was in `line`.
    """
    before, now = _side(line[-2], price), _side(line[-1], price)
    action = trigger.applied(before, now)
    if action is Action.HOLD:
        return TrendReading(action, 0.0, now)
    return TrendReading(action, 0.5 + 0.5 * float(abs(line[-1]) / abs(line).max()), now)


def _side(value: float, price: float) -> Action:
    if abs(value) <= price * _NOISE:
        return Action.HOLD
    return Action.BUY if value > 0 else Action.SELL
