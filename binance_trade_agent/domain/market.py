"""What the market shows: candles, prices, best bid and ask, books, and one pass's snapshot of a symbol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import chain
from types import MappingProxyType
from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.domain.errors import StrategyError
from binance_trade_agent.domain.need import Frame, Need

Column = NDArray[np.float64]
Counts = NDArray[np.int64]
Table = NDArray[np.float64]

# What decoding lets pass: the bounds also keep out NaN, which is within none, and infinities. They cost nothing beside a check of our own.
Figure = Annotated[float, msgspec.Meta(ge=0, le=1e30)]
Count = Annotated[int, msgspec.Meta(ge=0)]

# Rows of a table of candles: the fields of Candle in their order.
_OPEN_TIME, _OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _CLOSE_TIME = range(7)


class Candle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One kline. Prices and volumes are floats: they feed indicators, never an account.

    Source: Binance rest-api.md, "Kline/Candlestick data"; the fields and their order are Binance's, times are milliseconds UTC.
    `close_time_ms` is the last millisecond that belongs to the candle.
    """

    open_time_ms: Count
    open: Figure
    high: Figure
    low: Figure
    close: Figure
    volume: Figure
    close_time_ms: Count
    quote_volume: Figure = 0.0
    trades: Count = 0
    taker_buy_volume: Figure = 0.0
    taker_buy_quote_volume: Figure = 0.0


class CandleWindow:
    """Closed candles of one symbol, oldest first, as read-only numpy columns; it never changes, wherever its candles came from.

    What else its strategy reads comes with it: see `other`.
    """

    _others: Mapping[Frame, "CandleWindow"] = MappingProxyType({})
    _lack = ""

    def __init__(self, symbol: str, interval_ms: int, candles: Sequence[Candle]) -> None:
        self.symbol = symbol
        self.interval_ms = interval_ms
        self._table = candle_table(candles)
        self._table.flags.writeable = False

    @classmethod
    def over(cls, symbol: str, interval_ms: int, table: Table) -> "CandleWindow":
        """A window over a read-only table of `candle_table`'s form, without a copy; its rows must not change any more."""
        window = cls.__new__(cls)
        window.symbol = symbol
        window.interval_ms = interval_ms
        window._table = table
        return window

    @classmethod
    def lacking(cls, frame: Frame, why: str) -> "CandleWindow":
        """A window without candles, because they could not be had; `why` is for people."""
        window = cls(frame.symbol, frame.interval_ms, ())
        window._lack = why
        return window

    def __len__(self) -> int:
        return int(self._table.shape[1])

    @cached_property
    def candles(self) -> tuple[Candle, ...]:
        """The candles one by one; made when somebody asks, for strategies read columns."""
        return tuple(map(_candle_of, self._table.T.tolist()))

    @property
    def newest(self) -> Candle | None:
        """The last candle; None when there is none."""
        return _candle_of(self._table[:, -1].tolist()) if len(self) else None

    @property
    def frame(self) -> Frame:
        """Whose candles these are, and of which length."""
        return Frame(self.symbol, self.interval_ms)

    @property
    def lack(self) -> str:
        """Why there are no candles, for people; empty when nothing is wrong."""
        return self._lack

    def last(self, count: int) -> "CandleWindow":
        """The newest `count` candles, at least 1 (all when there are fewer); the window itself when that is all."""
        return self if count >= len(self) else self.part(len(self) - count, len(self))

    def part(self, first: int, end: int) -> "CandleWindow":
        """The candles number `first` up to, not including, `end`, counted from 0, without a copy."""
        window = self.over(self.symbol, self.interval_ms, self._table[:, first:end])
        window._others, window._lack = self._others, self._lack
        return window

    # -- what else a strategy reads ---------------------------------------------------------------------------------------------

    def with_others(self, others: Mapping[Frame, "CandleWindow"]) -> "CandleWindow":
        """The same candles, together with those of other symbols and intervals."""
        window = self.part(0, len(self))
        window._others = others
        return window

    def seen_by(self, required_candles: int, needs: Sequence[Need]) -> "CandleWindow":
        """What a strategy that needs so many candles, and `needs` besides, may see at the close of the newest one: that, and no more."""
        window = self.last(required_candles)
        if not needs and not self._others:
            return window
        counts: dict[Frame, int] = {}
        for need in needs:
            frame = need.of(self.frame)
            counts[frame] = max(need.candles, counts.get(frame, 0))
        return window.with_others({frame: self._closed(frame).last(count) for frame, count in counts.items()})

    def other(self, *, interval: str | None = None, symbol: str | None = None) -> "CandleWindow":
        """Candles of another interval or symbol (None: its own) that were closed when the newest candle of this window closed.

        As many as the strategy's `needs` ask for, and fewer where there are none. Raises StrategyError when they do not name them.
        """
        return self._closed(Need(1, interval, symbol).of(self.frame))

    def other_history(self, *, interval: str | None = None, symbol: str | None = None) -> tuple["CandleWindow", Counts]:
        """All candles of another interval or symbol, also later ones, and how many of them had closed at the close of each candle here.

        For a strategy that reads its whole history at once. Raises StrategyError when the strategy's `needs` do not name them.
        """
        found = self._other(Need(1, interval, symbol).of(self.frame))
        return found, np.searchsorted(found._column(_CLOSE_TIME), self._column(_CLOSE_TIME), side="right")

    def _closed(self, frame: Frame) -> "CandleWindow":
        found = self._other(frame)
        newest_ms = self._column(_CLOSE_TIME)[-1:]
        return found.part(0, int(np.searchsorted(found._column(_CLOSE_TIME), newest_ms, side="right").sum()))

    def _other(self, frame: Frame) -> "CandleWindow":
        found = self._others.get(frame)
        if found is None and frame != self.frame:
            raise StrategyError(f"candles of {frame} were asked for, which are not among the strategy's needs")
        return self if found is None else found

    # -- columns ----------------------------------------------------------------------------------------------------------------

    @property
    def table(self) -> Table:
        """All fields of the candles, shape (fields of Candle, n), a row each in their order; read-only."""
        return self._table

    @property
    def open_times_ms(self) -> Counts:
        """When candles opened, shape (n,), made anew at each call."""
        return self._column(_OPEN_TIME).astype(np.int64)

    @property
    def close_times_ms(self) -> Counts:
        """The last millisecond of each candle, shape (n,), made anew at each call."""
        return self._column(_CLOSE_TIME).astype(np.int64)

    @property
    def opens(self) -> Column:
        """Open prices, shape (n,)."""
        return self._column(_OPEN)

    @property
    def highs(self) -> Column:
        """High prices, shape (n,)."""
        return self._column(_HIGH)

    @property
    def lows(self) -> Column:
        """Low prices, shape (n,)."""
        return self._column(_LOW)

    @property
    def closes(self) -> Column:
        """Close prices, shape (n,)."""
        return self._column(_CLOSE)

    @property
    def volumes(self) -> Column:
        """Base asset volumes, shape (n,)."""
        return self._column(_VOLUME)

    def gaps(self) -> tuple[tuple[int, int], ...]:
        """(after_open_time_ms, missing_count) for every hole between neighbours; holes are reported, never filled."""
        opens = self.open_times_ms
        missing = np.diff(opens) // self.interval_ms - 1
        holes = np.flatnonzero(missing > 0)
        return tuple(zip(opens[holes].tolist(), missing[holes].tolist(), strict=True))

    def _column(self, row: int) -> Column:
        column: Column = self._table[row]
        return column


