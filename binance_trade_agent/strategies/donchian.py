"""Donchian strategy: buys a close above the range of the candles before it and sells one below, expecting a breakout to go on."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.over_history import BUY, SELL, ActionColumn, settled
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.rolling import before, readable_candles, rolling_max, rolling_min
from binance_trade_agent.strategies.strategy import hold_if_candles_unreadable
from binance_trade_agent.strategies.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class DonchianStrategy:
    """BUY at a close above every high of the `entry` candles before it, SELL at one below every low of the `exit` candles before it.

    By default it speaks on every such candle; with the trigger `crossing` only on the first. Confidence is 0.5 on the edge of the range,
    and 1 from as far beyond it as the range is wide.
    """

    name: ClassVar[str] = "donchian"
    entry: Annotated[int, Between(2, 500)] = 20
    exit: Annotated[int, Between(2, 500)] = 10
    trigger: Trigger = Trigger.ZONE

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def required_candles(self) -> int:
        """The ranges before the last two closes."""
        return max(self.entry, self.exit) + 2

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over the newest `required_candles` candles."""
        unreadable = hold_if_candles_unreadable(window, self.required_candles)
        if unreadable is not None:
            return unreadable
        close, high, low = self._place(window, 0)
        action = self.trigger.applied(_side(*self._place(window, 1)), _side(close, high, low))
        numbers = {"close": close, "high": high, "low": low}
        return Opinion(action, self._confidence(action, numbers), self._reason(action, numbers), numbers)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle; nothing is rounded here, so there are no doubts."""
        closes = readable_candles(window, self.required_candles)
        high, low = before(rolling_max(window.highs, self.entry), 1), before(rolling_min(window.lows, self.exit), 1)
        above, below = window.closes > high, window.closes < low
        sides = np.where(above, BUY, np.where(below, SELL, 0)).astype(np.int8)
        actions = self.trigger.applied_over(np.roll(sides, 1), sides)
        return settled(self, window, actions, closes, np.zeros(len(window), np.bool_))

    def _place(self, window: CandleWindow, lag: int) -> tuple[float, float, float]:
        """The close `lag` candles before the newest, and the highest and lowest price of the ranges before it."""
        at = len(window) - 1 - lag
        return float(window.closes[at]), float(window.highs[at - self.entry : at].max()), float(window.lows[at - self.exit : at].min())

    def _confidence(self, action: Action, numbers: dict[str, float]) -> float:
        if action is Action.HOLD:
            return 0.0
        beyond = numbers["close"] - numbers["high"] if action is Action.BUY else numbers["low"] - numbers["close"]
        width = max(numbers["high"] - numbers["low"], beyond / 2.0)
        return 0.5 + 0.5 * min(beyond / width, 1.0)

    def _reason(self, action: Action, numbers: dict[str, float]) -> str:
        close, high, low = f"close {numbers['close']:.6g}", f"{numbers['high']:.6g}", f"{numbers['low']:.6g}"
        if action is Action.BUY:
            return f"{close} is above {high}, the highest price of the {counted(self.entry, 'candle')} before"
        if action is Action.SELL:
            return f"{close} is below {low}, the lowest price of the {counted(self.exit, 'candle')} before"
        if _side(numbers["close"], numbers["high"], numbers["low"]) is Action.HOLD:
            return f"{close} is within {low} to {high}"
        return f"{close} has been beyond {low} to {high} since an earlier candle"


def _side(close: float, high: float, low: float) -> Action:
    if close > high:
        return Action.BUY
    return Action.SELL if close < low else Action.HOLD
