"""EMA cross strategy: follows the trend by a fast average's side of a slow one."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

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
from binance_trade_agent.strategies.window_averages import window_average


@dataclass(frozen=True, slots=True, kw_only=True)
class EmaCrossStrategy:
    """BUY when the fast average is above the slow one, SELL when it is below, read at the newest close.

    By default it speaks only on the candle that crosses; with the trigger `zone` as long as the averages stay so.
    Confidence is 0.5 where they meet and 1 where they are as far apart as they were in the last `slow` candles.
    """

    name: ClassVar[str] = "ema_cross"
    fast: Annotated[int, Between(2, 100)] = 9
    slow: Annotated[int, Between(3, 200)] = 21
    trigger: Trigger = Trigger.CROSSING

    def __post_init__(self) -> None:
        check_parameters(self)
        check_fast_below_slow(self.name, self.fast, self.slow)

    @property
    def required_candles(self) -> int:
        """Enough for both averages to have forgotten where they began; older candles are not read."""
        return self.slow * WARM_UP_PERIODS + 2

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over the newest `required_candles` closes."""
        unreadable = hold_if_unreadable(window, self.required_candles)
        if unreadable is not None:
            return unreadable
        closes = window.closes[-self.required_candles :]
        fast, slow = indicators.ema(closes, self.fast), indicators.ema(closes, self.slow)
        reading = read_trend((fast - slow)[-self.slow :], float(closes[-1]), self.trigger)
        numbers = {"ema_fast": float(fast[-1]), "ema_slow": float(slow[-1])}
        return Opinion(reading.action, reading.confidence, self._reason(reading, numbers), numbers)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        return trend_actions(self, window, self._history(window))

    def votes(self, window: CandleWindow) -> Votes:
        """The same with the confidence."""
        return trend_votes(self, window, self._history(window), self.slow)

    def _history(self, window: CandleWindow) -> TrendHistory:
        closes = readable_closes(window.closes, self.required_candles)
        fast, slow = (
            window_average(closes.closes, period, seed=period, steps=self.required_candles - period) for period in (self.fast, self.slow)
        )
        return TrendHistory(closes, lambda lag, entries: fast.at(lag, entries).less(slow.at(lag, entries)))

    def _reason(self, reading: TrendReading, numbers: dict[str, float]) -> str:
        fast, slow = f"EMA({self.fast}) {numbers['ema_fast']:.6g}", f"EMA({self.slow}) {numbers['ema_slow']:.6g}"
        if reading.side is Action.HOLD:
            return f"{fast} equals {slow}"
        place = "above" if reading.side is Action.BUY else "below"
        if reading.action is Action.HOLD:
            return f"{fast} has been {place} {slow} since an earlier candle"
        return f"{fast} {'crossed to' if self.trigger is Trigger.CROSSING else 'is'} {place} {slow}"