def candle_table(candles: Sequence[Candle]) -> Table:
    """Candles as one table of shape (fields of Candle, n), so that each field is a column that lies together in memory.

    Times and counts are whole numbers, which a float64 holds exactly up to 2**53.
    """
    fields = len(Candle.__struct_fields__)
    figures = chain.from_iterable(map(msgspec.structs.astuple, candles))
    return np.fromiter(figures, np.float64, fields * len(candles)).reshape(len(candles), fields).T.copy()


def _candle_of(row: list[float]) -> Candle:
    open_time, opened, high, low, close, volume, close_time, quote_volume, trades, *taker = row
    return Candle(int(open_time), opened, high, low, close, volume, int(close_time), quote_volume, int(trades), *taker)


class BookTicker(msgspec.Struct, frozen=True, gc=False):
    """Best bid and ask with their quantities, exact. Source: rest-api.md, "Symbol order book ticker"."""

    symbol: str
    bid_price: Decimal
    bid_quantity: Decimal
    ask_price: Decimal
    ask_quantity: Decimal


class BookLevel(msgspec.Struct, frozen=True, gc=False):
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


class MarketSnapshot(msgspec.Struct, frozen=True, gc=False):
    """What one pass knows of one symbol, fetched together.

    `time_ms` is the exchange's time when it was taken, and `price_age_ms` how long before that the exchange had told the price, at most;
    `candles` holds closed candles only.
    """

    symbol: str
    time_ms: int
    price: Decimal
    candles: CandleWindow
    price_age_ms: int = 0

    @property
    def candle_age_ms(self) -> int:
        """Milliseconds since the newest closed candle ended; as large as the time itself when there is none."""
        newest = self.candles.table[_CLOSE_TIME, -1:].tolist()
        return self.time_ms - (int(newest[0]) + 1) if newest else self.time_ms
