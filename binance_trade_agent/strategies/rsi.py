"""RSI strategy: buys what has fallen too fast and sells what has risen too fast, by Wilder's relative strength index."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.signal import Action, Opinion
from binance_trade_agent.strategies import indicators
from binance_trade_agent.strategies.parameters import Between, check_parameters, parameter_error
from binance_trade_agent.strategies.strategy import hold_if_unreadable
from binance_trade_agent.strategies.trigger import Trigger

# Wilder's smoothing forgets by (period - 1) / period a candle: after 7 periods the first mean weighs less than a thousandth.
_WARM_UP_PERIODS = 8


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
