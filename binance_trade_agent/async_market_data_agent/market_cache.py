"""MarketCache: prices, books and candles by way of a Cache, so that many who ask for the same at once make one request.

What is kept carries the exchange's time at which it was read, so that nobody takes it for younger than it is. Candles are kept by the
newest one they end with: closed candles change no more, so such a window is right as long as it is kept.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Generic, TypeVar

import msgspec

from binance_trade_agent.binance.candle_series import KlinesRequest
from binance_trade_agent.domain.facts import CacheRead
from binance_trade_agent.domain.market import Candle, OrderBook
from binance_trade_agent.domain.market_sources import CacheKind
from binance_trade_agent.ports.cache import Cache
from binance_trade_agent.ports.observer import Observer

T = TypeVar("T")

CLOCK_DISAGREEMENT_MS = 1_000
"""How much later than our own time an entry may have been read, by another process whose estimate of the exchange's time differs."""
WAIT_FOR_OTHERS_S = 1.0
POLL_S = 0.02
MOST_WHOLE_DIGITS = 20
MOST_DECIMALS = 18
"""Digits that an amount may have before and after the point; more are none that an exchange means."""

Fetch = Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]


class Dated(msgspec.Struct, Generic[T], frozen=True, array_like=True):
    """What the exchange said, and its time when it was asked: the value is at least as new as that."""

    read_ms: int
    value: T


@dataclass(frozen=True, slots=True)
class CacheTtls:
    """How old what is read may be, in milliseconds of market time; 0 turns a kind off.

    Candles are held by the agent itself; to keep them here as well pays where a cache is shared.
    """

    price_ms: int = 500
    book_ms: int = 500
    candles_ms: int = 0


DEFAULT_TTLS = CacheTtls()


@dataclass(frozen=True, slots=True)
class _Flight(Generic[T]):
    """A request under way for `keys`."""

    keys: frozenset[str]
    result: asyncio.Future[Mapping[str, Dated[T]]]

    def says_nothing_to(self, asked: Collection[str]) -> bool:
        """Whether who waited for it has to ask anew: its leader was cancelled, or it failed and that may be due to keys not in `asked`."""
        return self.result.cancelled() or (self.result.exception() is not None and not self.keys.issubset(asked))


class _Kept(Generic[T]):
    """One kind of entry: its keys, its codec, its requests under way."""

    def __init__(self, kind: CacheKind, ttl_ms: int, value_type: object) -> None:
        self.kind = kind
        self.ttl_ms = ttl_ms
        self.flights: dict[str, _Flight[T]] = {}
        self._decoder: msgspec.json.Decoder[Dated[T]] = msgspec.json.Decoder(Dated[value_type])  # type: ignore[valid-type]  # a type by value

    def decoded(self, raw: bytes, now_ms: int) -> Dated[T] | None:
        """The entry, when it can be read and is young enough."""
        try:
            entry = self._decoder.decode(raw)
        except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError):
            return None
        return entry if -CLOCK_DISAGREEMENT_MS <= now_ms - entry.read_ms <= self.ttl_ms else None


