"""AsyncMarketDataAgent: prices, order books and candles of many symbols at once, and one snapshot of each for a pass.

One bad symbol never spoils a batch: its error stands beside the good results. Closed candles are kept, so that a pass costs one
request for all prices and one for each symbol that has a new candle.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Self, TypeVar

from binance_trade_agent.async_binance_client import AsyncBinanceClient
from binance_trade_agent.binance.candle_series import CandleSeries, closed_candles
from binance_trade_agent.binance.error_codes import BAD_SYMBOL, ILLEGAL_CHARS
from binance_trade_agent.binance.server_clock import ClockSample, ServerClock, best_of
from binance_trade_agent.binance.symbols import check_symbol, checked_symbols
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import (
    AgentError,
    BadAnswerError,
    ConfigurationError,
    ExchangeError,
    ExchangeRefusedError,
    MarketDataError,
)
from binance_trade_agent.domain.facts import CandleGapFound
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot, OrderBook
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.domain.symbol_rules import SymbolRules
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.ports.exchange import MarketDataSource
from binance_trade_agent.ports.market_feed import Batch
from binance_trade_agent.ports.observer import NullObserver, Observer

T = TypeVar("T")

LONGEST_WINDOW = 999
"""One answer holds 1000 candles at most, and its last one is still open."""

MAX_SYMBOLS = 5_000
"""How many symbols are remembered (candles, prices, rules); the exchange lists some 3,500."""

CLOCK_MAX_AGE_MS = 10 * 60_000
"""How long a measured offset of the exchange's clock is gone by."""

_CLOCK_SAMPLES = 3
_BAD_SYMBOL_CODES = frozenset({BAD_SYMBOL, ILLEGAL_CHARS})


@dataclass(frozen=True, slots=True)
class _Kept:
    """A symbol's candles, and the lock that lets one task at a time ask for more."""

    series: CandleSeries
    lock: asyncio.Lock


