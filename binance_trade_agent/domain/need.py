"""Need: candles that a strategy reads beside those of its own symbol and interval."""

from dataclasses import dataclass
from typing import NamedTuple

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import StrategyError


class Frame(NamedTuple):
    """Whose candles, and how long each of them is."""

    symbol: str
    interval_ms: int

    def __str__(self) -> str:
        return f"{self.symbol} {interval_name(self.interval_ms)}"


@dataclass(frozen=True, slots=True)
class Need:
    """At least `candles` closed candles of another interval or symbol, or both; None stands for the strategy's own.

    Raises StrategyError for an interval that there is not.
    """

    candles: int
    interval: str | None = None
    symbol: str | None = None

    def __post_init__(self) -> None:
        if self.interval is not None and self.interval not in INTERVALS_MS:
            raise StrategyError(f"candles of interval {self.interval!r} are needed; allowed are {', '.join(INTERVALS_MS)}")

    def of(self, own: Frame) -> Frame:
        """What is needed by a strategy that decides on candles of `own`."""
        return Frame(self.symbol or own.symbol, own.interval_ms if self.interval is None else INTERVALS_MS[self.interval])


def interval_name(interval_ms: int) -> str:
    """Binance's name for a length of candles, or the length itself where it has none."""
    return next((name for name, length_ms in INTERVALS_MS.items() if length_ms == interval_ms), f"of {interval_ms} ms")
