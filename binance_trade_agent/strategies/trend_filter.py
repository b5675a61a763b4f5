"""Trend filter: any other strategy, whose buys pass only while a longer interval of the same symbol is rising."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from binance_trade_agent.domain.market import CandleWindow
from binance_trade_agent.domain.need import Need
from binance_trade_agent.domain.signal import Opinion
from binance_trade_agent.strategies.average_gate import AverageGate
from binance_trade_agent.strategies.over_history import ActionColumn
from binance_trade_agent.strategies.parameters import Between, check_interval, check_parameters
from binance_trade_agent.strategies.strategy import Strategy, needs_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendFilterStrategy:
    """What `strategy` says, but BUY only while the newest close of `interval` is above the mean of its last `period` closes.

    SELL always passes. Confidence and share are those of `strategy`.
    """

    name: ClassVar[str] = "trend_filter"
    strategy: Strategy
    interval: str = "1h"
    period: Annotated[int, Between(2, 500)] = 50

    def __post_init__(self) -> None:
        check_parameters(self)
        check_interval(self.name, self.interval)

    @property
    def required_candles(self) -> int:
        """As many as `strategy` needs."""
        return self.strategy.required_candles

    @property
    def needs(self) -> tuple[Need, ...]:
        """The longer interval, and what `strategy` reads besides."""
        return (self._gate.need, *needs_of(self.strategy))

    def evaluate(self, window: CandleWindow) -> Opinion:
        """The opinion over `window`."""
        return self._gate.opinion(window)

    def actions(self, window: CandleWindow) -> ActionColumn:
        """What `evaluate` says at every candle."""
        return self._gate.actions(window)

    @property
    def _gate(self) -> AverageGate:
        return AverageGate(self.strategy, Need(self.period, interval=self.interval))
