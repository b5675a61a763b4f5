"""RulesReader: the trading rules of symbols, kept for a while, and with them the knowledge which symbols there are."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from binance_trade_agent.async_market_data_agent.batches import remember
from binance_trade_agent.binance.error_codes import BAD_SYMBOL, ILLEGAL_CHARS
from binance_trade_agent.binance.symbols import checked_symbols
from binance_trade_agent.domain.errors import ExchangeRefusedError
from binance_trade_agent.domain.symbol_rules import SymbolRules, SymbolStatus
from binance_trade_agent.ports.exchange import MarketDataSource

BAD_SYMBOL_CODES = frozenset({BAD_SYMBOL, ILLEGAL_CHARS})
"""Codes by which the exchange says that one of the symbols asked for does not exist."""


STOPPED_TTL_MS = 60_000
"""A symbol that is not traded may be again at any time; what is held of it can neither be sold nor protected until that is known."""


class RulesReader:
    """Rules at most `ttl_ms` old by `now_ms`, those of a symbol that is stopped at most STOPPED_TTL_MS.

    `slots` bounds the requests in flight.
    """

    def __init__(self, source: MarketDataSource, slots: asyncio.Semaphore, now_ms: Callable[[], int], ttl_ms: int) -> None:
        self._source = source
        self._slots = slots
        self._now_ms = now_ms
        self._ttl_ms = ttl_ms
        self._rules: dict[str, SymbolRules | None] = {}
        self._read_ms: dict[str, int] = {}
        self._fetched_ms = 0
        self._lock = asyncio.Lock()

    async def read(self, symbols: Sequence[str]) -> Mapping[str, SymbolRules]:
        """Trading rules by symbol; symbols that the exchange does not list are missing."""
        async with self._lock:
            if not self._are_fresh():
                self._rules.clear()
                self._fetched_ms = self._now_ms()
            unread = [symbol for symbol in checked_symbols(symbols)[0] if symbol not in self._rules or self._is_stale(symbol)]
            found = self._rules | (await self._fetch(unread) if unread else {})
            remember(self._rules, {symbol: found[symbol] for symbol in unread})
            remember(self._read_ms, dict.fromkeys(unread, self._now_ms()))
        return {symbol: rules for symbol in symbols if (rules := found.get(symbol)) is not None}

    def is_unlisted(self, symbol: str) -> bool:
        """True when the rules we hold say that there is no such symbol, so that asking for it would be in vain."""
        return symbol in self._rules and self._rules[symbol] is None and self._are_fresh()

    def _is_stale(self, symbol: str) -> bool:
        """Whether a symbol was stopped when it was read, and that is a while ago."""
        rules = self._rules[symbol]
        if rules is None or rules.status is SymbolStatus.TRADING:
            return False
        return self._now_ms() - self._read_ms.get(symbol, 0) >= STOPPED_TTL_MS

    async def _fetch(self, symbols: Sequence[str]) -> dict[str, SymbolRules | None]:
        """Rules by symbol, None for a symbol that the exchange does not list."""
        try:
            async with self._slots:
                listed = await self._source.get_exchange_info(symbols)
        except ExchangeRefusedError as error:
            if error.code not in BAD_SYMBOL_CODES:
                raise
            # One unknown symbol fails the request, so the list of all tells which ones exist.
            async with self._slots:
                listed = await self._source.get_exchange_info()
        return {symbol: listed.get(symbol) for symbol in symbols}

    def _are_fresh(self) -> bool:
        return self._now_ms() - self._fetched_ms < self._ttl_ms
