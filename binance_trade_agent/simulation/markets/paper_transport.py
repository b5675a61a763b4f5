"""PaperTransport: trades on the mirror with real market data (paper mode).

Market data comes from the real exchange, without keys; accounts and orders live on the embedded exchange, whose market is the mirror.
No order can reach the real exchange: only listed public GET requests are ever sent there, made anew without the caller's headers.
"""

import asyncio
from collections.abc import Callable, Collection, Sequence
from urllib.parse import parse_qs

import msgspec

from binance_trade_agent.binance.rest_transport import RestRequest, RestResponse, RestTransport
from binance_trade_agent.domain.errors import ExchangeError, NotSentError
from binance_trade_agent.ports.clock import Clock
from binance_trade_agent.simulation.markets.mirror import MirrorMarket
from binance_trade_agent.simulation.markets.mirror_feed import MirrorFeed

_TICKER_PATH = "/api/v3/ticker"
_PUBLIC_PATHS = frozenset(
    f"/api/v3/{name}" for name in ("ping", "exchangeInfo", "depth", "klines", "uiKlines", "avgPrice", "trades", "aggTrades", "ticker")
)
_CHANGING = frozenset({"DELETE", "PUT"})
_PLACING_PATH = "/api/v3/order"  # and what lies below it: order lists, cancel and replace, tests
_READING_PATHS = frozenset({"/api/v3/order", "/api/v3/openOrders", "/api/v3/allOrders", "/api/v3/myTrades", "/api/v3/account"})


class PaperTransport:
    """RestTransport that sends public market data requests upstream and everything else to the local exchange, whose mirror it keeps fresh.

    `resting_symbols` names the symbols in which the local exchange has open orders: their books, and what was traded meanwhile, are fetched
    before orders or balances are read without a symbol, and before such an order is cancelled or amended. These go on with the book they
    have when a refresh fails, because the local account is known in any case; a new order does not: NotSentError is raised, and nothing
    was placed. When the real exchange asks for silence (429, 418),
    nothing is sent there until its time is over, and requests for market data raise RateLimitedError.
    """

    def __init__(
        self,
        upstream: RestTransport,
        upstream_base_url: str,
        local: RestTransport,
        mirror: MirrorMarket,
        clock: Clock,
        *,
        resting_symbols: Callable[[], Collection[str]],
    ) -> None:
        self._upstream = upstream
        self._local = local
        self._mirror = mirror
        self._clock = clock
        self._feed = MirrorFeed(upstream, upstream_base_url, mirror, clock)
        self._resting_symbols = resting_symbols

    async def fetch(self, request: RestRequest) -> RestResponse:
        """Answer one request from where it belongs."""
        path, method = request.path, request.method
        if method == "GET" and (path in _PUBLIC_PATHS or path.startswith(f"{_TICKER_PATH}/")):
            return await self._feed.ask(path, request.query, request.timeout_s)
        deadline_ms = self._clock.monotonic_ms() + request.timeout_s * 1_000
        if method == "POST" and path.startswith(_PLACING_PATH):
            symbol = _symbol_of(request)
            if symbol in self._mirror.rules:  # else the local exchange refuses it, as the real one would
                await self._refresh_to_place(symbol, request.timeout_s)
        elif method == "GET" and path in _READING_PATHS:
            symbol = _symbol_of(request)
            await self._refresh_to_read([symbol] if symbol else sorted(self._resting_symbols()), request.timeout_s / 2)
        elif method in _CHANGING and _symbol_of(request) in self._resting_symbols():
            # What was traded before a cancel or an amendment arrives has filled the order before it.
            await self._refresh_to_read([_symbol_of(request)], request.timeout_s / 2)
        remaining_s = max(0.0, (deadline_ms - self._clock.monotonic_ms()) / 1_000)
        return await self._local.fetch(msgspec.structs.replace(request, timeout_s=remaining_s))

    async def aclose(self) -> None:
        """Close both sides."""
        try:
            await self._upstream.aclose()
        finally:
            await self._local.aclose()

    async def _refresh_to_place(self, symbol: str, timeout_s: float) -> None:
        try:
            await self._feed.refresh(symbol, timeout_s, self._resting_symbols())
        except (ExchangeError, TimeoutError) as error:
            raise NotSentError(f"paper order in {symbol} not placed, its book could not be fetched: {type(error).__name__}") from error

    async def _refresh_to_read(self, symbols: Sequence[str], timeout_s: float) -> None:
        known = [symbol for symbol in symbols if symbol in self._mirror.rules]
        resting = self._resting_symbols()
        outcomes = await asyncio.gather(*(self._feed.refresh(symbol, timeout_s, resting) for symbol in known), return_exceptions=True)
        for outcome in outcomes:
            if outcome is not None and not isinstance(outcome, (ExchangeError, TimeoutError)):
                raise outcome


def _symbol_of(request: RestRequest) -> str:
    """The `symbol` parameter of the query or the form body; empty when there is none."""
    for pairs in (request.query, request.body.decode("utf-8", "replace")):
        symbols = parse_qs(pairs).get("symbol")
        if symbols:
            return symbols[0]
    return ""
