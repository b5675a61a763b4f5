"""MACD strategy: follows the trend by the MACD histogram's side of zero."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.parameters import Between, check_parameters
from binance_trade_agent.strategies.strategy import hold_if_unreadable
from binance_trade_agent.strategies.trend import WARM_UP_PERIODS, TrendReading, check_fast_below_slow, read_trend
from binance_trade_agent.strategies.trigger import Trigger


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

    def _reason(self, reading: TrendReading, histogram: float) -> str:
        lines = f"MACD({self.fast},{self.slow},{self.signal})"
        if reading.side is Action.HOLD:
            return f"{lines} lies on its signal line"
        place = f"{'above' if reading.side is Action.BUY else 'below'} its signal line by {abs(histogram):.6g}"
        if reading.action is Action.HOLD:
            return f"{lines} has been {place} since an earlier candle"
        return f"{lines} {'crossed to' if self.trigger is Trigger.CROSSING else 'is'} {place}"
