"""Benchmark filter: any other strategy, whose buys pass only while another symbol, which leads the market, is rising."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from binance_trade_agent.domain.need import Need
from binance_trade_agent.strategies.average_gate import AverageGate, GatedStrategy
from binance_trade_agent.strategies.parameters import Between, check_interval, check_parameters, parameter_error


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkFilterStrategy(GatedStrategy):
    """What `strategy` says, but BUY only while the newest close of `symbol` is above the mean of its last `period` closes.

    Its candles are of `interval`, or as long as the strategy's own where that is empty. SELL always passes. Confidence and share are those
    of `strategy`. The benchmark itself, when it is traded, is held against its own mean.
    """

    name: ClassVar[str] = "benchmark_filter"
    symbol: str = "BTCUSDT"
    interval: str = ""
    period: Annotated[int, Between(2, 500)] = 50

    def __post_init__(self) -> None:
        check_parameters(self)
        if not _is_symbol(self.symbol):
            raise parameter_error(self.name, "symbol", self.symbol, "symbols of the exchange, such as BTCUSDT")
        if self.interval != "":
            check_interval(self.name, self.interval)

    @property
    def gate(self) -> AverageGate:
        """The benchmark and its mean."""
        return AverageGate(self.strategy, Need(self.period, interval=self.interval or None, symbol=self.symbol))


def _is_symbol(given: object) -> bool:
    return isinstance(given, str) and bool(given) and given == given.upper()
