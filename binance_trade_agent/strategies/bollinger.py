"""Bollinger strategy: buys below the lower band and sells above the upper one, expecting a return to the mean."""

import sys
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.over_history import BUY, SELL, ActionColumn, settled
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.rolling import Mask, ReadableCloses, readable_closes
from binance_trade_agent.strategies.rolling_spread import rolling_spread
from binance_trade_agent.strategies.strategy import hold, hold_if_unreadable
from binance_trade_agent.strategies.trigger import Trigger

_EPSILON = sys.float_info.epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class BollingerStrategy:
    """BUY at a close on or below the lower band, SELL on or above the upper one.

    By default it speaks on every candle outside the bands; with the trigger `crossing` only on the first one out.
    Confidence is 0.5 on the band and 1 from one standard deviation beyond it.
    """

    name: ClassVar[str] = "bollinger"
    period: Annotated[int, Between(2, 500)] = 20
    deviations: Annotated[float, Between(0.1, 10)] = 2.0
    trigger: Trigger = Trigger.ZONE

    def __post_init__(self) -> None:
        check_parameters(self)

    @property
    def required_candles(self) -> int:
        """The bands of the last two closes."""
        return self.period + 1

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over the newest `required_candles` closes."""
        unreadable = hold_if_unreadable(window, self.required_candles)
        if unreadable is not None:
            return unreadable
        closes = window.closes[-self.required_candles :]
        bands = indicators.bollinger(closes, self.period, self.deviations)
        close, upper, lower = float(closes[-1]), float(bands.upper[-1]), float(bands.lower[-1])
        numbers = {"upper": upper, "middle": float(bands.middle[-1]), "lower": lower, "close": close}
        if upper <= lower:
            return hold(f"prices have been flat for {self.period} candles, so the bands have no width", numbers)
        side = _side(closes, bands, -1)
        action = self.trigger.applied(_side(closes, bands, -2), side)
        return Opinion(action, self._confidence(action, close, upper, lower), self._reason(action, side, numbers), numbers)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        closes = readable_closes(window.closes, self.required_candles)
        now, doubtful = self._sides(closes)
        if self.trigger is Trigger.ZONE:
            return settled(self, window, now, closes, doubtful)
        # The bands of the close before lie a candle back, and are the same in a window that is one candle longer.
        sides, doubtful_before = np.roll(now, 1), np.roll(doubtful, 1)
        return settled(self, window, self.trigger.applied_over(sides, now), closes, doubtful | doubtful_before)

    def _sides(self, closes: ReadableCloses) -> tuple[ActionColumn, Mask]:
        """The side at every candle, and where it is doubtful."""
        mean, variance = rolling_spread(closes.closes, self.period)
        # TA-Lib sums squares of closes, which is off by so much of the greatest of them.
        rounding = _EPSILON * 16.0 * (self.period + 8)
        error = variance.error + rounding * closes.greatest**2
        deviation = np.sqrt(variance.value)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.minimum(error / deviation, np.sqrt(error))
        distance, width = closes.closes - mean.value, self.deviations * deviation
        doubtful = abs(abs(distance) - width) <= mean.error + rounding * closes.greatest + self.deviations * off
        doubtful |= variance.value <= closes.greatest**2 * indicators.LEAST_SUM + error
        return (distance >= width).astype(np.int8) * SELL + (distance <= -width).astype(np.int8) * BUY, doubtful

    def _confidence(self, action: Action, close: float, upper: float, lower: float) -> float:
        if action is Action.HOLD:
            return 0.0
        deviation = (upper - lower) / (2.0 * self.deviations)
        beyond = lower - close if action is Action.BUY else close - upper
        return 0.5 + 0.5 * min(max(beyond / deviation, 0.0), 1.0)

    def _reason(self, action: Action, side: Action, numbers: dict[str, float]) -> str:
        bands = f"the bands {numbers['lower']:.6g} to {numbers['upper']:.6g}"
        close = f"close {numbers['close']:.6g}"
        if side is Action.HOLD:
            return f"{close} is within {bands}"
        place = "below" if side is Action.BUY else "above"
        if action is Action.HOLD:
            return f"{close} has been {place} {bands} since an earlier candle"
        return f"{close} is {place} {bands}"


def _side(closes: Column, bands: indicators.Bands, at: int) -> Action:
    if bands.upper[at] <= bands.lower[at]:
        return Action.HOLD
    if closes[at] <= bands.lower[at]:
        return Action.BUY
    return Action.SELL if closes[at] >= bands.upper[at] else Action.HOLD
