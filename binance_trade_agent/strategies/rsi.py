"""RSI strategy: buys what has fallen too fast and sells what has risen too fast, by Wilder's relative strength index."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

import numpy as np

from binance_trade_agent.domain.market import CandleWindow, Column
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.over_history import BUY, SELL, ActionColumn, Votes, settled
from binance_trade_agent.strategies.parameters import Between, check_parameters, parameter_error
from binance_trade_agent.strategies.rolling import Mask, ReadableCloses, readable_closes
from binance_trade_agent.strategies.strategy import hold_if_unreadable
from binance_trade_agent.strategies.trigger import Trigger
from binance_trade_agent.strategies.window_averages import Estimate, WindowAverage, window_average

# Wilder's smoothing forgets by (period - 1) / period a candle: after 7 periods the first mean weighs less than a thousandth.
_WARM_UP_PERIODS = 8


class _History(NamedTuple):
    """A history of closes, and the averages of their rises and falls."""

    closes: ReadableCloses
    gains: WindowAverage
    losses: WindowAverage


@dataclass(frozen=True, slots=True, kw_only=True)
class RsiStrategy:
    """BUY at an RSI of `oversold` or less, SELL at `overbought` or more, read at the newest close.

    By default it speaks on every candle in the zone; with the trigger `crossing` only on the one that enters it.
    Confidence is 0.5 at the edge of the zone and 1 at the end of the scale.
    """

    name: ClassVar[str] = "rsi"
    period: Annotated[int, Between(2, 100)] = 14
    oversold: Annotated[float, Between(1, 99)] = 30.0
    overbought: Annotated[float, Between(1, 99)] = 70.0
    trigger: Trigger = Trigger.ZONE

    def __post_init__(self) -> None:
        check_parameters(self)
        if self.oversold >= self.overbought:
            raise parameter_error(self.name, "oversold", self.oversold, f"numbers below overbought, which is {self.overbought:g}")

    @property
    def required_candles(self) -> int:
        """Enough for the smoothing to have forgotten where it began; older candles are not read."""
        return self.period * _WARM_UP_PERIODS + 2

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over the newest `required_candles` closes."""
        unreadable = hold_if_unreadable(window, self.required_candles)
        if unreadable is not None:
            return unreadable
        values = indicators.rsi(window.closes[-self.required_candles :], self.period)
        before, now = float(values[-2]), float(values[-1])
        action = self.trigger.applied(self._zone(before), self._zone(now))
        return Opinion(action, self._confidence(action, now), self._reason(action, now), {"rsi": now, "rsi_before": before})

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        return self._actions(window, self._history(window))

    def votes(self, window: CandleWindow) -> Votes:
        """The same with the confidence."""
        history = self._history(window)
        gains, losses = history.gains.at(0), history.losses.at(0)
        total = gains.value + losses.value
        with np.errstate(divide="ignore", invalid="ignore"):
            value, error = 100.0 * gains.value / total, 100.0 * (gains.error + losses.error) / total
        low, high = (self.oversold - value) / self.oversold, (value - self.overbought) / (100.0 - self.overbought)
        depth, bound = np.clip(np.maximum(low, high), 0.0, 1.0), error / min(self.oversold, 100.0 - self.overbought)
        bound[history.closes.extreme | _is_still(total, history.closes)] = np.inf
        return Votes(self._actions(window, history), Estimate(0.5 + 0.5 * depth, bound))

    def _history(self, window: CandleWindow) -> _History:
        closes = readable_closes(window.closes, self.required_candles)
        changes = np.diff(closes.closes, prepend=closes.closes[:1])
        return _History(closes, self._averages(np.maximum(changes, 0.0)), self._averages(np.maximum(-changes, 0.0)))

    def _actions(self, window: CandleWindow, history: _History) -> ActionColumn:
        closes, gains, losses = history
        now, doubtful = self._zones(gains.at(0), losses.at(0), closes)
        if self.trigger is Trigger.ZONE:
            return settled(self, window, now, closes, doubtful)
        before, doubtful_before = self._zones(gains.at(1), losses.at(1), closes)
        return settled(self, window, self.trigger.applied_over(before, now), closes, doubtful | doubtful_before)

    def _averages(self, values: Column) -> WindowAverage:
        # A window's first change is that of its second close.
        return window_average(values, 2 * self.period - 1, seed=self.period, steps=self.required_candles - 1 - self.period)

    def _zones(self, gains: Estimate, losses: Estimate, closes: ReadableCloses) -> tuple[ActionColumn, Mask]:
        """The zone at every candle, and where it is doubtful."""
        total = gains.value + losses.value
        error = 100.0 * (gains.error + losses.error)
        under = 100.0 * gains.value - self.oversold * total
        over = 100.0 * gains.value - self.overbought * total
        doubtful = (np.minimum(abs(under), abs(over)) <= error) | _is_still(total, closes)
        return (over >= 0).astype(np.int8) * SELL + (under <= 0).astype(np.int8) * BUY, doubtful

    def _zone(self, value: float) -> Action:
        if value <= self.oversold:
            return Action.BUY
        return Action.SELL if value >= self.overbought else Action.HOLD

    def _confidence(self, action: Action, value: float) -> float:
        if action is Action.HOLD:
            return 0.0
        depth = (self.oversold - value) / self.oversold if action is Action.BUY else (value - self.overbought) / (100.0 - self.overbought)
        return 0.5 + 0.5 * min(max(depth, 0.0), 1.0)

    def _reason(self, action: Action, value: float) -> str:
        if action is Action.BUY:
            return f"RSI({self.period}) {value:.1f} is at or below {self.oversold:g}"
        if action is Action.SELL:
            return f"RSI({self.period}) {value:.1f} is at or above {self.overbought:g}"
        if self._zone(value) is Action.HOLD:
            return f"RSI({self.period}) {value:.1f} is between {self.oversold:g} and {self.overbought:g}"
        return f"RSI({self.period}) {value:.1f} has been in its zone since an earlier candle"


def _is_still(moves: Column, closes: ReadableCloses) -> Mask:
    """Where prices move so little that TA-Lib may take it for nothing."""
    still: Mask = moves <= closes.greatest * indicators.LEAST_SUM
    return still
