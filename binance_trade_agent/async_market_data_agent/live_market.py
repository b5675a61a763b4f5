"""LiveMarket: what market streams tell of the symbols that are followed: their last prices, and their candles as they close.

Source: web-socket-streams.md, "Kline/Candlestick Streams for UTC" and "Individual Symbol Mini Ticker Stream". Nothing in here is trusted
longer than its stream is live; who finds it wanting asks by REST.
"""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from binance_trade_agent.async_market_data_agent.candle_store import CandleStore
from binance_trade_agent.async_market_data_agent.market_cache import Dated
from binance_trade_agent.async_market_data_agent.price_reader import DatedPrice
from binance_trade_agent.binance.streams.events import CandleEvent, MarketEvent, MiniTickerEvent
from binance_trade_agent.binance.streams.market_stream import MarketStream
from binance_trade_agent.domain.market_sources import FallbackReason


@dataclass(slots=True)
class _Followed:
    """One symbol: the names of its streams, its newest price, and the open time of the candle that the stream has begun to tell."""

    symbol: str
    candle_stream: str
    price_stream: str
    price: DatedPrice | None = None
    begun_open_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Waiter:
    """Somebody who waits until candles of all these symbols have closed."""

    symbols: set[str]
    all_closed: asyncio.Future[None]


class LiveMarket:
    """The listener of a MarketStream. Candles go to `candles`; prices are held here, each with the exchange's time of its event."""

    def __init__(self, candles: CandleStore, interval: str, max_price_age_ms: int) -> None:
        self._candles = candles
        self._interval = interval
        self._max_price_age_ms = max_price_age_ms
        self._stream: MarketStream | None = None
        self._followed: dict[str, _Followed] = {}
        self._by_stream: dict[str, _Followed] = {}
        self._waiters: list[_Waiter] = []

    async def follow(self, stream: MarketStream, symbols: Collection[str]) -> None:
        """Take `symbols`, and no others, from `stream`; of those that are left nothing stays behind.

        Returns when the exchange has confirmed it, or when the connection is being tried again.
        """
        self._stream = stream
        left = [symbol for symbol in self._followed if symbol not in symbols]
        gone = [name for symbol in left for name in self._leave(symbol)]
        for symbol in symbols:
            if symbol not in self._followed:
                self._begin(symbol)
        if gone:
            await stream.unsubscribe(gone)
        await stream.subscribe(list(self._by_stream))

    def _begin(self, symbol: str) -> None:
        name = symbol.lower()
        followed = _Followed(symbol, f"{name}@kline_{self._interval}", f"{name}@miniTicker")
        self._followed[symbol] = followed
        self._by_stream |= {followed.candle_stream: followed, followed.price_stream: followed}

    def _leave(self, symbol: str) -> tuple[str, str]:
        followed = self._followed.pop(symbol)
        names = (followed.candle_stream, followed.price_stream)
        for name in names:
            del self._by_stream[name]
        self._candles.forget(symbol)
        return names

    # -- told by the stream ---------------------------------------------------------------------------------------------------

    def on_event(self, stream: str, event: MarketEvent) -> None:
        """An event of a stream; those of streams that are not followed any more are passed over."""
        followed = self._by_stream.get(stream)
        if followed is None:
            return
        if isinstance(event, MiniTickerEvent):
            # While a connection is renewed two of them carry the same stream, and the older event may come last.
            if event.close_price > 0 and (followed.price is None or event.event_time_ms >= followed.price.read_ms):
                followed.price = Dated(event.event_time_ms, event.close_price)
        elif isinstance(event, CandleEvent):
            if not event.is_closed:
                followed.begun_open_ms = event.candle.open_time_ms
            elif self._candles.take(followed.symbol, event.candle):
                self._tell_waiters(followed.symbol)

    def on_gap(self, streams: Collection[str]) -> None:
        """Events may have been missed: a price may be old by now, and a candle may have closed unseen. What closed before stays right."""
        for name in streams:
            followed = self._by_stream.get(name)
            if followed is None:
                continue
            if name == followed.price_stream:
                followed.price = None
            else:
                followed.begun_open_ms = None

    # -- asked by the agent ---------------------------------------------------------------------------------------------------

    @property
    def followed(self) -> int:
        """How many symbols are taken from streams."""
        return len(self._followed)

    @property
    def live(self) -> int:
        """How many of them have both streams live."""
        stream = self._stream
        if stream is None:
            return 0
        return sum(stream.is_live(each.candle_stream) and stream.is_live(each.price_stream) for each in self._followed.values())

    def price(self, symbol: str, server_ms: int) -> DatedPrice | FallbackReason | None:
        """The last price and the exchange's time of it, or why there is none to go by; None for a symbol that is not followed."""
        followed = self._followed.get(symbol)
        if followed is None or self._stream is None:
            return None
        if not self._stream.is_live(followed.price_stream):
            return FallbackReason.NOT_LIVE
        price = followed.price
        if price is not None and price.read_ms - server_ms > self._max_price_age_ms:
            # A clock was set back, ours or the exchange's: this price would seem young for as long, and newer ones would seem older.
            price = followed.price = None
        return FallbackReason.TOO_OLD if price is None or server_ms - price.read_ms > self._max_price_age_ms else price

    def lack_of_candles(self, symbol: str) -> FallbackReason | None:
        """Why a candle of `symbol` can be missing; None for a symbol that is not followed."""
        followed = self._followed.get(symbol)
        if followed is None or self._stream is None:
            return None
        return FallbackReason.MISSING if self._stream.is_live(followed.candle_stream) else FallbackReason.NOT_LIVE

    async def wait_for_closes(self, symbols: Iterable[str], server_ms: int, within_s: float) -> None:
        """Wait, at most `within_s`, for the candles of `symbols` that are just closing.

        Those are candles that the stream has told of without an interruption since: it will tell their end. A symbol without trades may
        have no events, and waiting for it would be in vain.
        """
        closing = {symbol for symbol in symbols if self._is_closing(symbol, server_ms)}
        if not closing:
            return
        waiter = _Waiter(closing, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await asyncio.wait([waiter.all_closed], timeout=within_s)
        finally:
            self._waiters.remove(waiter)

    def _is_closing(self, symbol: str, server_ms: int) -> bool:
        followed = self._followed.get(symbol)
        if followed is None or followed.begun_open_ms is None or self._stream is None:
            return False
        missing_open_ms = self._candles.only_missing(symbol, server_ms)
        return missing_open_ms == followed.begun_open_ms and self._stream.is_live(followed.candle_stream)

    def _tell_waiters(self, symbol: str) -> None:
        for waiter in self._waiters:
            waiter.symbols.discard(symbol)
            if not waiter.symbols and not waiter.all_closed.done():
                waiter.all_closed.set_result(None)
