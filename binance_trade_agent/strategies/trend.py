"""Trend: what strategies on two averages share: reading a line that swings around zero, such as the distance of the two."""

from typing import NamedTuple

from binance_trade_agent.domain.market import Column
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.strategies.parameters import parameter_error
from binance_trade_agent.strategies.trigger import Trigger

# An average of n closes forgets by about exp(-2/n) a candle: after 3 more periods its first mean weighs a quarter of a percent.
WARM_UP_PERIODS = 4

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


def check_fast_below_slow(owner: str, fast: int, slow: int) -> None:
    """Raise StrategyError, naming the strategy `owner`, unless the fast average is the shorter one."""
    if fast >= slow:
        raise parameter_error(owner, "fast", fast, f"whole numbers below slow, which is {slow}")


def _side(value: float, price: float) -> Action:
    if abs(value) <= price * _NOISE:
        return Action.HOLD
    return Action.BUY if value > 0 else Action.SELL
