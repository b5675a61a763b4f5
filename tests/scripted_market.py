"""A made-up source of market data that counts what it is asked, and the market data agent over it."""

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from recorder import Recorder

from binance_trade_agent.async_market_data_agent import AsyncMarketDataAgent, CacheTtls
from binance_trade_agent.domain.candle_intervals import INTERVALS_MS
from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.market import BookTicker, Candle, OrderBook
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.simulation.clocks import VirtualClock

MINUTE = 60_000
START_MS = 1_750_000_020_000  # a full minute
assert START_MS % MINUTE == 0


def candle(open_ms: int, close: float = 1.0, interval_ms: int = MINUTE) -> Candle:
    return Candle(open_ms, close, close, close, close, 1.0, open_ms + interval_ms - 1)


def rules(symbol: str) -> SymbolRules:
    one, zero = Decimal(1), Decimal(0)
    return SymbolRules(symbol, symbol[:-4], symbol[-4:], SymbolStatus.TRADING, one, zero, zero, one, one, zero)


class Market:
    """An exchange whose every candle closes at its minute number; its clock is `skew_ms` ahead of the local one.

    `listed` are its symbols, `holes` the open times for which it has no candle, `broken` the errors that symbols answer with.
    """

    def __init__(self, *listed: str, skew_ms: int = 0, latency_s: float = 0.01) -> None:
        self.listed = list(listed) or ["BTCUSDT", "ETHUSDT", "BNBUSDT"]
        self.skew_ms = skew_ms
        self.latency_s = latency_s
        self.holes: set[int] = set()
        self.broken: dict[str, Exception] = {}
        self.prices: dict[str, Decimal] = {}
        self.info_error: Exception | None = None
        self.calls: list[str] = []
        self.klines: list[tuple[str, int | None, int]] = []
        self.intervals: list[str] = []
        self.in_flight = 0
        self.most_in_flight = 0

    def now_ms(self) -> int:
        return VirtualClock(START_MS).now_ms() + self.skew_ms

    async def _answer(self, name: str, symbols: Sequence[str] = ()) -> None:
        self.calls.append(name)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency_s)
        finally:
            self.in_flight -= 1
        if any(symbol not in self.listed for symbol in symbols):
            raise ExchangeRefusedError(-1121, "Invalid symbol.", 400)
        for symbol in symbols:
            if symbol in self.broken:
                raise self.broken[symbol]

    def count(self, name: str) -> int:
        return self.calls.count(name)

    async def get_exchange_info(self, symbols: Sequence[str] = ()) -> Mapping[str, SymbolRules]:
        if self.info_error is not None:
            self.calls.append("info")
            raise self.info_error
        await self._answer("info", [symbol for symbol in symbols if symbol not in self.broken])
        return {symbol: rules(symbol) for symbol in symbols or self.listed}

    async def get_latest_price(self, symbol: str) -> Decimal:
        await self._answer("price", [symbol])
        return self.prices.get(symbol, Decimal(100))

    async def get_latest_prices(self, symbols: Sequence[str]) -> Mapping[str, Decimal]:
        await self._answer("prices", symbols)
        return {symbol: self.prices.get(symbol, Decimal(100)) for symbol in symbols}

    async def get_book_tickers(self, symbols: Sequence[str]) -> Mapping[str, BookTicker]:
        raise NotImplementedError

    async def get_order_book(self, symbol: str, limit: int = 100) -> OrderBook:
        await self._answer("book", [symbol])
        return OrderBook(symbol, limit, (), ())

    async def get_klines(
        self, symbol: str, interval: str, *, limit: int = 500, start_time_ms: int | None = None, end_time_ms: int | None = None
    ) -> tuple[Candle, ...]:
        assert 1 <= limit <= 1000
        step_ms = INTERVALS_MS[interval]
        self.klines.append((symbol, start_time_ms, limit))
        self.intervals.append(interval)
        await self._answer("klines", [symbol])
        newest = self.now_ms() // step_ms * step_ms
        if start_time_ms is None:
            opens = [open_ms for open_ms in range(newest - 3 * limit * step_ms, newest + 1, step_ms) if open_ms not in self.holes][-limit:]
        else:
            opens = [open_ms for open_ms in range(start_time_ms, newest + 1, step_ms) if open_ms not in self.holes][:limit]
        return tuple(candle(open_ms, float(open_ms // MINUTE), step_ms) for open_ms in opens)

    async def get_server_time(self) -> int:
        await self._answer("time")
        return self.now_ms()


def opened(market: Market, observer: Recorder | None = None, **options: Any) -> AsyncMarketDataAgent:
    given: dict[str, Any] = {"window": 5, "cache_ttls": CacheTtls(0, 0, 0)} | options
    return AsyncMarketDataAgent(market, clock=VirtualClock(START_MS), observer=observer, **given)
