"""CandleStore: the closed candles of every symbol, extended by REST with just those that are missing."""

import asyncio
from dataclasses import dataclass

from binance_trade_agent.async_market_data_agent.batches import remember
from binance_trade_agent.async_market_data_agent.exchange_time import ExchangeTime
from binance_trade_agent.async_market_data_agent.market_cache import MarketCache
from binance_trade_agent.binance.candle_series import CandleSeries, KlinesRequest, closed_candles
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.facts import CandleGapFound
from binance_trade_agent.domain.market import Candle, CandleWindow
from binance_trade_agent.ports.exchange import MarketDataSource
from binance_trade_agent.ports.observer import Observer


@dataclass(frozen=True, slots=True)
class _Kept:
    """A symbol's candles, and the lock that lets one task at a time ask for more."""

    series: CandleSeries
    lock: asyncio.Lock


class CandleStore:
    """Windows of at most `length` candles of `interval`; `slots` bounds the requests in flight."""

    def __init__(
        self,
        source: MarketDataSource,
        slots: asyncio.Semaphore,
        time: ExchangeTime,
        cache: MarketCache,
        observer: Observer,
        *,
        interval: str,
        length: int,
    ) -> None:
        self._source = source
        self._slots = slots
        self._time = time
        self._cache = cache
        self._observer = observer
        self._interval = interval
        self._interval_ms = INTERVALS_MS[interval]
        self._length = length
        self._kept: dict[str, _Kept] = {}

    async def update(self, symbol: str) -> CandleWindow:
        """The symbol's window, after asking for the candles that can have closed since the last time, if any."""
        await self._time.ensure_known()
        kept = self._of(symbol)
        async with kept.lock:
            request = kept.series.next_request(self._time.now_ms())
            if request is not None:
                candles = await self._fetch(symbol, request)
                for after_ms, missing in kept.series.extend(candles, is_restart=request.start_time_ms is None):
                    self._observer.observe(CandleGapFound(symbol, after_ms, missing))
        return kept.series.window

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
            return closed_candles(candles, sent_ms)

        newest_open_ms = request.newest_open_ms(self._time.now_ms(), self._interval_ms)
        return await self._cache.candles(symbol, self._interval, request, newest_open_ms, ask)