class MarketCache:
    """Reads through `cache`, whose keys begin with `namespace`: one for each exchange, since prices of two are two things.

    `now_ms` gives the exchange's time.
    """

    def __init__(self, cache: Cache, ttls: CacheTtls, *, namespace: str, now_ms: Callable[[], int], observer: Observer) -> None:
        self._cache = cache
        self._namespace = namespace
        self._now_ms = now_ms
        self._observer = observer
        self._prices: _Kept[Decimal] = _Kept(CacheKind.PRICE, ttls.price_ms, Decimal)
        self._books: _Kept[OrderBook] = _Kept(CacheKind.BOOK, ttls.book_ms, OrderBook)
        self._candles: _Kept[tuple[Candle, ...]] = _Kept(CacheKind.CANDLES, ttls.candles_ms, tuple[Candle, ...])

    async def prices(self, symbols: Sequence[str], fetch: Fetch[Decimal]) -> Mapping[str, Dated[Decimal]]:
        """Prices by symbol; those that are not held are fetched together. Raises what `fetch` raises."""
        return await self._read(self._prices, symbols, fetch, _is_amount)

    async def book(self, symbol: str, limit: int, fetch: Callable[[], Awaitable[OrderBook]]) -> OrderBook:
        """The book of `symbol` to `limit` levels."""

        def is_answer(book: OrderBook) -> bool:
            levels = (*book.bids, *book.asks)
            return book.symbol == symbol and all(_is_amount(level.price) and _is_amount(level.quantity) for level in levels)

        return (await self._one(self._books, f"{symbol}:{limit}", fetch, is_answer)).value

    async def candles(
        self,
        symbol: str,
        interval: str,
        request: KlinesRequest,
        newest_open_ms: int,
        fetch: Callable[[], Awaitable[tuple[Candle, ...]]],
    ) -> tuple[Candle, ...]:
        """The closed candles of `request`, the last of which opened at `newest_open_ms`.

        An answer that ends with another candle is handed on and not kept: the exchange lags, or there is no such candle.
        """

        def is_answer(candles: tuple[Candle, ...]) -> bool:
            opens = [candle.open_time_ms for candle in candles]
            is_whole = bool(opens) and opens[-1] == newest_open_ms and opens[0] >= (request.start_time_ms or 0)
            return is_whole and len(opens) <= request.limit and all(before < after for before, after in pairwise(opens))

        key = f"{symbol}:{interval}:{newest_open_ms}:{request.start_time_ms}:{request.limit}"
        return (await self._one(self._candles, key, fetch, is_answer)).value

    async def _one(self, kept: _Kept[T], key: str, fetch: Callable[[], Awaitable[T]], may_keep: Callable[[T], bool]) -> Dated[T]:
        async def fetch_it(_keys: Sequence[str]) -> Mapping[str, T]:
            return {key: await fetch()}

        return (await self._read(kept, [key], fetch_it, may_keep))[key]

    async def _read(self, kept: _Kept[T], keys: Sequence[str], fetch: Fetch[T], may_keep: Callable[[T], bool]) -> dict[str, Dated[T]]:
        """Entries by key, from the cache, from requests under way, and for the rest from one of our own.

        Only what `may_keep` allows is kept, and believed when it is found: others may have written anything.
        """
        if kept.ttl_ms <= 0:
            return dict(await self._fetch(keys, fetch))
        found = await self._held(kept, keys, may_keep)
        self._observer.observe(CacheRead(kept.kind, len(found), len(keys) - len(found)))
        missing = [key for key in keys if key not in found]
        while missing:
            flights = {key: kept.flights[key] for key in missing if key in kept.flights}
            own = [key for key in missing if key not in flights]
            if own:
                found |= await self._lead(kept, own, fetch, may_keep)
            if flights:
                await asyncio.wait({flight.result for flight in flights.values()})
            # One of those who waited in vain leads the next request.
            missing = [key for key, flight in flights.items() if flight.says_nothing_to(keys)]
            for key in flights.keys() - set(missing):
                result = flights[key].result.result()
                if key in result:
                    found[key] = result[key]
        return found

    async def _lead(self, kept: _Kept[T], keys: Sequence[str], fetch: Fetch[T], may_keep: Callable[[T], bool]) -> Mapping[str, Dated[T]]:
        """One request for `keys`, whose result or error is also that of everybody who asks meanwhile."""
        flight: asyncio.Future[Mapping[str, Dated[T]]] = asyncio.get_running_loop().create_future()
        kept.flights |= dict.fromkeys(keys, _Flight(frozenset(keys), flight))
        try:
            result = await self._ask_once(kept, keys, fetch, may_keep)
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # asked for, so that the loop does not complain when nobody waits for it
            raise
        except BaseException:
            flight.cancel()
            raise
        finally:
            for key in keys:
                del kept.flights[key]
        flight.set_result(result)
        return result

    async def _ask_once(
        self, kept: _Kept[T], keys: Sequence[str], fetch: Fetch[T], may_keep: Callable[[T], bool]
    ) -> Mapping[str, Dated[T]]:
        """Fetch `keys`, unless another process that shares the cache is fetching just these: then wait a moment for what it finds."""
        name = self._key(kept, f"claim:{hashlib.blake2b(' '.join(sorted(keys)).encode(), digest_size=16).hexdigest()}")
        is_ours, found = await self._claim(kept, keys, name, may_keep)
        missing = [key for key in keys if key not in found]
        try:
            if missing:
                fresh = await self._fetch(missing, fetch)
                keep = {key: entry for key, entry in fresh.items() if may_keep(entry.value)}
                await self._cache.put({self._key(kept, key): msgspec.json.encode(entry) for key, entry in keep.items()}, kept.ttl_ms)
                found |= fresh
        finally:
            if is_ours:
                await self._cache.release(name)
        return found

    async def _claim(
        self, kept: _Kept[T], keys: Sequence[str], name: str, may_keep: Callable[[T], bool]
    ) -> tuple[bool, dict[str, Dated[T]]]:
        """Whether it is ours to ask, and what another process has found while we waited for it to be done."""
        if await self._cache.claim(name):
            return True, {}
        loop = asyncio.get_running_loop()
        until_s = loop.time() + WAIT_FOR_OTHERS_S
        while loop.time() < until_s:
            await asyncio.sleep(POLL_S)
            if await self._cache.claim(name):
                return True, await self._held(kept, keys, may_keep)
        return False, {}

    async def _held(self, kept: _Kept[T], keys: Sequence[str], may_keep: Callable[[T], bool]) -> dict[str, Dated[T]]:
        names = {self._key(kept, key): key for key in keys}
        raw, now_ms = await self._cache.get(list(names)), self._now_ms()
        entries = {names[name]: kept.decoded(value, now_ms) for name, value in raw.items()}
        return {key: entry for key, entry in entries.items() if entry is not None and may_keep(entry.value)}

    async def _fetch(self, keys: Sequence[str], fetch: Fetch[T]) -> dict[str, Dated[T]]:
        read_ms = self._now_ms()
        return {key: Dated(read_ms, value) for key, value in (await fetch(keys)).items()}

    def _key(self, kept: _Kept[T], key: str) -> str:
        return f"{self._namespace}:{kept.kind}:{key}"


def _is_amount(value: Decimal) -> bool:
    return value.is_finite() and not value.is_signed() and -MOST_DECIMALS <= value.adjusted() < MOST_WHOLE_DIGITS
