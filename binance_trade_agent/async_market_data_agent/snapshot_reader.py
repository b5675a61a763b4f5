"""SnapshotReader: price and candles of many symbols for one pass, from the streams where these can be trusted, else by REST.

With live streams a pass asks nothing. A stream that is down, a price that is too old, or a candle that did not come costs a request for
that symbol in that pass, and never a decision on something stale.
"""

from collections import Counter
from collections.abc import Sequence

from binance_trade_agent.async_market_data_agent.batches import both, each, no_such_symbol
from binance_trade_agent.async_market_data_agent.candle_store import CandleStore
from binance_trade_agent.async_market_data_agent.exchange_time import ExchangeTime
from binance_trade_agent.async_market_data_agent.live_market import LiveMarket
from binance_trade_agent.async_market_data_agent.price_reader import DatedPrice, PriceReader
from binance_trade_agent.async_market_data_agent.rules_reader import RulesReader
from binance_trade_agent.binance.symbols import checked_symbols
from binance_trade_agent.domain.errors import ExchangeError
from binance_trade_agent.domain.facts import MarketDataFellBack, MarketDataMeasured
from binance_trade_agent.domain.market import CandleWindow, MarketSnapshot
from binance_trade_agent.domain.market_sources import FallbackReason, StreamedKind
from binance_trade_agent.ports.market_feed import Batch
from binance_trade_agent.ports.observer import Observer


class SnapshotReader:
    """Reads for a pass; `close_wait_s` is how long it waits, in the loop's time, for candles that are just closing."""

    def __init__(
        self,
        time: ExchangeTime,
        rules: RulesReader,
        prices: PriceReader,
        candles: CandleStore,
        live: LiveMarket,
        observer: Observer,
        *,
        close_wait_s: float,
    ) -> None:
        self._time = time
        self._rules = rules
        self._prices = prices
        self._candles = candles
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
        await self._live.wait_for_closes(possible, self._time.now_ms(), self._close_wait_s)
        prices, windows = self._live_prices(possible), self._held_windows(possible)
        streamed = list(prices)
        if len(prices) < len(possible) or len(windows) < len(possible):
            await both(self._with_rest_prices(possible, prices), self._with_rest_windows(possible, windows))
            await self._renew(streamed, prices)
        batch: Batch[MarketSnapshot] = Batch(errors={**errors, **windows.errors, **prices.errors})
        time_ms = self._time.now_ms()
        for symbol in possible:
            if symbol in prices and symbol in windows:
                price = prices[symbol]
                batch[symbol] = MarketSnapshot(symbol, time_ms, price.value, windows[symbol], max(0, time_ms - price.read_ms))
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
        self._tell(StreamedKind.PRICE, lacks)
        return found

    def _held_windows(self, symbols: Sequence[str]) -> Batch[CandleWindow]:
        """Windows from which nothing is missing."""
        found: Batch[CandleWindow] = Batch()
        server_ms, lacks = self._time.now_ms(), Counter[FallbackReason]()
        for symbol in symbols:
            window = self._candles.current(symbol, server_ms)
            if window is not None:
                found[symbol] = window
            elif self._candles.knows(symbol) and (reason := self._live.lack_of_candles(symbol)) is not None:
                lacks[reason] += 1
        self._tell(StreamedKind.CANDLES, lacks)
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

    async def _with_rest_windows(self, symbols: Sequence[str], windows: Batch[CandleWindow]) -> Batch[CandleWindow]:
        missing = [symbol for symbol in symbols if symbol not in windows]
        if missing:
            asked = await each(missing, self._window)
            windows.update(asked)
            windows.errors.update(asked.errors)
        return windows

    async def _window(self, symbol: str) -> CandleWindow:
        """The window of one symbol, by REST as far as it lacks candles."""
        if self._rules.is_unlisted(symbol):
            raise no_such_symbol(symbol)
        return await self._candles.update(symbol)

    def _tell(self, kind: StreamedKind, lacks: Counter[FallbackReason]) -> None:
        for reason, symbols in lacks.items():
            self._observer.observe(MarketDataFellBack(kind, reason, symbols))
