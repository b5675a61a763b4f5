"""Trend: what strategies on two averages share: reading a line that swings around zero, such as the distance of the two."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.signal import Action
from binance_trade_agent.strategies.over_history import BUY, SELL, ActionColumn, Votes, settled
from binance_trade_agent.strategies.parameters import parameter_error
from binance_trade_agent.strategies.rolling import Mask, ReadableCloses
from binance_trade_agent.strategies.strategy import Strategy
from binance_trade_agent.strategies.trigger import Trigger
from binance_trade_agent.strategies.window_averages import Estimate

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


class TrendHistory(NamedTuple):
    """A history of closes and the swinging line over it.

    `line(lag, entries)` is the line at the candle `lag` before the newest of each window that ends at one of `entries`; of all with None.
    """

    closes: ReadableCloses
    line: Callable[[int, NDArray[np.intp] | None], Estimate]


class _TrendStrategy(Strategy, Protocol):
    @property
    def trigger(self) -> Trigger: ...


def trend_actions(strategy: _TrendStrategy, window: CandleWindow, history: TrendHistory) -> ActionColumn:
    """What `read_trend` says at every candle of a history."""
    closes = history.closes
    now, doubtful = _sides(history.line(0, None), closes.closes)
    if strategy.trigger is Trigger.ZONE:
        return settled(strategy, window, now, closes, doubtful)
    before, doubtful_before = _sides(history.line(1, None), closes.closes)
    return settled(strategy, window, strategy.trigger.applied_over(before, now), closes, doubtful | doubtful_before)


def trend_votes(strategy: _TrendStrategy, window: CandleWindow, history: TrendHistory, span: int) -> Votes:
    """The same with the confidence, for which `read_trend` is given the newest `span` values of the line."""
    actions = trend_actions(strategy, window, history)
    entries = np.flatnonzero(actions)
    newest = history.line(0, entries)
    widest, error = abs(newest.value), newest.error
    for lag in range(1, span):
        earlier = history.line(lag, entries)
        widest, error = np.maximum(widest, abs(earlier.value)), np.maximum(error, earlier.error)
    confidence, bound = np.zeros(len(actions)), np.zeros(len(actions))
    with np.errstate(divide="ignore", invalid="ignore"):
        confidence[entries] = 0.5 + 0.5 * abs(newest.value) / widest
        bound[entries] = 2.0 * error / widest
    bound[history.closes.extreme] = np.inf
    return Votes(actions, Estimate(confidence, bound))


def _sides(line: Estimate, prices: Column) -> tuple[ActionColumn, Mask]:
    """The side of zero at every candle, and where it is doubtful."""
    noise = prices * _NOISE
    sides = (line.value > noise).astype(np.int8) * BUY + (line.value < -noise).astype(np.int8) * SELL
    return sides, abs(abs(line.value) - noise) <= line.error


def check_fast_below_slow(owner: str, fast: int, slow: int) -> None:
    """Raise StrategyError, naming the strategy `owner`, unless the fast average is the shorter one."""
    if fast >= slow:
        raise parameter_error(owner, "fast", fast, f"whole numbers below slow, which is {slow}")


def _side(value: float, price: float) -> Action:
    if abs(value) <= price * _NOISE:
        return Action.HOLD
    return Action.BUY if value > 0 else Action.SELL
