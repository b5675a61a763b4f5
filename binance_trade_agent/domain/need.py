"""Need: candles that a strategy reads beside those of its own symbol and interval."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import StrategyError

SPARE_CANDLES = 1
"""Candles held beyond what is needed: one can close while the strategy's own candles are still a candle behind, and is then not shown."""


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


@dataclass(frozen=True, slots=True)
class Needs:
    """What the strategies of all symbols need: one and the same `of_all`, but for symbols with a strategy of their own."""

    of_all: tuple[Need, ...] = ()
    per_symbol: Mapping[str, tuple[Need, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, symbol: str) -> tuple[Need, ...]:
        """What the strategy of `symbol` needs."""
        return self.per_symbol.get(symbol, self.of_all)

    def lengths(self, own_ms: int) -> Mapping[int, int]:
        """How many candles to hold of each interval, in milliseconds, besides `own_ms`."""
        lengths: dict[int, int] = {}
        for needs in (self.of_all, *self.per_symbol.values()):
            for need in needs:
                interval_ms = need.of(Frame("", own_ms)).interval_ms
                if interval_ms != own_ms:
                    lengths[interval_ms] = max(need.candles + SPARE_CANDLES, lengths.get(interval_ms, 0))
        return lengths


NO_NEEDS = Needs()


def interval_name(interval_ms: int) -> str:
    """Binance's name for a length of candles, or the length itself where it has none."""
    return next((name for name, length_ms in INTERVALS_MS.items() if length_ms == interval_ms), f"of {interval_ms} ms")
