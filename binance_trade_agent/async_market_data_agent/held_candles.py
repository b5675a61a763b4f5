"""HeldCandles: the closed candles of every symbol, extended by what streams bring and by REST with just those that are missing.

A closed candle changes no more, so an interruption of a stream spoils nothing that is held: it can only make candles missing at the end,
and which those are the exchange's time tells. A candle of a stream joins only when it is the very next one.
"""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from binance_trade_agent.async_market_data_agent.batches import remember
from binance_trade_agent.async_market_data_agent.exchange_time import ExchangeTime
from binance_trade_agent.async_market_data_agent.market_cache import MarketCache
from binance_trade_agent.binance.candle_series import CandleSeries, KlinesRequest, closed_candles
from binance_trade_agent.domain.facts import CandleGapFound, CandlesTaken
from binance_trade_agent.domain.market import Candle, CandleWindow
from binance_trade_agent.domain.market_sources import CandleSource
from binance_trade_agent.domain.need import interval_name
from binance_trade_agent.ports.exchange import MarketDataSource
from binance_trade_agent.ports.observer import Observer


@dataclass(slots=True)
class _Kept:
    """A symbol's candles, and the lock that lets one task at a time ask for more.

    `ahead` is the newest candle of the stream that did not follow what is held: it may do so once REST has brought what lies between.
    """

    series: CandleSeries
    lock: asyncio.Lock
    ahead: Candle | None = None


class HeldCandles:
    """Windows of at most `length` candles of one interval; `slots` bounds the requests in flight."""

    def __init__(
        self,
        source: MarketDataSource,
        slots: asyncio.Semaphore,
        time: ExchangeTime,
        cache: MarketCache,
        observer: Observer,
        *,
        interval_ms: int,
        length: int,
    ) -> None:
        self._source = source
        self._slots = slots
        self._time = time
        self._cache = cache
        self._observer = observer
        self._interval = interval_name(interval_ms)
        self._interval_ms = interval_ms
        self._length = length
        self._kept: dict[str, _Kept] = {}

    @property
    def candles_held(self) -> int:
        """How many candles are held of all symbols."""
        return sum(len(kept.series.window) for kept in self._kept.values())

    def knows(self, symbol: str) -> bool:
        """Whether any candle of `symbol` is held."""
        kept = self._kept.get(symbol)
        return kept is not None and kept.series.next_open_ms is not None

    def current(self, symbol: str, server_ms: int) -> CandleWindow | None:
        """The symbol's window when no candle can be missing from it at `server_ms`, else None."""
        kept = self._kept.get(symbol)
        return None if kept is None or kept.series.next_request(server_ms) is not None else kept.series.window

    def only_missing(self, symbol: str, server_ms: int) -> int | None:
        """When the one candle opened that is missing at `server_ms`; None when it is not just one."""
        kept = self._kept.get(symbol)
        next_open_ms = None if kept is None else kept.series.next_open_ms
        if next_open_ms is None or not 1 <= (server_ms - next_open_ms) // self._interval_ms < 2:
            return None
        return next_open_ms

    def take(self, symbol: str, candle: Candle) -> bool:
        """Take a closed candle from a stream; False when it does not follow what is held, so that REST has to say what lies between."""
        kept = self._of(symbol)
        if kept.series.follow(candle):
            self._observer.observe(CandlesTaken(CandleSource.STREAM, 1))
            return True
        kept.ahead = candle
        return False

    def forget(self, symbol: str) -> None:
        """Hold nothing of `symbol` any more."""
        self._kept.pop(symbol, None)

    def keep_only(self, symbols: Collection[str]) -> None:
        """Hold nothing of other symbols any more."""
        for symbol in [symbol for symbol in self._kept if symbol not in symbols]:
            self.forget(symbol)

    async def update(self, symbol: str) -> CandleWindow:
        """The symbol's window, after asking for the candles that can have closed since the last time, if any."""
        await self._time.ensure_known()
        kept = self._of(symbol)
        async with kept.lock:
            request = kept.series.next_request(self._time.now_ms())
            if request is not None:
                candles = await self._fetch(symbol, request)
                for after_ms, missing in kept.series.extend(candles, is_restart=request.start_time_ms is None):
                    self._observer.observe(CandleGapFound(symbol, after_ms, missing, self._interval))
                self._join_ahead(kept)
        return kept.series.window

    def _join_ahead(self, kept: _Kept) -> None:
        """A candle that closed while REST was being asked is in the answer, or follows it, or has to be asked for next time."""
        ahead, kept.ahead = kept.ahead, None
        if ahead is not None and kept.series.follow(ahead):
            self._observer.observe(CandlesTaken(CandleSource.STREAM, 1))

    async def apart(self, symbol: str, count: int) -> CandleWindow:
        """The newest `count` closed candles, more than windows keep, asked for by themselves."""
        await self._time.ensure_known()
        candles = await self._fetch(symbol, KlinesRequest(None, count + 1))
        return CandleWindow(symbol, self._interval_ms, candles[-count:])

    def _of(self, symbol: str) -> _Kept:
        kept = self._kept.get(symbol)
        if kept is None:
            kept = _Kept(CandleSeries(symbol, self._interval_ms, self._length), asyncio.Lock())
            remember(self._kept, {symbol: kept})
        return kept

    async def _fetch(self, symbol: str, request: KlinesRequest) -> tuple[Candle, ...]:
        """The closed candles of the answer to `request`, or what the cache has of a request that must have the same answer."""

        async def ask() -> tuple[Candle, ...]:
            async with self._slots:
                sent_ms, start_ms = self._time.now_ms(), request.start_time_ms
                candles = await self._source.get_klines(symbol, self._interval, limit=request.limit, start_time_ms=start_ms)
            closed = closed_candles(candles, sent_ms)
            self._observer.observe(CandlesTaken(CandleSource.REST, len(closed)))
            return closed

        newest_open_ms = request.newest_open_ms(self._time.now_ms(), self._interval_ms)
        return await self._cache.candles(symbol, self._interval, request, newest_open_ms, ask)
