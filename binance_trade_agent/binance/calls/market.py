"""MarketCalls: public market data beyond what the Exchange port asks for. Source: rest-api.md, "Market Data endpoints"."""

from collections.abc import Sequence

from binance_trade_agent.binance import endpoints
from binance_trade_agent.binance.answers.market import (
    AggregateTrade,
    AveragePrice,
    ExactKline,
    Ladder,
    PriceStatistics,
    ReferencePrice,
    ReferencePriceCalculation,
    SymbolExecutionRules,
    Trade,
)
from binance_trade_agent.binance.calls.parameters import Value, given
from binance_trade_agent.binance.endpoints import Endpoint
from binance_trade_agent.binance.error_codes import NO_REFERENCE_PRICE
from binance_trade_agent.binance.rest import RestCaller
from binance_trade_agent.binance.symbol_lists import json_list, portions
from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.market import Candle

MAX_SYMBOLS_OF_A_WINDOW = 100
"""How many symbols one request for trading day or rolling window may name."""


class MarketCalls:
    """`client.market`. All are reads: repeated after passing failures; ExchangeError and its kinds are raised."""

    def __init__(self, rest: RestCaller) -> None:
        self._rest = rest

    async def execution_rules(self, symbols: Sequence[str] = ()) -> tuple[SymbolExecutionRules, ...]:
        """What bounds the prices of executions, by symbol; of all symbols when none is named."""
        found: list[SymbolExecutionRules] = []
        for params in _portions(symbols) if symbols else [{}]:
            found += (await self._rest.read(endpoints.EXECUTION_RULES, params)).symbol_rules
        return tuple(found)

    async def ladder(self, symbol: str, limit: int = 1_000) -> Ladder:
        """Depth of 1 to 5000 levels a side as floats, for indicators; `get_order_book` gives exact amounts."""
        return await self._rest.read(endpoints.LADDER, given(symbol=symbol, limit=limit))

    async def trades(self, symbol: str, *, limit: int = 500) -> tuple[Trade, ...]:
        """The newest 1 to 1000 trades, oldest first."""
        return await self._rest.read(endpoints.TRADES, given(symbol=symbol, limit=limit))

    async def historical_trades(self, symbol: str, *, from_id: int | None = None, limit: int = 500) -> tuple[Trade, ...]:
        """1 to 1000 trades from trade id `from_id` on, or the newest."""
        params = given(symbol=symbol, fromId=from_id, limit=limit)
        return await self._rest.read(endpoints.HISTORICAL_TRADES, params)

    async def block_trades(self, symbol: str, from_id: int, *, limit: int = 500) -> tuple[Trade, ...]:
        """1 to 1000 block trades from block trade id `from_id` on."""
        params = given(symbol=symbol, fromId=from_id, limit=limit)
        return await self._rest.read(endpoints.BLOCK_TRADES, params)

    async def aggregate_trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        limit: int = 500,
    ) -> tuple[AggregateTrade, ...]:
        """1 to 1000 aggregate trades from an id on or within a time, both ends included; else the newest."""
        params = given(symbol=symbol, fromId=from_id, startTime=start_time_ms, endTime=end_time_ms, limit=limit)
        return await self._rest.read(endpoints.AGGREGATE_TRADES, params)

    async def ui_klines(
        self,
        symbol: str,
        interval: str,
        *,
        limit: int = 500,
        start_time_ms: int | None = None,
        end_time_ms: int | None = None,
        time_zone: str | None = None,
    ) -> tuple[Candle, ...]:
        """Candles made for charts, not for reckoning; `time_zone` such as "5:45" moves the days, the times asked for stay UTC."""
        params = given(symbol=symbol, interval=interval, startTime=start_time_ms, endTime=end_time_ms, timeZone=time_zone, limit=limit)
        return await self._rest.read(endpoints.UI_KLINES, params)

    async def exact_klines(
        self, symbol: str, interval: str, *, start_time_ms: int, end_time_ms: int, limit: int = 1_000
    ) -> tuple[ExactKline, ...]:
        """The first 1 to 1000 candles that open within a time, both ends included, as decimals; the last one may still be open."""
        params = given(symbol=symbol, interval=interval, startTime=start_time_ms, endTime=end_time_ms, limit=limit)
        return await self._rest.read(endpoints.EXACT_KLINES, params)

    async def average_price(self, symbol: str) -> AveragePrice:
        """The average that the price filters measure against."""
        return await self._rest.read(endpoints.AVERAGE_PRICE, given(symbol=symbol))

    async def ticker_24h(self, symbols: Sequence[str] = (), *, mini: bool = False) -> tuple[PriceStatistics, ...]:
        """The last 24 hours by symbol; of all symbols (request weight 80) when none is named."""
        if symbols:
            return await self._statistics(endpoints.TICKER_24H, symbols, mini=mini)
        return await self._rest.read(endpoints.TICKER_24H, given(type=_kind(mini)))

    async def ticker_trading_day(
        self, symbols: Sequence[str], *, time_zone: str | None = None, mini: bool = False
    ) -> tuple[PriceStatistics, ...]:
        """The present trading day by symbol; `time_zone` such as "5:45" says when it began."""
        return await self._statistics(endpoints.TICKER_TRADING_DAY, symbols, mini=mini, timeZone=time_zone)

    async def ticker_rolling(self, symbols: Sequence[str], *, window: str = "1d", mini: bool = False) -> tuple[PriceStatistics, ...]:
        """The last `window` by symbol: 1m to 59m, 1h to 23h, 1d to 7d; it begins on a full minute."""
        return await self._statistics(endpoints.TICKER_ROLLING, symbols, mini=mini, windowSize=window)

    async def reference_price(self, symbol: str) -> ReferencePrice | None:
        """The reference price; None when the symbol never had one (-2043)."""
        try:
            return await self._rest.read(endpoints.REFERENCE_PRICE, given(symbol=symbol))
        except ExchangeRefusedError as error:
            if error.code == NO_REFERENCE_PRICE:
                return None
            raise

    async def reference_price_calculation(self, symbol: str) -> ReferencePriceCalculation | None:
        """How the reference price comes about; None when none is reckoned (-2043)."""
        try:
            return await self._rest.read(endpoints.REFERENCE_PRICE_CALCULATION, given(symbol=symbol))
        except ExchangeRefusedError as error:
            if error.code == NO_REFERENCE_PRICE:
                return None
            raise

    async def _statistics(
        self, endpoint: Endpoint[tuple[PriceStatistics, ...]], symbols: Sequence[str], *, mini: bool, **more: Value
    ) -> tuple[PriceStatistics, ...]:
        found: list[PriceStatistics] = []
        for portion in _portions(symbols):
            found += await self._rest.read(endpoint, portion | given(type=_kind(mini), **more))
        return tuple(found)


def _kind(mini: bool) -> str:
    return "MINI" if mini else "FULL"


def _portions(symbols: Sequence[str]) -> list[dict[str, str]]:
    return [{"symbols": json_list(portion)} for portion in portions(symbols, MAX_SYMBOLS_OF_A_WINDOW)]
