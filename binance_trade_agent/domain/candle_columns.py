"""CandleColumns: a history of closed candles of one symbol in exact whole numbers, as numpy columns of whatever length.

A price is a whole number of the last decimal that any price of the history has, so it is exact and still a machine number. What
strategies read are floats of the same figures, each the nearest float to its decimal, which is what decoding the exchange's text gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.errors import MarketDataError
from binance_trade_agent.domain.market import Candle, CandleWindow

IntColumn = NDArray[np.int64]
IntTable = NDArray[np.int64]

MOST_DECIMALS = 18
"""So many decimals fit into 63 bits, and powers of ten up to this are exact floats."""

_EXACT_IN_FLOAT = 2**53
_LARGEST = 2**63 - 1


class Row(IntEnum):
    """The rows of a table of candles."""

    OPEN_TIME = 0
    OPEN = 1
    HIGH = 2
    LOW = 3
    CLOSE = 4
    VOLUME = 5
    QUOTE_VOLUME = 6
    TRADES = 7
    TAKER_BUY_VOLUME = 8
    TAKER_BUY_QUOTE_VOLUME = 9


PRICES = (Row.OPEN, Row.HIGH, Row.LOW, Row.CLOSE)
VOLUMES = (Row.VOLUME, Row.TAKER_BUY_VOLUME)
QUOTE_VOLUMES = (Row.QUOTE_VOLUME, Row.TAKER_BUY_QUOTE_VOLUME)


@dataclass(frozen=True, slots=True)
class Decimals:
    """How many decimals the whole numbers of a history stand for, each 0 to MOST_DECIMALS."""

    price: int = 0
    volume: int = 0
    quote: int = 0

    def of(self, row: Row) -> int:
        """Those of one row; times and counts have none."""
        if row in PRICES:
            return self.price
        if row in VOLUMES:
            return self.volume
        return self.quote if row in QUOTE_VOLUMES else 0


@dataclass(frozen=True, slots=True, eq=False)
class CandleColumns:
    """Closed candles, oldest first, each open time once, on the interval's grid; holes are left open.

    `table` has shape (rows of Row, n) and is read-only. A slice is a view. Pickles as it stands.
    """

    symbol: str
    interval_ms: int
    decimals: Decimals
    table: IntTable

    def __post_init__(self) -> None:
        if self.table.shape[0] != len(Row) or self.table.dtype != np.int64:
            raise ValueError(f"expected {len(Row)} rows of int64, found {self.table.shape[0]} of {self.table.dtype}")
        self.table.flags.writeable = False

    def __reduce__(self) -> tuple[type["CandleColumns"], tuple[str, int, Decimals, IntTable]]:
        return CandleColumns, (self.symbol, self.interval_ms, self.decimals, self.table)

    def __len__(self) -> int:
        return int(self.table.shape[1])

    def __getitem__(self, part: slice) -> "CandleColumns":
        return replace(self, table=self.table[:, part])

    def column(self, row: Row) -> IntColumn:
        """One row of the table, shape (n,)."""
        column: IntColumn = self.table[row]
        return column

    @property
    def open_times(self) -> IntColumn:
        """Milliseconds UTC."""
        return self.column(Row.OPEN_TIME)

    @property
    def opens(self) -> IntColumn:
        """Open prices in `price_unit`."""
        return self.column(Row.OPEN)

    @property
    def highs(self) -> IntColumn:
        """High prices in `price_unit`."""
        return self.column(Row.HIGH)

    @property
    def lows(self) -> IntColumn:
        """Low prices in `price_unit`."""
        return self.column(Row.LOW)

    @property
    def closes(self) -> IntColumn:
        """Close prices in `price_unit`."""
        return self.column(Row.CLOSE)

    @property
    def volumes(self) -> IntColumn:
        """Base asset volumes in `volume_unit`."""
        return self.column(Row.VOLUME)

    @property
    def trades(self) -> IntColumn:
        """How many trades each candle had."""
        return self.column(Row.TRADES)

    @property
    def price_unit(self) -> Decimal:
        """What 1 stands for in a column of prices, such as 0.01."""
        return Decimal(1).scaleb(-self.decimals.price)

    @property
    def volume_unit(self) -> Decimal:
        """What 1 stands for in a column of base volumes."""
        return Decimal(1).scaleb(-self.decimals.volume)

    @property
    def quote_unit(self) -> Decimal:
        """What 1 stands for in a column of quote volumes."""
        return Decimal(1).scaleb(-self.decimals.quote)

    def floats(self, row: Row) -> NDArray[np.float64]:
        """One row as floats, each exactly float(Decimal) of its figure; made anew at each call."""
        return exact_floats(self.column(row), self.decimals.of(row))

    def window(self) -> CandleWindow:
        """All candles as strategies see them: one table of 88 bytes a candle, made anew at each call."""
        table = np.empty((len(Candle.__struct_fields__), len(self)))
        table[0] = self.open_times
        table[6] = self.open_times + (self.interval_ms - 1)
        table[8] = self.trades
        shown = (*PRICES, Row.VOLUME), (Row.QUOTE_VOLUME,), (Row.TAKER_BUY_VOLUME, Row.TAKER_BUY_QUOTE_VOLUME)
        for first, rows in zip((1, 7, 9), shown, strict=True):
            for place, row in enumerate(rows, first):
                table[place] = self.floats(row)
        table.flags.writeable = False
        return CandleWindow.over(self.symbol, self.interval_ms, table)

    def between(self, start_ms: int, end_ms: int) -> "CandleColumns":
        """The candles that open at or after `start_ms` and before `end_ms`, as a view."""
        first, end = np.searchsorted(self.open_times, (start_ms, end_ms))
        return self[int(first) : int(end)]

    def gaps(self) -> tuple[tuple[int, int], ...]:
        """(open time of the candle before, number of missing candles) for every hole between the first and the last candle."""
        missing = np.diff(self.open_times) // self.interval_ms - 1
        holes = np.flatnonzero(missing > 0)
        return tuple(zip(self.open_times[holes].tolist(), missing[holes].tolist(), strict=True))

    def sound(self) -> NDArray[np.bool_]:
        """Which candles add up: 0 < low <= open, close <= high, no amount below 0; shape (n,)."""
        opened, high, low, close = (self.column(row) for row in PRICES)
        is_sound: NDArray[np.bool_] = (low > 0) & (low <= opened) & (opened <= high) & (low <= close) & (close <= high)
        return is_sound & (self.table[Row.VOLUME :] >= 0).all(axis=0)

    def rescaled(self, decimals: Decimals) -> "CandleColumns":
        """The same figures in other decimals, none fewer than now; MarketDataError when one does not fit into 63 bits any more."""
        if decimals == self.decimals:
            return self
        table = self.table.copy()
        for row in Row:
            factor = 10 ** (decimals.of(row) - self.decimals.of(row))
            if factor != 1 and len(self) and int(table[row].max()) > _LARGEST // factor:
                raise MarketDataError(
                    f"{self.symbol}: {row.name} reaches {int(table[row].max())} units of {self.decimals.of(row)} decimals, "
                    f"too much for {decimals.of(row)} decimals in 63 bits; take a shorter time or candles"
                )
            table[row] *= factor
        return replace(self, decimals=decimals, table=table)


def joined(parts: Sequence[CandleColumns]) -> CandleColumns:
    """Histories of one symbol and interval that follow each other, at least one, with the decimals of the finest.

    Raises MarketDataError when they are not in order, or a figure does not fit into 63 bits in those decimals.
    """
    if len(parts) == 1:
        return parts[0]
    each = [part.decimals for part in parts]
    decimals = Decimals(*(max(part[place] for part in map(_as_tuple, each)) for place in range(3)))
    table = np.concatenate([part.rescaled(decimals).table for part in parts], axis=1)
    if (np.diff(table[Row.OPEN_TIME]) <= 0).any():
        raise MarketDataError(f"{parts[0].symbol}: candles of {len(parts)} parts are not in order of time")
    return replace(parts[0], decimals=decimals, table=table)


def exact_floats(column: IntColumn, decimals: int) -> NDArray[np.float64]:
    """Each whole number of the last of `decimals` decimals as the float nearest to it.

    One division of two exact floats rounds once. A number beyond 2**53 is none exactly, so those few are divided as whole numbers.
    """
    found: NDArray[np.float64] = column / float(10**decimals)
    for place in np.flatnonzero(np.abs(column) > _EXACT_IN_FLOAT).tolist():
        found[place] = int(column[place]) / 10**decimals
    return found


def _as_tuple(decimals: Decimals) -> tuple[int, int, int]:
    return decimals.price, decimals.volume, decimals.quote
