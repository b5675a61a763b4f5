"""RollingWindow: what the last minutes, hours or days add up to, kept up without reckoning it from the beginning each time."""

from binance_trade_agent.domain.candle_intervals import MINUTE_MS
from binance_trade_agent.simulation.markets.candle_resampling import merged
from binance_trade_agent.simulation.markets.market import Market, MarketCandle
from binance_trade_agent.simulation.markets.traded_window import traded_window


class RollingWindow:
    """The `window_ms` before now, from a whole minute on, as the REST tickers reckon it."""

    def __init__(self, market: Market, symbol: str, window_ms: int) -> None:
        self._market = market
        self._symbol = symbol
        self._window_ms = window_ms
        self._minute_ms = -1
        self._past: MarketCandle | None = None

    def open_ms(self, now_ms: int) -> int:
        """When the window opens that ends now."""
        return now_ms - now_ms % MINUTE_MS - self._window_ms

    def at(self, now_ms: int) -> MarketCandle | None:
        """The window as one candle; None while nothing was traded in it."""
        minute_ms = now_ms - now_ms % MINUTE_MS
        try:
            present = self._market.candles(self._symbol, MINUTE_MS, start_ms=minute_ms, end_ms=None, limit=1, now_ms=now_ms)
        except ValueError:
            return traded_window(self._market, self._symbol, self.open_ms(now_ms), now_ms)
        if minute_ms != self._minute_ms:
            self._past = traded_window(self._market, self._symbol, self.open_ms(now_ms), minute_ms - 1)
            self._minute_ms = minute_ms
        parts = [part for part in (self._past, *present) if part is not None]
        return merged(parts, parts[0].open_time_ms, now_ms + 1 - parts[0].open_time_ms) if parts else None
