"""StreamCatalogue: from a stream's name to what it shows.

Left out, and silent like every name that means nothing: `@ticker`, `@ticker_<window>` and their all-market forms, `@referencePrice`,
`@blockTrade`, candles of `1M` and candles in UTC+8.
"""

import re
from collections.abc import Callable
from functools import partial

from binance_trade_agent.domain.candle_intervals import INTERVALS_MS, SECOND_MS
from binance_trade_agent.simulation.engine.matching_engine import Engine
from binance_trade_agent.simulation.markets.market import Market
from binance_trade_agent.simulation.streams.book_sources import BookTickerSource, DepthSource, PartialDepthSource
from binance_trade_agent.simulation.streams.candle_source import CandleSource
from binance_trade_agent.simulation.streams.source import StreamSource
from binance_trade_agent.simulation.streams.ticker_sources import AllMiniTickersSource, AveragePriceSource, MiniTickerSource
from binance_trade_agent.simulation.streams.touched_levels import TouchedLevels
from binance_trade_agent.simulation.streams.trade_source import TradeSource, aggregate_trade, single_trades

ALL_MINI_TICKERS = "!miniTicker@arr"

_DEPTH = re.compile(r"depth(?P<levels>5|10|20)?(?P<fast>@100ms)?")
_FAST_DEPTH_MS = 100
_CANDLE = "kline_"


class StreamCatalogue:
    """Makes the source of any stream that the market can give."""

    def __init__(self, engine: Engine, market: Market) -> None:
        self._engine = engine
        self._market = market
        self._touched = TouchedLevels(engine.feed)

    def open(self, stream: str, now_ms: int) -> StreamSource | None:
        """The source of `stream` from `now_ms` on; None for a name that means nothing: such streams are silent, as they are at Binance."""
        if stream == ALL_MINI_TICKERS:
            return AllMiniTickersSource(stream, self._market, now_ms)
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
        market = self._market
        if kind.startswith(_CANDLE):
            interval = kind.removeprefix(_CANDLE)
            interval_ms = INTERVALS_MS.get(interval)
            return None if interval_ms is None else CandleSource(stream, market, symbol, interval, interval_ms, now_ms)
        depth = _DEPTH.fullmatch(kind)
        if depth is not None:
            speed_ms = _FAST_DEPTH_MS if depth["fast"] else SECOND_MS
            if depth["levels"]:
                return PartialDepthSource(stream, self._engine, symbol, int(depth["levels"]), speed_ms, now_ms)
            return DepthSource(stream, self._engine, market, self._touched, symbol, speed_ms, now_ms)
        plain: dict[str, Callable[[int], StreamSource]] = {
            "trade": partial(TradeSource, stream, market, symbol, single_trades),
            "aggTrade": partial(TradeSource, stream, market, symbol, aggregate_trade),
            "bookTicker": partial(BookTickerSource, stream, self._engine, symbol),
            "miniTicker": partial(MiniTickerSource, stream, market, symbol),
            "avgPrice": partial(AveragePriceSource, stream, market, symbol),
        }
        return plain[kind](now_ms) if kind in plain else None
