"""Trend filter: any other strategy, whose buys pass only while a longer interval of the same symbol is rising."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from binance_trade_agent.domain.need import Need
from binance_trade_agent.strategies.average_gate import AverageGate, GatedStrategy
from binance_trade_agent.strategies.parameters import Between, check_interval, check_parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendFilterStrategy(GatedStrategy):
    """What `strategy` says, but BUY only while the newest close of `interval` is above the mean of its last `period` closes.

    SELL always passes. Confidence and share are those of `strategy`.
    """

    name: ClassVar[str] = "trend_filter"
    interval: str = "1h"
    period: Annotated[int, Between(2, 500)] = 50

    def __post_init__(self) -> None:
        check_parameters(self)
        check_interval(self.name, self.interval)

    @property
    def gate(self) -> AverageGate:
        """The longer interval and its mean."""
        return AverageGate(self.strategy, Need(self.period, interval=self.interval))
