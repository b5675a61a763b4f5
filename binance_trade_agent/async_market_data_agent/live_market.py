"""LiveMarket: what market streams tell of the symbols that are followed: their last prices, and their candles as they close.

Source: web-socket-streams.md, "Kline/Candlestick Streams for UTC" and "Individual Symbol Mini Ticker Stream". Nothing in here is trusted
longer than its stream is live; who finds it wanting asks by REST.
"""

import asyncio
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from binance_trade_agent.async_market_data_agent.held_intervals import FramesOf, HeldIntervals
from binance_trade_agent.async_market_data_agent.market_cache import Dated
from binance_trade_agent.async_market_data_agent.price_reader import DatedPrice
from binance_trade_agent.binance.streams.events import CandleEvent, MarketEvent, MiniTickerEvent
from binance_trade_agent.binance.streams.market_stream import MarketStream
from binance_trade_agent.domain.market_sources import FallbackReason
from binance_trade_agent.domain.need import Frame, interval_name


@dataclass(slots=True)
class _Price:
    """The newest price of a symbol, and the name of its stream."""

    stream: str
    price: DatedPrice | None = None


@dataclass(slots=True)
class _Candles:
    """Candles of one symbol and interval: the name of their stream, and the open time of the candle that it has begun to tell."""

    frame: Frame
    stream: str
    begun_open_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Waiter:
    """Somebody who waits until candles of all these frames have closed."""

    frames: set[Frame]
    all_closed: asyncio.Future[None]


