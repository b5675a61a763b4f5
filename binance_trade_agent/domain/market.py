"""What the market shows: candles, prices, best bid and ask, books, and one pass's snapshot of a symbol."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

Column = NDArray[np.float64]


class Candle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One kline. Prices and volumes are floats: they feed indicators, never an account.

    Source: Binance rest-api.md, "Kline/Candlestick data"; the fields and their order are Binance's, times are milliseconds UTC.
    `close_time_ms` is the last millisecond that belongs to the candle.
    """

    open_time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    close_time_ms: int
    quote_volume: float = 0.0
    trades: int = 0
    taker_buy_volume: float = 0.0
    taker_buy_quote_volume: float = 0.0


class CandleWindow:
    """Closed candles of one symbol, oldest first, with numpy columns built once when a strategy asks."""

    def __init__(self, symbol: str, interval_ms: int, candles: Sequence[Candle]) -> None:
        self.symbol = symbol
        self.interval_ms = interval_ms
        self.candles = tuple(candles)

    def __len__(self) -> int:
        return len(self.candles)

    @cached_property
    def opens(self) -> Column:
        """Open prices, shape (n,)."""
        return np.array([candle.open for candle in self.candles], dtype=np.float64)

    @cached_property
    def highs(self) -> Column:
        """High prices, shape (n,)."""
        return np.array([candle.high for candle in self.candles], dtype=np.float64)

    @cached_property
    def lows(self) -> Column:
        """Low prices, shape (n,)."""
        return np.array([candle.low for candle in self.candles], dtype=np.float64)

    @cached_property
    def closes(self) -> Column:
        """Close prices, shape (n,)."""
        return np.array([candle.close for candle in self.candles], dtype=np.float64)

    @cached_property
    def volumes(self) -> Column:
        """Base asset volumes, shape (n,)."""
        return np.array([candle.volume for candle in self.candles], dtype=np.float64)

    def gaps(self) -> tuple[tuple[int, int], ...]:
        """(after_open_time_ms, missing_count) for every hole between neighbours; holes are reported, never filled."""
        found = []
        for before, after in zip(self.candles, self.candles[1:], strict=False):
            missing = (after.open_time_ms - before.open_time_ms) // self.interval_ms - 1
            if missing > 0:
                found.append((before.open_time_ms, missing))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class BookTicker:
    """Best bid and ask with their quantities, exact. Source: rest-api.md, "Symbol order book ticker"."""

    symbol: str
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


@dataclass(frozen=True, slots=True)
class BookLevel:
    """One price level of an order book, base quantity."""

    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Depth of one symbol, best level first on both sides. Source: rest-api.md, "Order book"."""

    symbol: str
    last_update_id: int
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """What one pass knows of one symbol, fetched together.

    `time_ms` is the exchange's time when it was taken; `candles` holds closed candles only.
    """

    symbol: str
    time_ms: int
    price: Decimal
    candles: CandleWindow

    @property
    def candle_age_ms(self) -> int:
        """Milliseconds since the newest closed candle ended; as large as the time itself when there is none."""
        if not self.candles.candles:
            return self.time_ms
        return self.time_ms - (self.candles.candles[-1].close_time_ms + 1)
