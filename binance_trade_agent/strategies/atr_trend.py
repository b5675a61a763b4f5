"""ATR trend strategy: goes with a move beyond the usual range, and leaves by a trailing stop below the highest price (chandelier exit)."""

import sys
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.over_history import BUY, SELL, ActionColumn, settled
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.rolling import Mask, before, readable_candles, rolling_max, rolling_min
from binance_trade_agent.strategies.strategy import hold_if_candles_unreadable
from binance_trade_agent.strategies.trigger import Trigger
from binance_trade_agent.strategies.window_averages import Estimate, window_average

# Wilder's smoothing forgets by (period - 1) / period a candle: after 7 periods the first mean weighs less than a thousandth.
_WARM_UP_PERIODS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class AtrTrendStrategy:
    """SELL at a close below the trailing stop, BUY at a close above the trigger line that is not below the stop.

    The stop lies `multiple` average true ranges below the highest price of the newest `lookback` candles, the trigger line as far above the
    lowest. By default it speaks on every such candle; with the trigger `crossing` only on the first. Confidence is 0.5 on the line and
    1 from one average true range beyond it.
    """

    name: ClassVar[str] = "atr_trend"
    period: Annotated[int, Between(2, 100)] = 22
    lookback: Annotated[int, Between(2, 500)] = 22
    multiple: Annotated[float, Between(0.5, 20)] = 3.0
    trigger: Trigger = Trigger.ZONE

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def required_candles(self) -> int:
        """Enough for the smoothing to have forgotten where it began, and for the highest price of the last two closes."""
        return max(self.period * _WARM_UP_PERIODS + 2, self.lookback + 1)

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over the newest `required_candles` candles."""
        unreadable = hold_if_candles_unreadable(window, self.required_candles)
        if unreadable is not None:
            return unreadable
        needed = window.last(self.required_candles)
        ranges = indicators.atr(needed.highs, needed.lows, needed.closes, self.period)
        now = self._numbers(needed, float(ranges[-1]), 0)
        side = _side(now)
        action = self.trigger.applied(_side(self._numbers(needed, float(ranges[-2]), 1)), side)
        return Opinion(action, _confidence(action, now), self._reason(action, side, now), now)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        closes = readable_candles(window, self.required_candles)
        highest, lowest = rolling_max(window.highs, self.lookback), rolling_min(window.lows, self.lookback)
        # A window's first true range is that of its second candle.
        steps = self.required_candles - 1 - self.period
        ranges = window_average(indicators.true_ranges(window), 2 * self.period - 1, seed=self.period, steps=steps)
        now, doubtful = self._sides(window.closes, highest, lowest, ranges.at(0))
        if self.trigger is Trigger.ZONE:
            return settled(self, window, now, closes, doubtful)
        sides, doubtful_before = self._sides(before(window.closes, 1), before(highest, 1), before(lowest, 1), ranges.at(1))
        return settled(self, window, self.trigger.applied_over(sides, now), closes, doubtful | doubtful_before)

    def _sides(self, closes: Column, highest: Column, lowest: Column, ranges: Estimate) -> tuple[ActionColumn, Mask]:
        """The side at every candle, and where it is doubtful."""
        far = self.multiple * ranges.value
        error = self.multiple * ranges.error + 8.0 * sys.float_info.epsilon * (highest + far)
        with np.errstate(invalid="ignore"):
            above_stop, above_line = closes - (highest - far), closes - (lowest + far)
        doubtful = np.minimum(abs(above_stop), abs(above_line)) <= error
        return np.where(above_stop < 0, SELL, np.where(above_line > 0, BUY, 0)).astype(np.int8), doubtful

    def _numbers(self, window: CandleWindow, average_range: float, lag: int) -> dict[str, float]:
        """The figures at the candle `lag` before the newest."""
        end = len(window) - lag
        highest, lowest = float(window.highs[end - self.lookback : end].max()), float(window.lows[end - self.lookback : end].min())
        far = self.multiple * average_range
        return {"close": float(window.closes[end - 1]), "stop": highest - far, "line": lowest + far, "atr": average_range}

    def _reason(self, action: Action, side: Action, numbers: dict[str, float]) -> str:
        close, stop, line = f"close {numbers['close']:.6g}", f"the trailing stop {numbers['stop']:.6g}", f"{numbers['line']:.6g}"
        far = f"{self.multiple:g} average true ranges"
        if side is Action.HOLD:
            return f"{close} is above {stop}, and has not risen {far} above the lowest price, to {line}"
        if action is Action.HOLD:
            return f"{close} has been {'above ' + line if side is Action.BUY else 'below ' + stop} since an earlier candle"
        if action is Action.BUY:
            return f"{close} is above {line}, {far} above the lowest price of {self.lookback} candles"
        return f"{close} is below {stop}, {far} below the highest price of {self.lookback} candles"


def _side(numbers: dict[str, float]) -> Action:
    if numbers["close"] < numbers["stop"]:
        return Action.SELL
    return Action.BUY if numbers["close"] > numbers["line"] else Action.HOLD


def _confidence(action: Action, numbers: dict[str, float]) -> float:
    if action is Action.HOLD:
        return 0.0
    beyond = numbers["close"] - numbers["line"] if action is Action.BUY else numbers["stop"] - numbers["close"]
    return 0.5 + 0.5 * min(beyond / numbers["atr"], 1.0)
