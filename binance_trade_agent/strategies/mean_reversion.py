"""Mean reversion strategy: buys a close far below the mean of those before it and sells when a close is back, by the z-score."""

import sys
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies.over_history import BUY, SELL, ActionColumn, settled
from binance_trade_agent.strategies.parameters import Between, check_parameters, parameter_error
from binance_trade_agent.strategies.rolling import Mask, ReadableCloses, before, readable_closes, rolling_max, rolling_min
from binance_trade_agent.strategies.rolling_spread import rolling_spread
from binance_trade_agent.strategies.strategy import hold, hold_if_unreadable
from binance_trade_agent.strategies.trigger import Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanReversionStrategy:
    """BUY at a z-score of minus `entry` or less, SELL at one of `exit` or more.

    The z-score is how many standard deviations of the `period` closes before it the newest close lies above their mean. By default it
    speaks on every such candle; with the trigger `crossing` only on the first. Confidence is 0.5 at the threshold and 1 from `entry`
    deviations beyond it.
    """

    name: ClassVar[str] = "mean_reversion"
    period: Annotated[int, Between(2, 500)] = 50
    entry: Annotated[float, Between(0.1, 20)] = 2.0
    exit: Annotated[float, Between(-5, 20)] = 0.0
    trigger: Trigger = Trigger.ZONE

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.exit <= -self.entry:
            raise parameter_error(self.name, "exit", self.exit, f"numbers above minus entry, which is {self.entry:g}")

    @property
    def required_candles(self) -> int:
        """The last two closes, and those before them."""
        return self.period + 2

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over the newest `required_candles` closes."""
        unreadable = hold_if_unreadable(window, self.required_candles)
        if unreadable is not None:
            return unreadable
        closes = window.closes[-self.required_candles :]
        score = _score(closes[1:-1], float(closes[-1]))
        if score is None:
            return hold(f"prices had been flat for {self.period} candles, so the newest cannot be measured by them")
        numbers = {"score": score, "close": float(closes[-1])}
        now, earlier = self._side(score), _score(closes[:-2], float(closes[-2]))
        action = self.trigger.applied(Action.HOLD if earlier is None else self._side(earlier), now)
        return Opinion(action, self._confidence(action, score), self._reason(action, now, score), numbers)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        closes = readable_closes(window.closes, self.required_candles)
        sides, doubtful = self._sides(closes)
        if self.trigger is Trigger.ZONE:
            return settled(self, window, sides, closes, doubtful)
        # A score rests on the same closes in a window that ends a candle later.
        actions = self.trigger.applied_over(np.roll(sides, 1), sides)
        return settled(self, window, actions, closes, doubtful | np.roll(doubtful, 1))

    def _sides(self, closes: ReadableCloses) -> tuple[ActionColumn, Mask]:
        """The side at every candle, and where it is doubtful."""
        spread = rolling_spread(closes.closes, self.period)
        flat = before(rolling_min(closes.closes, self.period), 1) == before(rolling_max(closes.closes, self.period), 1)
        mean, deviation = before(spread.mean.value, 1), before(np.sqrt(spread.variance.value), 1)
        # The live method's sums are off by so much of the greatest close, and its variance is taken around its own mean.
        rounding = 8.0 * sys.float_info.epsilon * (self.period + 16) * closes.greatest
        error = before(spread.variance.error, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.minimum(error / deviation, np.sqrt(error)) + rounding
        distance, wrong = closes.closes - mean, before(spread.mean.error, 1) + rounding
        certain = abs(distance + self.entry * deviation) > wrong + self.entry * off
        certain &= abs(distance - self.exit * deviation) > wrong + abs(self.exit) * off
        certain &= deviation > off
        sides = (distance >= self.exit * deviation).astype(np.int8) * SELL + (distance <= -self.entry * deviation).astype(np.int8) * BUY
        return np.where(flat, 0, sides).astype(np.int8), ~(certain | flat)

    def _side(self, score: float) -> Action:
        if score <= -self.entry:
            return Action.BUY
        return Action.SELL if score >= self.exit else Action.HOLD

    def _confidence(self, action: Action, score: float) -> float:
        if action is Action.HOLD:
            return 0.0
        beyond = -self.entry - score if action is Action.BUY else score - self.exit
        return 0.5 + 0.5 * min(beyond / self.entry, 1.0)

    def _reason(self, action: Action, side: Action, score: float) -> str:
        place = f"the close lies {abs(score):.2f} deviations {'below' if score < 0 else 'above'} the mean of the {self.period} before it"
        if side is not Action.HOLD and action is Action.HOLD:
            return f"{place}, as since an earlier candle"
        if action is Action.BUY:
            return f"{place}, {self.entry:g} or more"
        return f"{place}, which is {'back at' if action is Action.SELL else 'short of'} {self.exit:+g}"


def _score(earlier: Column, close: float) -> float | None:
    """The z-score of `close` by the closes before it; None when these were all equal."""
    if earlier.min() == earlier.max():
        return None
    deviation = float(earlier.std())
    return (close - float(earlier.mean())) / deviation if deviation > 0 else None