class LiveMarket:
    """The listener of a MarketStream. Candles go to `candles`; prices are held here, each with the exchange's time of its event.

    With a symbol come the candles that `others_of` says are read for it.
    """

    def __init__(self, candles: HeldIntervals, others_of: FramesOf, max_price_age_ms: int) -> None:
        self._held = candles
        self._others_of = others_of
        self._max_price_age_ms = max_price_age_ms
        self._stream: MarketStream | None = None
        self._prices: dict[str, _Price] = {}
        self._candles: dict[Frame, _Candles] = {}
        self._by_stream: dict[str, _Price | _Candles] = {}
        self._waiters: list[_Waiter] = []

    async def follow(self, stream: MarketStream, symbols: Collection[str]) -> None:
        """Take `symbols`, and no others, from `stream`; of those that are left nothing stays behind.

        Returns when the exchange has confirmed it, or when the connection is being tried again.
        """
        self._stream = stream
        frames = dict.fromkeys(frame for symbol in symbols for frame in (self._held.own_frame(symbol), *self._others_of(symbol)))
        gone = [self._leave_price(symbol) for symbol in tuple(self._prices) if symbol not in symbols]
        gone += [self._leave_candles(frame) for frame in tuple(self._candles) if frame not in frames]
        for symbol in symbols:
            if symbol not in self._prices:
                self._begin_price(symbol)
        for frame in frames:
            if frame not in self._candles:
                self._begin_candles(frame)
        if gone:
            await stream.unsubscribe(gone)
        await stream.subscribe(list(self._by_stream))

    def _begin_price(self, symbol: str) -> None:
        followed = self._prices[symbol] = _Price(f"{symbol.lower()}@miniTicker")
        self._by_stream[followed.stream] = followed

    def _begin_candles(self, frame: Frame) -> None:
        followed = self._candles[frame] = _Candles(frame, f"{frame.symbol.lower()}@kline_{interval_name(frame.interval_ms)}")
        self._by_stream[followed.stream] = followed

    def _leave_price(self, symbol: str) -> str:
        name = self._prices.pop(symbol).stream
        del self._by_stream[name]
        return name

    def _leave_candles(self, frame: Frame) -> str:
        name = self._candles.pop(frame).stream
        del self._by_stream[name]
        self._held.forget(frame)
        return name

    # -- told by the stream ---------------------------------------------------------------------------------------------------

    def on_event(self, stream: str, event: MarketEvent) -> None:
        """An event of a stream; those of streams that are not followed any more are passed over."""
        followed = self._by_stream.get(stream)
        if isinstance(followed, _Price) and isinstance(event, MiniTickerEvent):
            # While a connection is renewed two of them carry the same stream, and the older event may come last.
            if event.close_price > 0 and (followed.price is None or event.event_time_ms >= followed.price.read_ms):
                followed.price = Dated(event.event_time_ms, event.close_price)
        elif isinstance(followed, _Candles) and isinstance(event, CandleEvent):
            if not event.is_closed:
                followed.begun_open_ms = event.candle.open_time_ms
            elif self._held.take(followed.frame, event.candle):
                self._tell_waiters(followed.frame)

    def on_gap(self, streams: Collection[str]) -> None:
        """Events may have been missed: a price may be old by now, and a candle may have closed unseen. What closed before stays right."""
        for name in streams:
            followed = self._by_stream.get(name)
            if isinstance(followed, _Price):
                followed.price = None
            elif followed is not None:
                followed.begun_open_ms = None

    # -- asked by the agent ---------------------------------------------------------------------------------------------------

    @property
    def followed(self) -> int:
        """How many symbols are taken from streams."""
        return len(self._prices)

    @property
    def live(self) -> int:
        """How many of them have the streams of their price and of the candles in their snapshot live."""
        stream = self._stream
        if stream is None:
            return 0
        own = ((price.stream, self._candles[self._held.own_frame(symbol)].stream) for symbol, price in self._prices.items())
        return sum(all(map(stream.is_live, names)) for names in own)

    def price(self, symbol: str, server_ms: int) -> DatedPrice | FallbackReason | None:
        """The last price and the exchange's time of it, or why there is none to go by; None for a symbol that is not followed."""
        followed = self._prices.get(symbol)
        if followed is None or self._stream is None:
            return None
        if not self._stream.is_live(followed.stream):
            return FallbackReason.NOT_LIVE
        price = followed.price
        if price is not None and price.read_ms - server_ms > self._max_price_age_ms:
            # A clock was set back, ours or the exchange's: this price would seem young for as long, and newer ones would seem older.
            price = followed.price = None
        return FallbackReason.TOO_OLD if price is None or server_ms - price.read_ms > self._max_price_age_ms else price

    def lack_of_candles(self, frame: Frame) -> FallbackReason | None:
        """Why a candle of `frame` can be missing; None for one that is not followed."""
        followed = self._candles.get(frame)
        if followed is None or self._stream is None:
            return None
        return FallbackReason.MISSING if self._stream.is_live(followed.stream) else FallbackReason.NOT_LIVE

    async def wait_for_closes(self, frames: Iterable[Frame], server_ms: int, within_s: float) -> None:
        """Wait, at most `within_s`, for the candles of `frames` that are just closing.

        Those are candles that the stream has told of without an interruption since: it will tell their end. A symbol without trades may
        have no events, and waiting for it would be in vain.
        """
        closing = {frame for frame in frames if self._is_closing(frame, server_ms)}
        if not closing:
            return
        waiter = _Waiter(closing, asyncio.get_running_loop().create_future())
        self._waiters.append(waiter)
        try:
            await asyncio.wait([waiter.all_closed], timeout=within_s)
        finally:
            self._waiters.remove(waiter)

    def _is_closing(self, frame: Frame, server_ms: int) -> bool:
        followed = self._candles.get(frame)
        if followed is None or followed.begun_open_ms is None or self._stream is None:
            return False
        missing_open_ms = self._held.only_missing(frame, server_ms)
        return missing_open_ms == followed.begun_open_ms and self._stream.is_live(followed.stream)

    def _tell_waiters(self, frame: Frame) -> None:
        for waiter in self._waiters:
            waiter.frames.discard(frame)
            if not waiter.frames and not waiter.all_closed.done():
                waiter.all_closed.set_result(None)
