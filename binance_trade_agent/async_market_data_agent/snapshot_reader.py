"""SnapshotReader: price and candles of many symbols for one pass, from the streams where these can be trusted, else by REST.

With live streams a pass asks nothing. A stream that is down, a price that is too old, or a candle that did not come costs a request for
that symbol in that pass, and never a decision on something stale.
"""

from collections import Counter
from collections.abc import Sequence

from binance_trade_agent.async_market_data_agent.batches import both
from binance_trade_agent.async_market_data_agent.exchange_time import ExchangeTime
from binance_trade_agent.async_market_data_agent.held_intervals import FramesOf, HeldIntervals
from binance_trade_agent.async_market_data_agent.live_market import LiveMarket
from binance_trade_agent.async_market_data_agent.price_reader import DatedPrice, PriceReader
from binance_trade_agent.async_market_data_agent.window_reader import WindowReader, Windows, joined
from binance_trade_agent.binance.symbols import checked_symbols
from binance_trade_agent.domain.errors import AgentError, ExchangeError
from binance_trade_agent.domain.facts import MarketDataFellBack, MarketDataMeasured
from binance_trade_agent.domain.market import MarketSnapshot
from binance_trade_agent.domain.market_sources import FallbackReason, StreamedKind
from binance_trade_agent.domain.need import Frame
from binance_trade_agent.ports.market_feed import Batch
from binance_trade_agent.ports.observer import Observer


class SnapshotReader:
    """Reads for a pass; `close_wait_s` is how long it waits, in the loop's time, for candles that are just closing.

    `others_of` tells what comes with a symbol's candles.
    """

    def __init__(
        self,
        time: ExchangeTime,
        prices: PriceReader,
        windows: WindowReader,
        candles: HeldIntervals,
        others_of: FramesOf,
        live: LiveMarket,
        observer: Observer,
        *,
        close_wait_s: float,
    ) -> None:
        self._time = time
        self._prices = prices
        self._windows = windows
        self._candles = candles
        self._others_of = others_of
        self._live = live
        self._observer = observer
        self._close_wait_s = close_wait_s

    async def snapshots(self, symbols: Sequence[str]) -> Batch[MarketSnapshot]:
        """A snapshot of each symbol; one bad symbol never spoils the others."""
        possible, errors = checked_symbols(symbols)
        try:
            await self._time.ensure_known()
        except ExchangeError as error:
            return Batch(errors={**dict.fromkeys(possible, error), **errors})
        own = {symbol: self._candles.own_frame(symbol) for symbol in possible}
        frames = tuple(dict.fromkeys(frame for symbol in possible for frame in (own[symbol], *self._others_of(symbol))))
        await self._live.wait_for_closes(frames, self._time.now_ms(), self._close_wait_s)
        prices, windows = self._live_prices(possible), self._windows.held(frames)
        streamed = list(prices)
        if len(prices) < len(possible) or len(windows) < len(frames):
            await both(self._with_rest_prices(possible, prices), self._with_rest_windows(frames, windows))
            await self._renew(streamed, prices)
        batch: Batch[MarketSnapshot] = Batch(errors={**errors, **prices.errors})
        time_ms = self._time.now_ms()
        for symbol in possible:
            window, price = windows[own[symbol]], prices.get(symbol)
            if isinstance(window, AgentError):
                batch.errors.setdefault(symbol, window)
            elif price is not None:
                candles = joined(window, self._others_of(symbol), windows)
                batch[symbol] = MarketSnapshot(symbol, time_ms, price.value, candles, max(0, time_ms - price.read_ms))
        self._observer.observe(MarketDataMeasured(self._live.followed, self._live.live, self._candles.candles_held))
        return batch

    async def price(self, symbol: str) -> DatedPrice:
        """The last price of one symbol. Raises MarketDataError (never traded) or ExchangeError."""
        live = self._live_prices([symbol])
        return live[symbol] if symbol in live else await self._prices.one(symbol)

    async def prices(self, symbols: Sequence[str]) -> Batch[DatedPrice]:
        """The last price of each symbol."""
        possible, errors = checked_symbols(symbols)
        prices = self._live_prices(possible)
        prices.errors.update(errors)
        return await self._with_rest_prices(possible, prices)

    def _live_prices(self, symbols: Sequence[str]) -> Batch[DatedPrice]:
        """Prices that the streams have told lately; what they lack is reported."""
        found: Batch[DatedPrice] = Batch()
        server_ms, lacks = self._time.now_ms(), Counter[FallbackReason]()
        for symbol in symbols:
            price = self._live.price(symbol, server_ms)
            if isinstance(price, FallbackReason):
                lacks[price] += 1
            elif price is not None:
                found[symbol] = price
        for reason, count in lacks.items():
            self._observer.observe(MarketDataFellBack(StreamedKind.PRICE, reason, count))
        return found

    async def _renew(self, streamed: Sequence[str], prices: Batch[DatedPrice]) -> None:
        """Time has passed while REST was asked for some symbols, and what the streams had told of the others has grown older."""
        newer = self._live_prices(streamed)
        for symbol in streamed:
            del prices[symbol]
        prices.update(newer)
        await self._with_rest_prices(streamed, prices)

    async def _with_rest_prices(self, symbols: Sequence[str], prices: Batch[DatedPrice]) -> Batch[DatedPrice]:
        missing = [symbol for symbol in symbols if symbol not in prices]
        if missing:
            asked = await self._prices.batch(missing)
            prices.update(asked)
            prices.errors.update(asked.errors)
        return prices

    async def _with_rest_windows(self, frames: Sequence[Frame], windows: Windows) -> Windows:
        missing = [frame for frame in frames if frame not in windows]
        if missing:
            windows.update(await self._windows.ask_for(missing))
        return windows
