"""`<symbol>@miniTicker`, `!miniTicker@arr` and `<symbol>@avgPrice`: what a window of time adds up to."""

from collections.abc import Iterator

from binance_trade_agent.domain.candle_intervals import DAY_MS, MINUTE_MS, SECOND_MS
from binance_trade_agent.domain.money import ratio
from binance_trade_agent.simulation.markets.market import Market, MarketCandle
from binance_trade_agent.simulation.rest.json_shapes import digits
from binance_trade_agent.simulation.streams.event import Json, StreamEvent
from binance_trade_agent.simulation.streams.rolling_window import RollingWindow
from binance_trade_agent.simulation.streams.source import next_due_ms

SPEED_MS = SECOND_MS
AVERAGE_MINUTES = 5


class MiniTickerSource:
    """The last 24 hours of one symbol, once a second when they have changed."""

    def __init__(self, stream: str, market: Market, symbol: str, now_ms: int) -> None:
        self._stream = stream
        self._ticker = _MiniTicker(market, symbol, now_ms)
        self.due_ms = next_due_ms(now_ms, SPEED_MS)

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, SPEED_MS)
        changed = self._ticker.changed(now_ms)
        if changed is not None:
            yield StreamEvent(self._stream, changed)

    def close(self) -> None:
        """Nothing is held."""


class AllMiniTickersSource:
    """The last 24 hours of every symbol that has changed, once a second."""

    def __init__(self, stream: str, market: Market, now_ms: int) -> None:
        self._stream = stream
        self._tickers = [_MiniTicker(market, symbol, now_ms) for symbol in market.rules]
        self.due_ms = next_due_ms(now_ms, SPEED_MS)

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, SPEED_MS)
        changed = [row for ticker in self._tickers if (row := ticker.changed(now_ms)) is not None]
        if changed:
            yield StreamEvent(self._stream, changed)

    def close(self) -> None:
        """Nothing is held."""


class AveragePriceSource:
    """The average price of what was traded in the last five minutes, once a second when it has changed."""

    def __init__(self, stream: str, market: Market, symbol: str, now_ms: int) -> None:
        self._stream = stream
        self._market = market
        self._symbol = symbol
        self._window = RollingWindow(market, symbol, AVERAGE_MINUTES * MINUTE_MS, now_ms)
        self._shown = ""
        self.due_ms = next_due_ms(now_ms, SPEED_MS)

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, SPEED_MS)
        window, quote = self._window.at(now_ms), self._market.quote(self._symbol, now_ms)
        if window is None or quote is None:
            return
        average = digits(ratio(window.quote_volume, window.volume) if window.volume else window.close)
        if average != self._shown:
            self._shown = average
            yield StreamEvent(
                self._stream,
                {"e": "avgPrice", "E": now_ms, "s": self._symbol, "i": f"{AVERAGE_MINUTES}m", "w": average, "T": quote.time_ms},
            )

    def close(self) -> None:
        """Nothing is held."""


class _MiniTicker:
    """One symbol's day, and how it was last shown."""

    def __init__(self, market: Market, symbol: str, now_ms: int) -> None:
        self._symbol = symbol
        self._window = RollingWindow(market, symbol, DAY_MS, now_ms)
        self._shown: MarketCandle | None = None

    def changed(self, now_ms: int) -> Json | None:
        """The payload, None when there is nothing new to show."""
        window = self._window.at(now_ms)
        if window is None or _figures(window) == (_figures(self._shown) if self._shown else None):
            return None
        self._shown = window
        return {"e": "24hrMiniTicker", "E": now_ms, "s": self._symbol, **_figures(window)}


def _figures(window: MarketCandle) -> Json:
    return {
        "c": digits(window.close),
        "o": digits(window.open),
        "h": digits(window.high),
        "l": digits(window.low),
        "v": digits(window.volume),
        "q": digits(window.quote_volume),
    }