class AsyncMarketDataAgent:
    """Market data as an async context manager: `async with AsyncMarketDataAgent() as agent: ...`.

    Without a `source` it opens an AsyncBinanceClient with the default connection and closes it at the end. `server_time_ms` gives the
    exchange's time; without it the offset of `clock` (or else of the event loop's time) is measured through the source.
    `window` is how many closed candles of `interval` a snapshot holds (1 to 999); `max_concurrency` bounds the requests in flight;
    prices may be up to `price_cache_ms` old, trading rules up to `rules_ttl_ms`.
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
        price_cache_ms: int = 0,
        rules_ttl_ms: int = 3_600_000,
        server_time_ms: Callable[[], int] | None = None,
    ) -> None:
        _check_settings(interval, window, max_concurrency)
        self._given_source = source
        self._given_clock = clock
        self._given_observer = observer
        self._observer: Observer = observer or NullObserver()
        self._interval = interval
        self._window = window
        self._price_cache_ms = price_cache_ms
        self._rules_ttl_ms = rules_ttl_ms
        self._given_server_time = server_time_ms
        self._slots = asyncio.Semaphore(max_concurrency)
        self._stack = AsyncExitStack()
        self._open_source: MarketDataSource | None = None
        self._local_ms: Callable[[], int] = _loop_ms
        self._server_clock = ServerClock(_loop_ms)
        self._clock_measured_ms = 0
        self._clock_lock = asyncio.Lock()
        self._kept: dict[str, _Kept] = {}
        self._prices: dict[str, tuple[Decimal, int]] = {}
        self._rules: dict[str, SymbolRules | None] = {}
        self._rules_fetched_ms = 0
        self._rules_lock = asyncio.Lock()

    async def __aenter__(self) -> Self:
        if self._open_source is not None:
            raise RuntimeError("this AsyncMarketDataAgent is open already")
        clock = self._given_clock
        if self._given_source is not None:
            self._open_source = self._given_source
        else:
            client = await self._stack.enter_async_context(AsyncBinanceClient())
            self._open_source = client
            clock = clock or client.clock
            self._observer = self._given_observer or client.observer
        self._local_ms = clock.now_ms if clock is not None else _loop_ms
        self._server_clock = ServerClock(self._local_ms)
        return self

    async def __aexit__(self, *_exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close what the agent opened; a second call does nothing."""
        self._open_source = None
        await self._stack.aclose()

    # -- prices and books -----------------------------------------------------------------------------------------------------

    async def fetch_price(self, symbol: str) -> Decimal:
        """Last trade price of `symbol`. Raises MarketDataError (no symbol, never traded) or ExchangeError."""
        check_symbol(symbol)
        cached = self._cached_price(symbol)
        if cached is not None:
            return cached
        async with self._slots:
            price = await self._source.get_latest_price(symbol)
        if price <= 0:
            raise _never_traded(symbol)
        self._remember_prices({symbol: price})
        return price

    async def fetch_prices_batch(self, symbols: Sequence[str]) -> Batch[Decimal]:
        """Last trade prices by symbol in one request; symbols that have none are in `.errors`, each with its reason."""
        possible, errors = checked_symbols(symbols)
        batch: Batch[Decimal] = Batch(errors=errors)
        wanted = []
        for symbol in possible:
            cached = self._cached_price(symbol)
            if cached is not None:
                batch[symbol] = cached
            elif self._is_unlisted(symbol):
                batch.errors[symbol] = _no_such_symbol(symbol)
            else:
                wanted.append(symbol)
        await self._fill_prices(wanted, batch)
        return batch

    async def fetch_order_book(self, symbol: str, limit: int = 100) -> OrderBook:
        """Depth of `symbol`, best level first, `limit` 1 to 5000 levels a side."""
        check_symbol(symbol)
        async with self._slots:
            return await self._source.get_order_book(symbol, limit)

    async def fetch_order_books_batch(self, symbols: Sequence[str], limit: int = 100) -> Batch[OrderBook]:
        """Depths by symbol, fetched concurrently; symbols that failed are in `.errors`."""
        return await _each(symbols, lambda symbol: self.fetch_order_book(symbol, limit))

    # -- candles and snapshots ------------------------------------------------------------------------------------------------

    async def fetch_klines(self, symbol: str, limit: int | None = None) -> CandleWindow:
        """The newest closed candles of `symbol`: the window, or `limit` of them (1 to 999)."""
        check_symbol(symbol)
        if self._is_unlisted(symbol):
            raise _no_such_symbol(symbol)
        if limit is not None and not 1 <= limit <= LONGEST_WINDOW:
            raise MarketDataError(f"limit is {limit}; allowed is 1 to {LONGEST_WINDOW} closed candles")
        if limit is not None and limit > self._window:
            return await self._fetch_apart(symbol, limit)
        window = await self._update_series(symbol)
        return window if limit is None else window.last(limit)

    async def fetch_klines_batch(self, symbols: Sequence[str], limit: int | None = None) -> Batch[CandleWindow]:
        """Closed candles by symbol, fetched concurrently; symbols that failed are in `.errors`."""
        try:
            await self._ensure_clock()
        except ExchangeError as error:
            return Batch(errors=dict.fromkeys(symbols, error))
        return await _each(symbols, lambda symbol: self.fetch_klines(symbol, limit))

    async def fetch_snapshots(self, symbols: Sequence[str]) -> Batch[MarketSnapshot]:
        """Price and closed candles of every symbol, fetched together; one bad symbol never spoils the others.

        Costs one request for all prices and one klines request for each symbol of which a candle can have closed since last time.
        """
        prices, windows = await _both(self.fetch_prices_batch(symbols), self.fetch_klines_batch(symbols))
        batch: Batch[MarketSnapshot] = Batch(errors={**windows.errors, **prices.errors})
        time_ms = self._server_time_ms()
        for symbol, price in prices.items():
            if symbol in windows:
                batch[symbol] = MarketSnapshot(symbol, time_ms, price, windows[symbol])
        return batch

    # -- rules ----------------------------------------------------------------------------------------------------------------

    async def fetch_rules(self, symbols: Sequence[str]) -> Mapping[str, SymbolRules]:
        """Trading rules by symbol, at most `rules_ttl_ms` old; symbols that the exchange does not list are missing."""
        async with self._rules_lock:
            if not self._rules_are_fresh():
                self._rules.clear()
                self._rules_fetched_ms = self._local_ms()
            unread = [symbol for symbol in checked_symbols(symbols)[0] if symbol not in self._rules]
            found = self._rules | (await self._read_rules(unread) if unread else {})
            _remember(self._rules, {symbol: found[symbol] for symbol in unread})
        return {symbol: rules for symbol in symbols if (rules := found.get(symbol)) is not None}

    async def _read_rules(self, symbols: Sequence[str]) -> dict[str, SymbolRules | None]:
        """Rules by symbol, None for a symbol that the exchange does not list."""
        try:
            async with self._slots:
                listed = await self._source.get_exchange_info(symbols)
        except ExchangeRefusedError as error:
            if error.code not in _BAD_SYMBOL_CODES:
                raise
            # One unknown symbol fails the request, so the list of all tells which ones exist.
            async with self._slots:
                listed = await self._source.get_exchange_info()
        return {symbol: listed.get(symbol) for symbol in symbols}

    def _rules_are_fresh(self) -> bool:
        return self._local_ms() - self._rules_fetched_ms < self._rules_ttl_ms

    def _is_unlisted(self, symbol: str) -> bool:
        """True when the rules we hold say that there is no such symbol, so that asking for it would be in vain."""
        return symbol in self._rules and self._rules[symbol] is None and self._rules_are_fresh()

    # -- prices, inside -------------------------------------------------------------------------------------------------------

    async def _fill_prices(self, symbols: Sequence[str], batch: Batch[Decimal]) -> None:
        """Prices of `symbols` into `batch`: in one request, without the unlisted ones when that is refused, one by one at last."""
        if not symbols or await self._take_together(symbols, batch):
            return
        listed = await self._without_unlisted(symbols, batch)
        if listed and len(listed) < len(symbols) and await self._take_together(listed, batch):
            return
        singles = await _each(listed, self.fetch_price)
        batch.update(singles)
        batch.errors.update(singles.errors)

    async def _take_together(self, symbols: Sequence[str], batch: Batch[Decimal]) -> bool:
        """One request for all; False when a symbol in it made it fail, so that the others deserve another try."""
        try:
            async with self._slots:
                prices = await self._source.get_latest_prices(symbols)
        except AgentError as error:
            if isinstance(error, BadAnswerError) or (isinstance(error, ExchangeRefusedError) and error.code in _BAD_SYMBOL_CODES):
                return False
            batch.errors.update(dict.fromkeys(symbols, error))
            return True
        good = {symbol: prices[symbol] for symbol in symbols if prices.get(symbol, ZERO) > 0}
        batch.update(good)
        batch.errors.update({symbol: _never_traded(symbol) for symbol in symbols if symbol not in good})
        self._remember_prices(good)
        return True

    async def _without_unlisted(self, symbols: Sequence[str], batch: Batch[Decimal]) -> list[str]:
        """The symbols that the exchange lists; the others get their error. All of them when the list cannot be had."""
        try:
            listed = await self.fetch_rules(symbols)
        except ExchangeError:
            return list(symbols)
        batch.errors.update({symbol: _no_such_symbol(symbol) for symbol in symbols if symbol not in listed})
        return [symbol for symbol in symbols if symbol in listed]

    def _cached_price(self, symbol: str) -> Decimal | None:
        if self._price_cache_ms <= 0 or symbol not in self._prices:
            return None
        price, fetched_ms = self._prices[symbol]
        return price if self._local_ms() - fetched_ms <= self._price_cache_ms else None

    def _remember_prices(self, prices: Mapping[str, Decimal]) -> None:
        if self._price_cache_ms > 0:
            now_ms = self._local_ms()
            _remember(self._prices, {symbol: (price, now_ms) for symbol, price in prices.items()})

    # -- candles, inside ------------------------------------------------------------------------------------------------------

    async def _update_series(self, symbol: str) -> CandleWindow:
        """The symbol's window, after asking for the candles that can have closed since the last time, if any."""
        await self._ensure_clock()
        kept = self._kept.get(symbol)
        if kept is None:
            kept = _Kept(CandleSeries(symbol, INTERVALS_MS[self._interval], self._window), asyncio.Lock())
            _remember(self._kept, {symbol: kept})
        async with kept.lock, self._slots:
            sent_ms = self._server_time_ms()
            request = kept.series.next_request(sent_ms)
            if request is not None:
                start_ms = request.start_time_ms
                candles = await self._source.get_klines(symbol, self._interval, limit=request.limit, start_time_ms=start_ms)
                for after_ms, missing in kept.series.extend(closed_candles(candles, sent_ms), is_restart=start_ms is None):
                    self._observer.observe(CandleGapFound(symbol, after_ms, missing))
        return kept.series.window

    async def _fetch_apart(self, symbol: str, limit: int) -> CandleWindow:
        """More candles than the window keeps, asked for by themselves."""
        await self._ensure_clock()
        async with self._slots:
            sent_ms = self._server_time_ms()
            candles = await self._source.get_klines(symbol, self._interval, limit=limit + 1)
        return CandleWindow(symbol, INTERVALS_MS[self._interval], closed_candles(candles, sent_ms)[-limit:])

    async def _ensure_clock(self) -> None:
        """Measure the offset of the exchange's clock when it is not known or too old; nothing to do when somebody else knows its time."""
        if self._given_server_time is not None:
            return
        async with self._clock_lock:
            if self._server_clock.is_synced and self._local_ms() - self._clock_measured_ms < CLOCK_MAX_AGE_MS:
                return
            samples = []
            for _ in range(_CLOCK_SAMPLES):
                sent_ms = self._local_ms()
                server_ms = await self._source.get_server_time()
                received_ms = self._local_ms()
                samples.append(ClockSample(sent_ms, received_ms, server_ms, received_ms - sent_ms))
            self._server_clock.adopt(best_of(samples))
            self._clock_measured_ms = self._local_ms()

    def _server_time_ms(self) -> int:
        return self._given_server_time() if self._given_server_time is not None else self._server_clock.now_ms()

    @property
    def _source(self) -> MarketDataSource:
        if self._open_source is None:
            raise RuntimeError("this AsyncMarketDataAgent is not open; use it inside `async with AsyncMarketDataAgent(...) as agent:`")
        return self._open_source


