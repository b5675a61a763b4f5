"""RollingWindow: one candle over the last minutes or hours of a symbol, kept up without reckoning it from the beginning each time."""

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.simulation.markets.candle_resampling import candle_open_ms, merged
from binance_trade_agent.simulation.markets.market import Market, MarketCandle

MOST_PARTS = 96
"""A window is made of at most so many candles, so it may begin up to a part earlier than it says: a day up to 15 minutes."""


class RollingWindow:
    """The `window_ms` before now, put together of the shortest candles that make it in MOST_PARTS and that the market can make."""

    def __init__(self, market: Market, symbol: str, window_ms: int, now_ms: int) -> None:
        self._market = market
        self._symbol = symbol
        self._part_ms = _part_ms(market, symbol, window_ms, now_ms)
        self._count = max(window_ms // self._part_ms, 1)
        self._opened_ms = -1
        self._past: MarketCandle | None = None

    def at(self, now_ms: int) -> MarketCandle | None:
        """The window as one candle; None before the symbol's first data."""
        current_ms = candle_open_ms(now_ms, self._part_ms)
        if current_ms != self._opened_ms:
            self._opened_ms = current_ms
            self._past = self._merged(current_ms - self._count * self._part_ms, current_ms - 1, now_ms)
        present = self._merged(current_ms, None, now_ms)
        parts = [part for part in (self._past, present) if part is not None]
        return merged(parts, parts[0].open_time_ms, now_ms + 1 - parts[0].open_time_ms) if parts else None

    def _merged(self, start_ms: int, end_ms: int | None, now_ms: int) -> MarketCandle | None:
        parts = self._market.candles(
            self._symbol, self._part_ms, start_ms=max(start_ms, 0), end_ms=end_ms, limit=self._count + 1, now_ms=now_ms
        )
        return merged(parts, parts[0].open_time_ms, self._part_ms) if parts else None


def _part_ms(market: Market, symbol: str, window_ms: int, now_ms: int) -> int:
    """The shortest interval of which MOST_PARTS make the window, or else the shortest that there is."""
    for part_ms in INTERVALS_MS.values():
        if part_ms * MOST_PARTS >= window_ms:
            try:
                market.candles(symbol, part_ms, start_ms=None, end_ms=None, limit=1, now_ms=now_ms)
            except ValueError:
                continue
            return part_ms
    raise ValueError("the market makes no candles that a window could be put together of")
