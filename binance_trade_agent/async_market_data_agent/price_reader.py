"""PriceReader: last trade prices by REST, all in one request where that works, each with the time it was read."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal

from binance_trade_agent.async_market_data_agent.batches import each, no_such_symbol
from binance_trade_agent.async_market_data_agent.market_cache import Dated, MarketCache
from binance_trade_agent.async_market_data_agent.rules_reader import BAD_SYMBOL_CODES, RulesReader
from binance_trade_agent.binance.symbols import checked_symbols
from binance_trade_agent.domain.errors import AgentError, BadAnswerError, ExchangeError, ExchangeRefusedError, MarketDataError
from binance_trade_agent.domain.money import ZERO
from binance_trade_agent.ports.exchange import MarketDataSource
from binance_trade_agent.ports.market_feed import Batch

DatedPrice = Dated[Decimal]


class PriceReader:
    """Prices by way of `cache`; `slots` bounds the requests in flight, `rules` knows which symbols there are."""

    def __init__(self, source: MarketDataSource, slots: asyncio.Semaphore, rules: RulesReader, cache: MarketCache) -> None:
        self._source = source
        self._slots = slots
        self._rules = rules
        self._cache = cache

    async def one(self, symbol: str) -> DatedPrice:
        """Last trade price of `symbol`. Raises MarketDataError when it never traded, or ExchangeError."""

        async def fetch(_symbols: Sequence[str]) -> Mapping[str, Decimal]:
            async with self._slots:
                return {symbol: await self._source.get_latest_price(symbol)}

        price = (await self._cache.prices([symbol], fetch))[symbol]
        if price.value <= 0:
            raise _never_traded(symbol)
        return price

    async def batch(self, symbols: Sequence[str]) -> Batch[DatedPrice]:
        """Last trade prices by symbol; symbols that have none are in `.errors`, each with its reason."""
        possible, errors = checked_symbols(symbols)
        batch: Batch[DatedPrice] = Batch(errors=errors)
        batch.errors.update({symbol: no_such_symbol(symbol) for symbol in possible if self._rules.is_unlisted(symbol)})
        await self._fill([symbol for symbol in possible if symbol not in batch.errors], batch)
        return batch

    async def _fill(self, symbols: Sequence[str], batch: Batch[DatedPrice]) -> None:
        """Prices of `symbols` into `batch`: in one request, without the unlisted ones when that is refused, one by one at last."""
        if not symbols or await self._take_together(symbols, batch):
            return
        listed = await self._without_unlisted(symbols, batch)
        if listed and len(listed) < len(symbols) and await self._take_together(listed, batch):
            return
        singles = await each(listed, self.one)
        batch.update(singles)
        batch.errors.update(singles.errors)

    async def _take_together(self, symbols: Sequence[str], batch: Batch[DatedPrice]) -> bool:
        """One request for all; False when a symbol in it made it fail, so that the others deserve another try."""
        try:
            prices = await self._cache.prices(symbols, self._fetch)
        except AgentError as error:
            if isinstance(error, BadAnswerError) or (isinstance(error, ExchangeRefusedError) and error.code in BAD_SYMBOL_CODES):
                return False
            batch.errors.update(dict.fromkeys(symbols, error))
            return True
        good = {symbol: price for symbol in symbols if (price := prices.get(symbol)) is not None and price.value > ZERO}
        batch.update(good)
        batch.errors.update({symbol: _never_traded(symbol) for symbol in symbols if symbol not in good})
        return True

    async def _fetch(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        async with self._slots:
            return await self._source.get_latest_prices(symbols)

    async def _without_unlisted(self, symbols: Sequence[str], batch: Batch[DatedPrice]) -> list[str]:
        """The symbols that the exchange lists; the others get their error. All of them when the list cannot be had."""
        try:
            listed = await self._rules.read(symbols)
        except ExchangeError:
            return list(symbols)
        batch.errors.update({symbol: no_such_symbol(symbol) for symbol in symbols if symbol not in listed})
        return [symbol for symbol in symbols if symbol in listed]


def _never_traded(symbol: str) -> MarketDataError:
    return MarketDataError(f"{symbol} has no price: it never traded")
