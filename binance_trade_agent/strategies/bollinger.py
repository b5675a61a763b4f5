"""Bollinger strategy: buys below the lower band and sells above the upper one, expecting a return to the mean."""

import sys
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import numpy as np

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.over_history import BUY, SELL, ActionColumn, Votes, settled
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.rolling import Mask, ReadableCloses, readable_closes
from binance_trade_agent.strategies.rolling_spread import rolling_spread
from binance_trade_agent.strategies.strategy import hold, hold_if_unreadable
from binance_trade_agent.strategies.trigger import Trigger
from binance_trade_agent.strategies.window_averages import Estimate


class _History(NamedTuple):
    """A history of closes: how far each lies above its mean, how wide one deviation is, and where it may be none at all."""

    closes: ReadableCloses
    distance: Estimate
    width: Estimate
    is_flat: Mask


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
        return self._actions(window, self._history(window))

    def votes(self, window: CandleWindow) -> Votes:
        """The same with the confidence."""
        history = self._history(window)
        distance, width = history.distance, history.width
        with np.errstate(divide="ignore", invalid="ignore"):
            beyond = (abs(distance.value) - self.deviations * width.value) / width.value
            error = (distance.error / min(self.deviations, 1.0) + (self.deviations + 2.0) * width.error) / width.value
        error[history.closes.extreme | history.is_flat] = np.inf
        return Votes(self._actions(window, history), Estimate(0.5 + 0.5 * np.clip(beyond, 0.0, 1.0), error))

    def _history(self, window: CandleWindow) -> _History:
        closes = readable_closes(window.closes, self.required_candles)
        mean, variance = rolling_spread(closes.closes, self.period)
        # TA-Lib sums squares of closes, which is off by so much of the greatest of them.
        rounding = 16.0 * sys.float_info.epsilon * (self.period + 8)
        error = variance.error + rounding * closes.greatest**2
        deviation = np.sqrt(variance.value)
        with np.errstate(divide="ignore", invalid="ignore"):
            width = Estimate(deviation, np.minimum(error / deviation, np.sqrt(error)))
        is_flat = ~(variance.value > closes.greatest**2 * indicators.LEAST_SUM + error)
        return _History(closes, Estimate(closes.closes - mean.value, mean.error + rounding * closes.greatest), width, is_flat)

    def _actions(self, window: CandleWindow, history: _History) -> ActionColumn:
        distance, far = history.distance.value, self.deviations * history.width.value
        doubtful = abs(abs(distance) - far) <= history.distance.error + self.deviations * history.width.error
        doubtful |= history.is_flat
        now = (distance >= far).astype(np.int8) * SELL + (distance <= -far).astype(np.int8) * BUY
        if self.trigger is Trigger.ZONE:
            return settled(self, window, now, history.closes, doubtful)
        # The bands of the close before lie a candle back, and are the same in a window that ends a candle later.
        actions = self.trigger.applied_over(np.roll(now, 1), now)
        return settled(self, window, actions, history.closes, doubtful | np.roll(doubtful, 1))

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