def _loop_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1_000)


def _check_settings(interval: str, window: int, max_concurrency: int) -> None:
    if interval not in INTERVALS_MS:
        raise ConfigurationError(f"interval is {interval!r}; allowed are {', '.join(INTERVALS_MS)}")
    if not 1 <= window <= LONGEST_WINDOW:
        raise ConfigurationError(f"window is {window}; allowed is 1 to {LONGEST_WINDOW}")
    if max_concurrency < 1:
        raise ConfigurationError(f"max_concurrency is {max_concurrency}; it must be at least 1")


def _never_traded(symbol: str) -> MarketDataError:
    return MarketDataError(f"{symbol} has no price: it never traded")


def _no_such_symbol(symbol: str) -> MarketDataError:
    return MarketDataError(f"the exchange lists no symbol {symbol}")


def _remember(cache: dict[str, T], news: Mapping[str, T]) -> None:
    """Add `news` to `cache`, and let the longest kept go beyond MAX_SYMBOLS."""
    cache.update(news)
    while len(cache) > MAX_SYMBOLS:
        del cache[next(iter(cache))]


async def _each(symbols: Sequence[str], fetch: Callable[[str], Awaitable[T]]) -> Batch[T]:
    """`fetch` of every symbol at once; failures that are ours to expect become errors of the batch, others are raised."""
    possible, errors = checked_symbols(symbols)
    batch: Batch[T] = Batch(errors=errors)
    results = await asyncio.gather(*(fetch(symbol) for symbol in possible), return_exceptions=True)
    for symbol, result in zip(possible, results, strict=True):
        if isinstance(result, AgentError):
            batch.errors[symbol] = result
        elif isinstance(result, BaseException):
            raise result
        else:
            batch[symbol] = result
    return batch


async def _both(prices: Awaitable[Batch[Decimal]], windows: Awaitable[Batch[CandleWindow]]) -> tuple[Batch[Decimal], Batch[CandleWindow]]:
    """Both at once; when one breaks the other is waited for, so that nothing is left running."""
    first, second = await asyncio.gather(prices, windows, return_exceptions=True)
    if isinstance(first, BaseException):
        raise first
    if isinstance(second, BaseException):
        raise second
    return first, second
