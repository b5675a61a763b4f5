"""Tracks: what each pass of a backtest will see of each symbol, reckoned for all passes at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from binance_trade_agent.backtest.fast.histories import Histories
from binance_trade_agent.domain.candle_columns import CandleColumns, IntColumn, exact_floats
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot
from binance_trade_agent.domain.slots import Slots
from binance_trade_agent.signal_agent import SignalAgent
from binance_trade_agent.simulation.markets.recorded import POINTS_PER_CANDLE
from binance_trade_agent.strategies.histories import histories_with_needs
from binance_trade_agent.strategies.over_history import ActionColumn, actions_over

NO_PRICE = 0
"""Stands in a column of prices where the symbol has none yet."""


def slot_times(interval_ms: int, start_ms: int, end_ms: int) -> IntColumn:
    """When the passes are that lie within `start_ms` and the millisecond before `end_ms`, as the daemon's schedule has them."""
    slots = Slots.every(interval_ms)
    first, after = slots.first_from(start_ms), slots.first_from(end_ms)
    return np.arange(first, max(after, first), dtype=np.int64) * interval_ms + slots.first_ms


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One symbol, pass by pass; columns have shape (passes,).

    `prices` are the market's, in units of `unit`, which is `10 ** -decimals`, and NO_PRICE before there is one; `price_floats` are the
    same as floats. `closed` is how many candles have closed, and `actions` what the strategy says of them. `window` is the whole history.
    """

    symbol: str
    times_ms: IntColumn
    decimals: int
    unit: Decimal
    prices: IntColumn
    price_floats: NDArray[np.float64]
    closed: IntColumn
    actions: ActionColumn
    window: CandleWindow
    window_length: int

    def price(self, number: int) -> Decimal:
        """The price at pass `number`, exact."""
        return Decimal(self.prices.item(number)) * self.unit

    def snapshot(self, number: int) -> MarketSnapshot:
        """What pass `number` sees: the very snapshot that the market agent would hand on."""
        end = self.closed.item(number)
        candles = self.window.part(max(end - self.window_length, 0), end)
        return MarketSnapshot(self.symbol, self.times_ms.item(number), self.price(number), candles)


def make_tracks(histories: Histories, times_ms: IntColumn, signals: SignalAgent, window_length: int) -> Mapping[str, Track]:
    """A track for each history; `window_length` is how many closed candles a strategy sees. Raises StrategyError."""
    windows = histories_with_needs(histories.windows, signals.needs)
    tracks = {}
    for symbol, columns in histories.columns.items():
        newest = np.searchsorted(columns.open_times, times_ms, side="right") - 1
        elapsed_ms = times_ms - columns.open_times[np.maximum(newest, 0)]
        closed = newest + (elapsed_ms >= columns.interval_ms)
        closed[newest < 0] = 0
        said = np.concatenate((np.zeros(1, np.int8), actions_over(signals.strategy_for(symbol), windows[symbol])))
        prices = _prices(columns, newest, elapsed_ms)
        decimals = columns.decimals.price
        unit, floats = Decimal(1).scaleb(-decimals), exact_floats(prices, decimals)
        tracks[symbol] = Track(symbol, times_ms, decimals, unit, prices, floats, closed, said[closed], windows[symbol], window_length)
    return tracks


def _prices(columns: CandleColumns, newest: IntColumn, elapsed_ms: IntColumn) -> IntColumn:
    """What RecordedMarket says at each time: the point of the path that the candle has reached, or the last close where there is none.

    `newest` is the candle that has opened last, below 0 before the first, and `elapsed_ms` how long ago that was.
    """
    known, point_ms = np.maximum(newest, 0), columns.interval_ms // POINTS_PER_CANDLE
    prices: IntColumn = columns.opens[known]
    later = np.flatnonzero(elapsed_ms >= point_ms)  # few: passes come right after a candle has opened
    at = known[later]
    opened, high, low, close = columns.opens[at], columns.highs[at], columns.lows[at], columns.closes[at]
    rises, point = close >= opened, np.minimum(elapsed_ms[later] // point_ms, POINTS_PER_CANDLE - 1)
    path = (opened, np.where(rises, low, high), np.where(rises, high, low), close)
    prices[later] = np.where(elapsed_ms[later] >= columns.interval_ms, close, np.choose(point, path))
    prices[newest < 0] = NO_PRICE
    return prices
