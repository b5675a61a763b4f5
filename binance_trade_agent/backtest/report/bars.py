"""Bars: a symbol's candles as float columns for curves and charts, and merged into fewer where a chart has no room for all."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from binance_trade_agent.backtest.report.growth import Floats, Times
from binance_trade_agent.domain.candle_columns import PRICES, CandleColumns
from binance_trade_agent.simulation.markets.market import MarketCandle


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Candles of one symbol, oldest first; each column has shape (n,). `ends_ms` is the last millisecond of each."""

    opens_ms: Times
    ends_ms: Times
    opens: Floats
    highs: Floats
    lows: Floats
    closes: Floats

    def __len__(self) -> int:
        return len(self.opens_ms)

    def merged(self, most: int) -> "Bars":
        """At most `most` bars: neighbours are merged by the smallest whole number that makes them so few, counted from the oldest.

        A merged bar has the open of its first candle, the close of its last, and the highest and lowest price of all.
        """
        size = -(-len(self) // most)
        if size <= 1:
            return self
        firsts = np.arange(0, len(self), size)
        lasts = np.minimum(firsts + size, len(self)) - 1
        return Bars(
            self.opens_ms[firsts],
            self.ends_ms[lasts],
            self.opens[firsts],
            np.maximum.reduceat(self.highs, firsts),
            np.minimum.reduceat(self.lows, firsts),
            self.closes[lasts],
        )


def bars_of_columns(columns: CandleColumns) -> Bars:
    """Bars of a history in columns."""
    prices = (columns.floats(row) for row in PRICES)
    return Bars(columns.open_times, columns.open_times + (columns.interval_ms - 1), *prices)


def bars_of(candles: Iterable[MarketCandle]) -> Bars:
    """Bars of candles one by one."""
    rows = list(map(attrgetter("open_time_ms", "close_time_ms", "open", "high", "low", "close"), candles))
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    opens_ms, ends_ms = (np.array(column, dtype=np.int64) for column in columns[:2])
    return Bars(opens_ms, ends_ms, *(np.array(column, dtype=np.float64) for column in columns[2:]))
