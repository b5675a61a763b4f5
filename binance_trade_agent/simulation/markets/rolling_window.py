"""RollingWindow: what the last hours add up to, kept up without reckoning it from the beginning each time."""

from collections.abc import Sequence

from binance_trade_agent.domain.candle_intervals import HOUR_MS, MINUTE_MS
from binance_trade_agent.simulation.markets.candle_resampling import merged
from binance_trade_agent.simulation.markets.market import Market, MarketCandle
from binance_trade_agent.simulation.markets.traded_window import traded_window

QUARTER_MS = 15 * MINUTE_MS
LONGEST_BY_MINUTES_MS = 4 * HOUR_MS
"""Longer windows are made of quarters of an hour, and so may begin up to a quarter earlier than they say."""


class RollingWindow:
    """The `window_ms` before now, of whole quarters or minutes that are over, the minutes after them, and the present minute.

    All that is asked for are neighbours of what was asked for before, which markets remember.
    """

    def __init__(self, market: Market, symbol: str, window_ms: int) -> None:
        self._market = market
        self._symbol = symbol
        self._window_ms = window_ms
        self._part_ms = MINUTE_MS if window_ms <= LONGEST_BY_MINUTES_MS else QUARTER_MS
        self._parts_ms = self._minutes_ms = -1
        self._parts: MarketCandle | None = None
        self._minutes: MarketCandle | None = None

    def open_ms(self, now_ms: int) -> int:
        """When the window opens that ends now."""
        return now_ms - now_ms % MINUTE_MS - self._window_ms

    def at(self, now_ms: int) -> MarketCandle | None:
        """The window as one candle; None while nothing was traded in it."""
        minute_ms = now_ms - now_ms % MINUTE_MS
        part_ms = now_ms - now_ms % self._part_ms
        try:
            if part_ms != self._parts_ms:
                self._parts = self._merged(self._part_ms, part_ms - self._window_ms, part_ms, now_ms)
                self._parts_ms = part_ms
            if minute_ms != self._minutes_ms:
                self._minutes = self._merged(MINUTE_MS, part_ms, minute_ms, now_ms)
                self._minutes_ms = minute_ms
            present = self._merged(MINUTE_MS, minute_ms, now_ms + 1, now_ms)
        except ValueError:  # a market without minutes
            return traded_window(self._market, self._symbol, self.open_ms(now_ms), now_ms)
        return _one([part for part in (self._parts, self._minutes, present) if part is not None], now_ms)

    def _merged(self, length_ms: int, start_ms: int, end_ms: int, now_ms: int) -> MarketCandle | None:
        """The candles that open from `start_ms` up to, not including, `end_ms`, as one."""
        if start_ms >= end_ms:
            return None
        limit = (end_ms - start_ms) // length_ms + 1
        parts = self._market.candles(self._symbol, length_ms, start_ms=start_ms, end_ms=end_ms - 1, limit=limit, now_ms=now_ms)
        return _one(parts, now_ms)


def _one(parts: Sequence[MarketCandle], now_ms: int) -> MarketCandle | None:
    return merged(parts, parts[0].open_time_ms, now_ms + 1 - parts[0].open_time_ms) if parts else None
