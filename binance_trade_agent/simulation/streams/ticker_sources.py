"""Streams that tell what a window of time adds up to: tickers, small and large, of one symbol or of all, and the average price."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from binance_trade_agent.domain.candle_intervals import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.engine.public_trades import PublicTrades
from binance_trade_agent.simulation.markets.market import Market, MarketCandle
from binance_trade_agent.simulation.markets.rolling_window import RollingWindow
from binance_trade_agent.simulation.rest import json_shapes
from binance_trade_agent.simulation.rest.json_shapes import digits
from binance_trade_agent.simulation.rest.ticker_shapes import average_price, change_percent, trade_ids
from binance_trade_agent.simulation.streams.event import Json, StreamEvent
from binance_trade_agent.simulation.streams.source import next_due_ms

SPEED_MS = SECOND_MS
AVERAGE_MINUTES = 5
FIRST_AT_ONCE = 20
WINDOWS_MS = {"1h": HOUR_MS, "4h": 4 * HOUR_MS, "1d": DAY_MS}
"""The windows that a stream may have, by name."""


@dataclass(frozen=True, slots=True)
class TickerView:
    """One symbol and what its ticker is made of."""

    market: Market
    engine: Engine
    trades: PublicTrades
    symbol: str


Figures = Callable[[TickerView, MarketCandle, int, int], Json]
"""What a kind of ticker shows, given its window, when that opened, and the time."""


class TickerSource:
    """The window of one symbol, once a second when what it shows has changed."""

    def __init__(self, stream: str, view: TickerView, kind: str, window_ms: int, figures: Figures, now_ms: int) -> None:
        self._stream = stream
        self._ticker = _Ticker(view, kind, window_ms, figures)
        self.due_ms = next_due_ms(now_ms, SPEED_MS)

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, SPEED_MS)
        changed = self._ticker.changed(now_ms)
        if changed is not None:
            yield StreamEvent(self._stream, changed)

    def close(self) -> None:
        """Nothing is held."""


class AllTickersSource:
    """The windows of all of these symbols that have changed, once a second.

    A market may take a while to make a day of many symbols: FIRST_AT_ONCE join in a second, so that nobody else has to wait.
    """

    def __init__(self, stream: str, views: list[TickerView], kind: str, window_ms: int, figures: Figures, now_ms: int) -> None:
        self._stream = stream
        self._waiting = deque(_Ticker(view, kind, window_ms, figures) for view in views)
        self._tickers: list[_Ticker] = []
        self.due_ms = next_due_ms(now_ms, SPEED_MS)

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, SPEED_MS)
        self._tickers += [self._waiting.popleft() for _ in range(min(FIRST_AT_ONCE, len(self._waiting)))]
        changed = [row for ticker in self._tickers if (row := ticker.changed(now_ms)) is not None]
        if changed:
            yield StreamEvent(self._stream, changed)

    def close(self) -> None:
        """Nothing is held."""


class AveragePriceSource:
    """The average price of what was traded in the last five minutes, once a second when it has changed."""

    def __init__(self, stream: str, market: Market, trades: PublicTrades, symbol: str, now_ms: int) -> None:
        self._stream = stream
        self._market = market
        self._trades = trades
        self._symbol = symbol
        self._window = RollingWindow(market, symbol, AVERAGE_MINUTES * MINUTE_MS)
        self._shown = ""
        self.due_ms = next_due_ms(now_ms, SPEED_MS)

    def events(self, now_ms: int) -> Iterator[StreamEvent]:
        """See StreamSource."""
        self.due_ms = next_due_ms(now_ms, SPEED_MS)
        window, quote = self._window.at(now_ms), self._market.quote(self._symbol, now_ms)
        if window is None or quote is None:
            return
        average, last = digits(average_price(window)), self._trades.last_before(self._symbol, now_ms)
        if average != self._shown:
            self._shown = average
            yield StreamEvent(
                self._stream,
                {
                    "e": "avgPrice",
                    "E": now_ms,
                    "s": self._symbol,
                    "i": f"{AVERAGE_MINUTES}m",
                    "w": average,
                    "T": last.time_ms if last else quote.time_ms,
                },
            )

    def close(self) -> None:
        """Nothing is held."""


class _Ticker:
    """One symbol's window, and how it was last shown."""

    def __init__(self, view: TickerView, kind: str, window_ms: int, figures: Figures) -> None:
        self._view = view
        self._kind = kind
        self._figures = figures
        self._window = RollingWindow(view.market, view.symbol, window_ms)
        self._shown: Json = {}

    def changed(self, now_ms: int) -> Json | None:
        """The payload, None when there is nothing new to show but the passing of time."""
        window = self._window.at(now_ms)
        if window is None:
            return None
        shown = self._figures(self._view, window, self._window.open_ms(now_ms), now_ms)
        changed = {name: value for name, value in shown.items() if name not in _TIMES}
        if changed == self._shown:
            return None
        self._shown = changed
        return {"e": self._kind, "E": now_ms, "s": self._view.symbol, **shown}


_TIMES = frozenset({"O", "C"})


def mini_figures(view: TickerView, window: MarketCandle, open_ms: int, now_ms: int) -> Json:
    """Of "Individual Symbol Mini Ticker Stream"."""
    return {"c": digits(window.close), **_extremes(window), **_volumes(window)}


def window_figures(view: TickerView, window: MarketCandle, open_ms: int, now_ms: int) -> Json:
    """Of "Individual Symbol Rolling Window Statistics Streams"."""
    return {
        **_change(window),
        **_extremes(window),
        "c": digits(window.close),
        "w": digits(average_price(window)),
        **_volumes(window),
        **_counts(window, open_ms, now_ms),
    }


def day_figures(view: TickerView, window: MarketCandle, open_ms: int, now_ms: int) -> Json:
    """Of "Individual Symbol Ticker Streams"; the window opens exactly a day ago, and its figures begin with that minute."""
    last = view.trades.last_before(view.symbol, now_ms)
    best = json_shapes.book_ticker(view.symbol, view.engine.visible_ladder(view.symbol, now_ms))
    return {
        **_change(window),
        "w": digits(average_price(window)),
        "x": digits(_close_before(view, window)),
        "c": digits(window.close),
        "Q": digits(last.quantities[-1] if last else ZERO),
        "b": best["bidPrice"],
        "B": best["bidQty"],
        "a": best["askPrice"],
        "A": best["askQty"],
        **_extremes(window),
        **_volumes(window),
        **_counts(window, now_ms - DAY_MS, now_ms),
    }


def _close_before(view: TickerView, window: MarketCandle) -> Decimal:
    before = view.market.quote(view.symbol, window.open_time_ms - 1)
    return before.price if before else window.open


def _change(window: MarketCandle) -> Json:
    return {"p": digits(window.close - window.open), "P": change_percent(window)}


def _extremes(window: MarketCandle) -> Json:
    return {"o": digits(window.open), "h": digits(window.high), "l": digits(window.low)}


def _volumes(window: MarketCandle) -> Json:
    return {"v": digits(window.volume), "q": digits(window.quote_volume)}


def _counts(window: MarketCandle, open_ms: int, now_ms: int) -> Json:
    first, last = trade_ids(window)
    return {"O": open_ms, "C": now_ms, "F": first, "L": last, "n": window.trades}
