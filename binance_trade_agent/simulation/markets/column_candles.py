"""ColumnCandles: a history in columns as a sequence of candles, each made only when somebody looks at it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import overload

import numpy as np

from binance_trade_agent.domain.candle_columns import PRICES, CandleColumns, IntColumn, Row
from binance_trade_agent.simulation.markets.market import MarketCandle

CANDLES_KEPT = 8
"""An order looks at the present candle and the one before several times."""


class ColumnCandles(Sequence[MarketCandle]):
    """The candles of `columns`, exact; those looked at last are kept."""

    def __init__(self, columns: CandleColumns) -> None:
        self.columns = columns
        self._table = columns.table
        decimals = columns.decimals
        self._kept: dict[int, MarketCandle] = {}
        # The units of the whole numbers in the table: a product with one is exact, and made sooner than a shift of the exponent.
        units = (Decimal(1).scaleb(-places) for places in (decimals.price, decimals.volume, decimals.quote))
        self._price, self._volume, self._quote = units

    def __len__(self) -> int:
        return len(self.columns)

    @overload
    def __getitem__(self, index: int) -> MarketCandle: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[MarketCandle, ...]: ...

    def __getitem__(self, index: int | slice) -> MarketCandle | tuple[MarketCandle, ...]:
        if isinstance(index, slice):
            return tuple(self._made(at) for at in range(*index.indices(len(self))))
        kept = self._kept.get(index)
        if kept is not None:
            return kept
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(f"there are {len(self)} candles, and none at {index}")
        if len(self._kept) == CANDLES_KEPT:
            self._kept.clear()
        self._kept[index] = made = self._made(at)
        return made

    def volume(self, index: int) -> Decimal:
        """What candle `index`, from 0 on, has traded, in base."""
        kept = self._kept.get(index)
        return Decimal(self._table.item(Row.VOLUME, index)) * self._volume if kept is None else kept.volume

    def _made(self, index: int) -> MarketCandle:
        open_ms, opened, high, low, close, volume, value, trades, bought, bought_value = self._table[:, index].tolist()
        return MarketCandle(
            open_time_ms=open_ms,
            open=Decimal(opened) * self._price,
            high=Decimal(high) * self._price,
            low=Decimal(low) * self._price,
            close=Decimal(close) * self._price,
            volume=Decimal(volume) * self._volume,
            close_time_ms=open_ms + self.columns.interval_ms - 1,
            quote_volume=Decimal(value) * self._quote,
            trades=trades,
            taker_buy_volume=Decimal(bought) * self._volume,
            taker_buy_quote_volume=Decimal(bought_value) * self._quote,
        )


def finest_price_exponent(candles: Sequence[MarketCandle]) -> int:
    """The exponent of the last decimal that any of the prices has, at most 0; there must be a candle."""
    if isinstance(candles, ColumnCandles):
        return _finest_of_columns(candles.columns)
    exponents = {
        price.normalize().as_tuple().exponent for candle in candles for price in (candle.open, candle.high, candle.low, candle.close)
    }
    return min(0, *(exponent for exponent in exponents if isinstance(exponent, int)))


def _finest_of_columns(columns: CandleColumns) -> int:
    places = columns.decimals.price
    while places > 0 and not any((columns.column(row) % 10 ** (columns.decimals.price - places + 1)).any() for row in PRICES):
        places -= 1
    return -places


def open_times(candles: Sequence[MarketCandle]) -> Sequence[int]:
    """When each of them opens, ms UTC; looked into one by one, which plain memory allows much sooner than an array."""
    return candles.columns.open_times.data if isinstance(candles, ColumnCandles) else [candle.open_time_ms for candle in candles]


def volume_of(candles: Sequence[MarketCandle], index: int) -> Decimal:
    """What candle `index`, from 0 on, has traded, in base; the candle itself need not be made for that."""
    return candles.volume(index) if isinstance(candles, ColumnCandles) else candles[index].volume


def trade_counts(candles: Sequence[MarketCandle]) -> IntColumn:
    """How many trades each of them has, shape (n,)."""
    if isinstance(candles, ColumnCandles):
        return candles.columns.trades
    return np.fromiter((candle.trades for candle in candles), np.int64, len(candles))
