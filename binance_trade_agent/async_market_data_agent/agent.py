"""AsyncMarketDataAgent: prices, order books and candles of many symbols at once, and one snapshot of each for a pass.

One bad symbol never spoils a batch: its error stands beside the good results. Closed candles are kept, so that a pass costs one
request for all prices and one for each symbol that has a new candle.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.async_market_data_agent.batches import each, no_such_symbol
from binance_trade_agent.async_market_data_agent.exchange_time import ExchangeTime
from binance_trade_agent.async_market_data_agent.held_candles import HeldCandles
from binance_trade_agent.async_market_data_agent.held_intervals import HeldIntervals
from binance_trade_agent.async_market_data_agent.live_market import LiveMarket
from binance_trade_agent.async_market_data_agent.market_cache import DEFAULT_TTLS, CacheTtls, MarketCache
from binance_trade_agent.async_market_data_agent.price_reader import PriceReader
from binance_trade_agent.async_market_data_agent.rules_reader import RulesReader
from binance_trade_agent.async_market_data_agent.snapshot_reader import SnapshotReader
from binance_trade_agent.async_market_data_agent.window_reader import WindowReader
from binance_trade_agent.binance.streams.market_stream import MarketStream, StreamListener
from binance_trade_agent.binance.symbols import check_symbol
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.counts import counted
from binance_trade_agent.domain.errors import ConfigurationError, ExchangeError, MarketDataError
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot, OrderBook
from binance_trade_agent.domain.need import NO_NEEDS, Frame, Needs
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.cache import Cache
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import MarketDataSource
from binance_trade_agent.ports.market_feed import Batch
from binance_trade_agent.ports.observer import NullObserver, Observer
from binance_trade_agent.storage.memory_cache import MemoryCache
from binance_trade_agent.telemetry.timing import async_time_function

LONGEST_WINDOW = 999
"""One answer holds 1000 candles at most, and its last one is still open."""


@dataclass(frozen=True, slots=True)
class _Open:
    """What an open agent works with."""

    source: MarketDataSource
    time: ExchangeTime
    cache: MarketCache
    rules: RulesReader
    prices: PriceReader
    candles: HeldIntervals
    live: LiveMarket
    reader: SnapshotReader


class AsyncMarketDataAgent:
    """Market data as an async context manager: `async with AsyncMarketDataAgent() as agent: ...`.

    Without a `source` it opens an AsyncBinanceClient with the default connection and closes it at the end. `server_time_ms` gives the
    exchange's time, and `ensure_time` sees to it that it is known, before each pass; without `server_time_ms` the offset of `clock` (or
    else of the event loop's time) is measured through the source.
    `window` is how many closed candles of `interval` a snapshot holds (1 to 999); `max_concurrency` bounds the requests in flight;
    trading rules may be up to `rules_ttl_ms` old.

    Everything comes by REST, and nothing runs in the background, until `follow` names a stream. Then a price of the stream may be up to
    `max_price_age_ms` old, and a pass waits at most `close_wait_s` for candles that are just closing.

    `needs` tells what else the snapshot of a symbol has to bring, for strategies that read other intervals and symbols; each costs one
    request at first, and one for each candle of it that no stream has brought.

    What REST answered may be as old as `cache_ttls` says; it is kept in `cache`, or in memory without it, under keys that begin with
    `cache_namespace`.
    """

    def __init__(
        self,
        source: MarketDataSource | None = None,
        *,
        clock: Clock | None = None,
        observer: Observer | None = None,
        interval: str = "1m",
        window: int = 100,
        max_concurrency: int = 50,
        rules_ttl_ms: int = 3_600_000,
        server_time_ms: Callable[[], int] | None = None,
        ensure_time: Callable[[], Awaitable[None]] | None = None,
        max_price_age_ms: int = 3_000,
        close_wait_s: float = 2.5,
        cache: Cache | None = None,
        cache_ttls: CacheTtls = DEFAULT_TTLS,
        cache_namespace: str = "market",
        needs: Needs = NO_NEEDS,
    ) -> None:
        _check_settings(interval, window, max_concurrency)
        self._given_source = source
        self._given_clock = clock
        self._given_observer = observer
        self._given_server_time = server_time_ms
        self._ensure_time = ensure_time
        self._given_cache = cache
        self._interval = interval
        self._window = window
        self._rules_ttl_ms = rules_ttl_ms
        self._max_price_age_ms = max_price_age_ms
        self._close_wait_s = close_wait_s
        self._cache_ttls = cache_ttls
        self._cache_namespace = cache_namespace
        self._needs = needs
        self._slots = asyncio.Semaphore(max_concurrency)
        self._stack = AsyncExitStack()
        self._parts: _Open | None = None

    async def __aenter__(self) -> Self:
        if self._parts is not None:
            raise RuntimeError("this AsyncMarketDataAgent is open already")
        source, clock, observer = self._given_source, self._given_clock, self._given_observer
        if source is None:
            client = await self._stack.enter_async_context(AsyncBinanceClient())
            source, clock, observer = client, clock or client.clock, observer or client.observer
        time = ExchangeTime(source, clock, self._given_server_time, self._ensure_time)
        self._parts = self._built(source, time, observer or NullObserver())
        return self

    def _built(self, source: MarketDataSource, time: ExchangeTime, observer: Observer) -> _Open:
        store = self._given_cache or MemoryCache(time.now_ms)
        cache = MarketCache(store, self._cache_ttls, namespace=self._cache_namespace, now_ms=time.now_ms, observer=observer)
        rules = RulesReader(source, self._slots, time.local_ms, self._rules_ttl_ms)
        prices = PriceReader(source, self._slots, rules, cache)
        candles = self._held_intervals(source, time, cache, observer)
        live = LiveMarket(candles, self._others_of, self._max_price_age_ms)
        windows = WindowReader(time, rules, candles, live, observer)
        reader = SnapshotReader(time, prices, windows, candles, self._others_of, live, observer, close_wait_s=self._close_wait_s)
        return _Open(source, time, cache, rules, prices, candles, live, reader)

    def _held_intervals(self, source: MarketDataSource, time: ExchangeTime, cache: MarketCache, observer: Observer) -> HeldIntervals:
        def make(interval_ms: int, length: int) -> HeldCandles:
            return HeldCandles(source, self._slots, time, cache, observer, interval_ms=interval_ms, length=length)

        own_ms = INTERVALS_MS[self._interval]
        return HeldIntervals(make, own_ms, self._window, self._needs.lengths(own_ms))

    def _others_of(self, symbol: str) -> Sequence[Frame]:
        own = Frame(symbol, INTERVALS_MS[self._interval])
        return tuple(dict.fromkeys(frame for need in self._needs.of(symbol) if (frame := need.of(own)) != own))

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what the agent opened; a second call does nothing."""
        self._parts = None
        await self._stack.aclose()

    # -- streams --------------------------------------------------------------------------------------------------------------

    @property
    def listener(self) -> StreamListener:
        """Who has to be told of a stream's events before it can be followed."""
        return self._open.live

    async def follow(self, stream: MarketStream, symbols: Collection[str]) -> None:
        """Take prices and candles of `symbols`, and of no others, from `stream`, which tells `listener`.

        Returns when the exchange has confirmed the subscriptions, or when the connection is being tried again; until then, and whenever
        a stream fails later, REST is asked.
        """
        await self._open.live.follow(stream, symbols)

    def keep_only(self, symbols: Collection[str]) -> None:
        """Hold no candles but those of `symbols` and of what their strategies read besides."""
        candles = self._open.candles
        candles.keep_only({frame for symbol in symbols for frame in (candles.own_frame(symbol), *self._others_of(symbol))})

    def source_text(self) -> str:
        """Where market data comes from now, for people."""
        live = self._open.live
        if not live.followed:
            return "by REST"
        text = f"streams live for {live.live} of {counted(live.followed, 'symbol')}"
        return text if live.live == live.followed else f"{text}, by REST for the others"

    # -- prices and books -----------------------------------------------------------------------------------------------------

    async def fetch_price(self, symbol: str) -> Decimal:
        """Last trade price of `symbol`. Raises MarketDataError (no symbol, never traded) or ExchangeError."""
        check_symbol(symbol)
        return (await self._open.reader.price(symbol)).value

    @async_time_function("market_data.fetch_prices")
    async def fetch_prices_batch(self, symbols: Sequence[str]) -> Batch[Decimal]:
        """Last trade prices by symbol in at most one request; symbols that have none are in `.errors`, each with its reason."""
        prices = await self._open.reader.prices(symbols)
        return Batch({symbol: price.value for symbol, price in prices.items()}, prices.errors)

    async def fetch_order_book(self, symbol: str, limit: int = 100) -> OrderBook:
        """Depth of `symbol`, best level first, `limit` 1 to 5000 levels a side."""
        check_symbol(symbol)
        parts = self._open

        async def fetch() -> OrderBook:
            async with self._slots:
                return await parts.source.get_order_book(symbol, limit)

        return await parts.cache.book(symbol, limit, fetch)

    async def fetch_order_books_batch(self, symbols: Sequence[str], limit: int = 100) -> Batch[OrderBook]:
        """Depths by symbol, fetched concurrently; symbols that failed are in `.errors`."""
        return await each(symbols, lambda symbol: self.fetch_order_book(symbol, limit))

    # -- candles and snapshots ------------------------------------------------------------------------------------------------

    async def fetch_klines(self, symbol: str, limit: int | None = None) -> CandleWindow:
        """The newest closed candles of `symbol`: the window, or `limit` of them (1 to 999)."""
        check_symbol(symbol)
        parts = self._open
        if parts.rules.is_unlisted(symbol):
            raise no_such_symbol(symbol)
        if limit is not None and not 1 <= limit <= LONGEST_WINDOW:
            raise MarketDataError(f"limit is {limit}; allowed is 1 to {LONGEST_WINDOW} closed candles")
        if limit is not None and limit > self._window:
            return await parts.candles.own.apart(symbol, limit)
        window = await parts.candles.own.update(symbol)
        return window if limit is None else window.last(limit)

    async def fetch_klines_batch(self, symbols: Sequence[str], limit: int | None = None) -> Batch[CandleWindow]:
        """Closed candles by symbol, fetched concurrently; symbols that failed are in `.errors`."""
        try:
            await self._open.time.ensure_known()
        except ExchangeError as error:
            return Batch(errors=dict.fromkeys(symbols, error))
        return await each(symbols, lambda symbol: self.fetch_klines(symbol, limit))

    @async_time_function("market_data.fetch_snapshots")
    async def fetch_snapshots(self, symbols: Sequence[str]) -> Batch[MarketSnapshot]:
        """Price and closed candles of every symbol, fetched together; one bad symbol never spoils the others.

        By REST it costs one request for all prices and one klines request for each symbol of which a candle can have closed since last
        time; with live streams it costs none.
        """
        return await self._open.reader.snapshots(symbols)

    @async_time_function("market_data.fetch_rules")
    async def fetch_rules(self, symbols: Sequence[str]) -> Mapping[str, SymbolRules]:
        """Trading rules by symbol, at most `rules_ttl_ms` old; symbols that the exchange does not list are missing."""
        return await self._open.rules.read(symbols)

    @property
    def _open(self) -> _Open:
        if self._parts is None:
            raise RuntimeError("this AsyncMarketDataAgent is not open; use it inside `async with AsyncMarketDataAgent(...) as agent:`")
        return self._parts


def _check_settings(interval: str, window: int, max_concurrency: int) -> None:
    if interval not in INTERVALS_MS:
        raise ConfigurationError(f"interval is {interval!r}; allowed are {', '.join(INTERVALS_MS)}")
    if not 1 <= window <= LONGEST_WINDOW:
        raise ConfigurationError(f"window is {window}; allowed is 1 to {LONGEST_WINDOW}")
    if max_concurrency < 1:
        raise ConfigurationError(f"max_concurrency is {max_concurrency}; it must be at least 1")
