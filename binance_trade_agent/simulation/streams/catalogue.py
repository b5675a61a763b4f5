"""StreamCatalogue: from a stream's name to what it shows.

Left out, and silent like every name that means nothing: what is gone at Binance, too (`!ticker@arr`, `!bookTicker`).
"""

import re
from collections.abc import Callable
from functools import partial

from binance_trade_agent.domain.candle_intervals import DAY_MS, HOUR_MS, SECOND_MS
from binance_trade_agent.simulation.markets.zoned_candles import CandleGrid
from binance_trade_agent.simulation.rest.endpoint import Venue
from binance_trade_agent.simulation.streams.book_sources import BookTickerSource, DepthSource, PartialDepthSource
from binance_trade_agent.simulation.streams.kline_source import KlineSource
from binance_trade_agent.simulation.streams.reference_price_source import ReferencePriceSource
from binance_trade_agent.simulation.streams.source import StreamSource
from binance_trade_agent.simulation.streams.ticker_sources import (
    WINDOWS_MS,
    AllTickersSource,
    AveragePriceSource,
    TickerSource,
    TickerView,
    day_figures,
    mini_figures,
    window_figures,
)
from binance_trade_agent.simulation.streams.touched_levels import TouchedLevels
from binance_trade_agent.simulation.streams.trade_source import TradeSource, aggregate_trade, block_trades, single_trades

ALL_MINI_TICKERS = "!miniTicker@arr"
ALL_MINI_TICKERS_OF_A_SECOND = "!miniTicker@arr@1000ms"
"""Not documented; what python-binance asks for."""

EIGHT_HOURS_AHEAD = "@+08:00"

_DEPTH = re.compile(r"depth(?P<levels>5|10|20)?(?P<fast>@100ms)?")
_WINDOW_TICKER = re.compile(r"ticker_(?P<window>1h|4h|1d)")
_ALL_WINDOW_TICKERS = re.compile(r"!ticker_(?P<window>1h|4h|1d)@arr")
_FAST_DEPTH_MS = 100
_CANDLE = "kline_"
_MINI = "24hrMiniTicker"
_DAY = "24hrTicker"


class StreamCatalogue:
    """Makes the source of any stream that the market can give."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._engine = venue.engine
        self._market = venue.market
        self._trades = venue.public_trades
        self._touched = TouchedLevels(venue.engine.feed)

    def open(self, stream: str, now_ms: int) -> StreamSource | None:
        """The source of `stream` from `now_ms` on; None for a name that means nothing: such streams are silent, as they are at Binance."""
        if stream in {ALL_MINI_TICKERS, ALL_MINI_TICKERS_OF_A_SECOND}:
            return AllTickersSource(stream, self._views(), _MINI, DAY_MS, mini_figures, now_ms)
        all_of_window = _ALL_WINDOW_TICKERS.fullmatch(stream)
        if all_of_window is not None:
            window = all_of_window["window"]
            return AllTickersSource(stream, self._views(), f"{window}Ticker", WINDOWS_MS[window], window_figures, now_ms)
        name, _, kind = stream.partition("@")
        symbol = name.upper()
        # Stream names are in small letters; a symbol in capitals names no stream.
        if name != name.lower() or symbol not in self._market.rules:
            return None
        try:
            return self._of_symbol(stream, symbol, kind, now_ms)
        except ValueError:
            return None  # candles that the market cannot make

    def _of_symbol(self, stream: str, symbol: str, kind: str, now_ms: int) -> StreamSource | None:
        if kind.startswith(_CANDLE):
            interval = kind.removeprefix(_CANDLE).removesuffix(EIGHT_HOURS_AHEAD)
            grid = CandleGrid(interval, 8 * HOUR_MS if kind.endswith(EIGHT_HOURS_AHEAD) else 0)
            return KlineSource(stream, self._market, symbol, grid, now_ms)
        depth = _DEPTH.fullmatch(kind)
        if depth is not None:
            speed_ms = _FAST_DEPTH_MS if depth["fast"] else SECOND_MS
            if depth["levels"]:
                return PartialDepthSource(stream, self._engine, symbol, int(depth["levels"]), speed_ms, now_ms)
            return DepthSource(stream, self._engine, self._market, self._touched, symbol, speed_ms, now_ms)
        ticker = _WINDOW_TICKER.fullmatch(kind)
        if ticker is not None:
            window = ticker["window"]
            return TickerSource(stream, self._view(symbol), f"{window}Ticker", WINDOWS_MS[window], window_figures, now_ms)
        plain: dict[str, Callable[[int], StreamSource]] = {
            "trade": partial(TradeSource, stream, self._trades, symbol, single_trades),
            "aggTrade": partial(TradeSource, stream, self._trades, symbol, aggregate_trade),
            "blockTrade": partial(TradeSource, stream, self._trades, symbol, block_trades),
            "bookTicker": partial(BookTickerSource, stream, self._engine, symbol),
            "ticker": partial(TickerSource, stream, self._view(symbol), _DAY, DAY_MS, day_figures),
            "miniTicker": partial(TickerSource, stream, self._view(symbol), _MINI, DAY_MS, mini_figures),
            "referencePrice": partial(ReferencePriceSource, stream, self._venue, symbol),
            "avgPrice": partial(AveragePriceSource, stream, self._market, self._trades, symbol),
        }
        return plain[kind](now_ms) if kind in plain else None

    def _view(self, symbol: str) -> TickerView:
        return TickerView(self._market, self._engine, self._trades, symbol)

    def _views(self) -> list[TickerView]:
        return [self._view(symbol) for symbol in self._market.rules]
