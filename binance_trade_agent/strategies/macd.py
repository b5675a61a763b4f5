"""MACD strategy: follows the trend by the MACD histogram's side of zero."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.over_history import ActionColumn, Votes
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.rolling import readable_closes
from binance_trade_agent.strategies.strategy import hold_if_unreadable
from binance_trade_agent.strategies.trend import (
    WARM_UP_PERIODS,
    TrendHistory,
    TrendReading,
    check_fast_below_slow,
    read_trend,
    trend_actions,
    trend_votes,
)
from binance_trade_agent.strategies.trigger import Trigger
from binance_trade_agent.strategies.window_averages import Estimate, WindowAverage, window_average


@dataclass(frozen=True, slots=True, kw_only=True)
class MacdStrategy:
    """BUY when the MACD line is above its signal line, SELL when it is below, read at the newest close.

    By default it speaks only on the candle that crosses; with the trigger `zone` as long as the lines stay so.
    Confidence is 0.5 where the lines meet and 1 where they are as far apart as they were in the last `slow` candles.
    """

    name: ClassVar[str] = "macd"
    fast: Annotated[int, Between(2, 100)] = 12
    slow: Annotated[int, Between(3, 200)] = 26
    signal: Annotated[int, Between(2, 45)] = 9
    trigger: Trigger = Trigger.CROSSING

    def __post_init__(self) -> None:
        check_parameters(self)
        check_fast_below_slow(self.name, self.fast, self.slow)

    @property
    def required_candles(self) -> int:
        """Enough for all averages to have forgotten where they began; older candles are not read."""
        return (self.slow + self.signal) * WARM_UP_PERIODS + 2

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over the newest `required_candles` closes."""
        unreadable = hold_if_unreadable(window, self.required_candles)
        if unreadable is not None:
            return unreadable
        closes = window.closes[-self.required_candles :]
        lines = indicators.macd(closes, self.fast, self.slow, self.signal)
        reading = read_trend(lines.histogram[-self.slow :], float(closes[-1]), self.trigger)
        numbers = {"macd": float(lines.line[-1]), "signal": float(lines.signal[-1]), "histogram": float(lines.histogram[-1])}
        return Opinion(reading.action, reading.confidence, self._reason(reading, numbers["histogram"]), numbers)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        return trend_actions(self, window, self._history(window))

    def votes(self, window: CandleWindow) -> Votes:
        """The same with the confidence."""
        return trend_votes(self, window, self._history(window), self.slow)

    def _history(self, window: CandleWindow) -> TrendHistory:
        closes = readable_closes(window.closes, self.required_candles)
        # Both averages begin at the close number `slow` of a window, and the signal line `signal` candles later.
        steps = self.required_candles - self.slow
        averages = (window_average(closes.closes, period, seed=period, steps=steps) for period in (self.fast, self.slow))
        fast, slow = (_Line(average, self.signal) for average in averages)
        return TrendHistory(closes, lambda lag, entries: fast.above_signal(lag, entries).less(slow.above_signal(lag, entries)))

    def _reason(self, reading: TrendReading, histogram: float) -> str:
        lines = f"MACD({self.fast},{self.slow},{self.signal})"
        if reading.side is Action.HOLD:
            return f"{lines} lies on its signal line"
        place = f"{'above' if reading.side is Action.BUY else 'below'} its signal line by {abs(histogram):.6g}"
        if reading.action is Action.HOLD:
            return f"{lines} has been {place} since an earlier candle"
        return f"{lines} {'crossed to' if self.trigger is Trigger.CROSSING else 'is'} {place}"


class _Line:
    """One average, and how far it lies above its own signal line: the histogram is that of the fast one less that of the slow one."""

    def __init__(self, average: WindowAverage, signal: int) -> None:
        self._average = average
        self._period = signal
        self._signal = window_average(average.running, signal, seed=signal, steps=average.steps + 1 - signal)

    def above_signal(self, lag: int, entries: NDArray[np.intp] | None) -> Estimate:
        """The average less its signal line, at the candle `lag` before the newest of each window, or of those that end at `entries`."""
        line, signal = self._average.at(lag, entries), self._signal.at(lag, entries)
        ahead = self._average.ahead if entries is None else self._average.ahead.of(entries)
        share = self._share_of_ahead(lag)
        # The running average that the signal line was taken of has rounding of its own.
        error = line.error + 2.0 * signal.error + share * ahead.error + self._average.rounding * line.value
        return Estimate(line.value - (signal.value - share * ahead.value), error)

    def _share_of_ahead(self, lag: int) -> float:
        """How much of what the average was ahead of its window's start is in the signal line of the running average."""
        left = [self._average.keeps**step for step in range(self._average.steps + 1 - lag)]
        share = sum(left[: self._period]) / self._period
        for value in left[self._period :]:
            share += (value - share) * 2.0 / (self._period + 1.0)
        return share
